"""`cnndsl zoo`: the list and the specs."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from cnndsl import resources
from cnndsl.cli import main
from cnndsl.cli.zoo import description


def cnndsl(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def test_the_list_names_every_net() -> None:
    result = cnndsl("zoo")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 100
    names = [
        line.split()[0]
        for line in lines[2:]
        if line and not line.startswith(("params", "MACs", "HxW"))
    ]
    assert tuple(names) == resources.zoo_names()
    vgg16 = next(line for line in lines if line.startswith("vgg16 "))
    assert vgg16.split()[1:6] == ["138", "M", "15.5", "G", "3@224x224"]
    assert vgg16.endswith("VGG-16: Simonyan, Zisserman 2014")
    unet = next(line for line in lines if line.startswith("unet "))
    assert " 10.1 G  1@HxW at 224x224 " in unet


def test_json() -> None:
    data = json.loads(cnndsl("zoo", "--format", "json").stdout)
    assert [net["name"] for net in data["nets"]] == list(resources.zoo_names())
    assert all(net["description"] and net["params"] > 0 for net in data["nets"])
    lenet5 = next(net for net in data["nets"] if net["name"] == "lenet5")
    assert (lenet5["params"], lenet5["macs"]) == (61_706, 416_520)
    assert lenet5["inputs"] == [{"name": "image", "shape": [1, 28, 28]}]


def test_show_prints_the_file() -> None:
    printed = cnndsl("zoo", "show", "vgg16").stdout
    assert printed == resources.zoo_path("vgg16").read_text(encoding="utf-8")


def test_show_suggests() -> None:
    result = cnndsl("zoo", "show", "vgg61")
    assert result.exit_code == 1
    assert "the zoo has no net called 'vgg61'; did you mean" in result.stderr


@pytest.mark.parametrize(
    "text, expected",
    [
        ('cnndsl 1\n# Net: A, B 2014, "A title",\n# arXiv:1.\nnet N\n', "Net: A, B 2014"),
        ("# A net of ours. It is small.\n", "A net of ours"),
        ("# After He et al. 2015, arXiv:1512.\n# More.\n", "After He et al. 2015"),
        ("# One\n# two\n\n# three\n", "One two"),
        ("net N\n", ""),
    ],
)
def test_descriptions(text: str, expected: str) -> None:
    assert description(text) == expected
