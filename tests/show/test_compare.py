"""Nets side by side."""

from __future__ import annotations

import json

import pytest

from cnndsl.analyse import analyse
from cnndsl.show.compare import Side, as_csv, as_json, as_markdown, as_text, depth
from cnndsl.specs import load
from tests.show.nets import OPEN, SMALL, analysed
from tests.support.golden import Golden


def side(name: str, batch: int = 1) -> Side:
    return Side(name, analyse(load(name)[0]), batch)


@pytest.mark.parametrize(
    "name, layers",
    [
        ("alexnet", 8),
        ("vgg16", 16),
        ("vgg19", 19),
        ("googlenet", 22),
        ("resnet18", 18),
        ("resnet50", 50),
        ("resnet152", 152),
        ("resnet110", 110),
        ("unet", 23),
    ],
)
def test_depth_is_what_the_papers_call_it(name: str, layers: int) -> None:
    assert depth(load(name)[0]) == layers


@pytest.mark.parametrize("show", [as_text, as_markdown, as_csv, as_json])
def test_formats(show: object, golden: Golden) -> None:
    assert callable(show)
    name = f"compare/{show.__name__.removeprefix('as_')}"
    sides = lambda text: [Side("net.cnn", analysed(text), 2), Side("open.cnn", analysed(OPEN), 2)]  # noqa: E731
    golden(name, SMALL, lambda text: show(sides(text)))


def test_many_nets_go_into_several_tables() -> None:
    text = as_text([side(n) for n in ("vgg16", "resnet50", "googlenet", "mobilenet_v2", "lenet5")])
    lines = text.splitlines()
    assert max(map(len, lines)) <= 100
    assert sum(line.startswith("input ") for line in lines) == 2


def test_one_long_name_is_cut() -> None:
    text = as_text([Side("x" * 200, analysed(SMALL), 1), Side("y", analysed(SMALL), 1)])
    assert max(map(len, text.splitlines())) <= 100


def test_files_are_called_by_their_stem_where_that_tells_them_apart() -> None:
    small = analysed(SMALL)
    text = as_text([Side("a/one.cnn", small, 1), Side("b/two.cnn:n=1", small, 1)])
    assert text.split("\n")[0].split() == ["one", "two:n=1"]
    text = as_text([Side("a/net.cnn", small, 1), Side("b/net.cnn", small, 1)])
    assert text.split("\n")[0].split() == ["a/net.cnn", "b/net.cnn"]


def test_ratios_are_to_the_first() -> None:
    data = json.loads(as_json([side("vgg16"), side("resnet50")]))
    first, second = data["nets"]
    assert set(first["ratios"].values()) == {1.0}
    assert second["ratios"]["params"] == pytest.approx(25_557_032 / 138_357_544, abs=1e-6)
    opened = json.loads(as_json([side("vgg16"), side("unet")]))["nets"][1]
    assert opened["macs"] is opened["ratios"]["macs"] is None


def test_nothing_on_the_way_sees_less_than_everything() -> None:
    blind = analysed("cnndsl 1\nnet B\ninput x 3@8x8\ngap\n")
    assert Side("b", blind, 1).receptive_field() is None
    assert "sees" in as_text([Side("b", blind, 1), Side("c", blind, 1)])
