"""`cnndsl compare`: nets and variants, and the example that lectures show."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cnndsl.cli import main

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "inception_branch"


def cnndsl(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def test_variants_of_one_net() -> None:
    result = cnndsl("compare", "vgg16", "vgg16:classes=10", "vgg16:3@448x448", "--format", "json")
    assert result.exit_code == 0, result.output
    plain, small, large = json.loads(result.stdout)["nets"]
    assert plain["params"] - small["params"] == 990 * 4097
    assert large["macs"] > 3.9 * plain["macs"]
    assert large["name"] == "vgg16:3@448x448"


def test_a_model_is_a_net_as_well(tmp_path: Path) -> None:
    model = tmp_path / "lenet.onnx"
    assert cnndsl("compile", "lenet5", "-o", str(model)).exit_code == 0
    result = cnndsl("compare", "lenet5", str(model), "--format", "json")
    assert result.exit_code == 0, result.output
    spec, same = json.loads(result.stdout)["nets"]
    for figure in ("params", "macs", "flops"):
        assert spec[figure] == same[figure]
    assert "61,706" in cnndsl("report", str(model)).stdout
    refused = cnndsl("check", str(model))
    assert refused.exit_code and "`cnndsl import " in refused.output


def test_largest_batches_are_those_of_the_report() -> None:
    nets = ("alexnet", "vgg16")
    result = cnndsl("compare", *nets, "--memory", "16GB", "--format", "json")
    for name, found in zip(nets, json.loads(result.stdout)["nets"], strict=True):
        report = cnndsl("report", name, "--memory", "16GB", "--format", "json").stdout
        largest = json.loads(report)["memory"]["largest_batch"]
        assert found["training_batch"] == largest["training"] > 1
        assert found["inference_batch"] == largest["inference"] > found["training_batch"]
    table = cnndsl("compare", *nets, "--memory", "16GB").stdout
    assert "fits into 16GB" in table and "train batch" in table
    assert "train batch" not in cnndsl("compare", *nets).stdout
    assert "none" not in cnndsl("compare", "vgg16", "unet", "--memory", "1MB").stdout.lower()


def test_options_hold_for_all_and_variants_win() -> None:
    result = cnndsl(
        *("compare", "lenet5", "lenet5:classes=3", "--set", "classes=5", "--format", "json")
    )
    first, second = json.loads(result.stdout)["nets"]
    assert (first["settings"], second["settings"]) == ({"classes": 5}, {"classes": 3})


@pytest.mark.parametrize("form", ["table", "md", "csv", "json"])
def test_formats(form: str) -> None:
    result = cnndsl("compare", "lenet5", "lenet", "--format", form)
    assert result.exit_code == 0
    assert "431080" in result.stdout.replace(",", "")


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["vgg16"], "a comparison needs two nets or more"),
        (["vgg16", "nosuch"], "there is no file `nosuch`"),
        (["vgg16", "vgg16:oops=1"], "the net has no parameter `oops` to set"),
        (["vgg16", "vgg16:3@"], "`3@` is no input shape"),
        (["vgg16", "vgg19", "--memory", "much"], "`--memory much` is no amount"),
        (["vgg16", "vgg16:oops"], "there is no file `vgg16:oops`"),
    ],
)
def test_errors(arguments: list[str], message: str) -> None:
    result = cnndsl("compare", *arguments)
    assert result.exit_code == 1
    assert message in result.stderr


def test_the_inception_branch() -> None:
    """120 million multiply-adds directly, 12.4 million through 16 channels."""
    specs = [str(EXAMPLE / "direct.cnn"), str(EXAMPLE / "reduced.cnn")]
    direct, reduced = json.loads(cnndsl("compare", *specs, "--format", "json").stdout)["nets"]
    assert direct["macs"] == 28 * 28 * 32 * 5 * 5 * 192 == 120_422_400
    assert reduced["macs"] == 28 * 28 * (16 * 192 + 32 * 5 * 5 * 16) == 12_443_648


def test_its_readme_shows_what_the_command_prints() -> None:
    text = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```console\n\$ cnndsl (.*)\n((?:.|\n)*?)```", text)
    arguments = [str(EXAMPLE.parent.parent / a) if "/" in a else a for a in shown[0].split()]
    assert cnndsl(*arguments).stdout == shown[1]
