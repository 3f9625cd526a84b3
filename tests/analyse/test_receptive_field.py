"""Receptive fields: published ones, and what a perturbed input shows."""

from __future__ import annotations

from fractions import Fraction

import pytest

from cnndsl.analyse import analyse
from cnndsl.analyse.receptive import AxisField
from cnndsl.show.compare import Side
from cnndsl.specs import load
from tests.analyse.facts import Fact, analysed, facts, row_id


@pytest.mark.parametrize("fact", facts("receptive_field"), ids=row_id)
def test_published_fields_of_the_last_map(fact: Fact) -> None:
    field = Side(fact["net"], analysed(fact["net"], fact["settings"]), 1).receptive_field()
    assert field is not None
    assert {axis.size for axis in field.axes} == {int(fact["size"])}
    assert {axis.jump for axis in field.axes} == {int(fact["jump"])}
    if fact["padding"]:
        assert {-axis.start for axis in field.axes} == {int(fact["padding"])}


def last_field(lines: str, shape: str = "1@64x64") -> tuple[AxisField, ...] | str:
    network, _ = load(f"cnndsl 1\nnet Field\ninput x {shape}\n{lines}")
    field = analyse(network).rows[-1].receptive_field
    assert field is not None
    return str(field) if field.everything else field.axes


def axis(size: int, jump: int | float = 1, start: int | float = 0) -> AxisField:
    return AxisField(Fraction(size), Fraction(jump), Fraction(start))


@pytest.mark.parametrize(
    "lines, expected",
    [
        ("relu", axis(1)),
        ("conv 3x3 1", axis(3)),
        ("conv 3x3 1 same\nconv 3x3 1 s2 p1", axis(5, 2, -2)),
        ("conv 3x3 1 d4", axis(9)),
        ("pool 2x2\nconv 3x3 1", axis(6, 2)),
        ("avgpool 3x3 s2 p1\nupsample 2x2", axis(3, 1, Fraction(-3, 2))),
        ("conv 2x2 1 s2\ndeconv 2x2 1 s2", axis(2, 1, Fraction(-1, 2))),
        ("pad 2\nconv 3x3 1", axis(3, 1, -2)),
        ("crop 2\nconv 3x3 1", axis(3, 1, 2)),
        ("filter sobel_x", axis(3)),
        ("gap 8x8", axis(8, 8)),
        # What a crop's target sees doesn't matter: it gives the size alone.
        ("a: conv 3x3 1\nbig: conv 9x9 1\ncrop to=big from a", axis(3, 1, 4)),
        ("a: conv 1x1 1\nb: conv 5x5 1 same from x\nadd a", axis(5, 1, -2)),
    ],
)
def test_rules_of_layers(lines: str, expected: AxisField) -> None:
    found = last_field(lines)
    assert found == (expected, expected)


@pytest.mark.parametrize("lines", ["gap", "fc 3", "flatten", "ln all", "inorm", "gap\nconv 1x1 3"])
def test_some_layers_see_everything(lines: str) -> None:
    assert last_field(lines) == "all"


def test_a_map_made_of_a_vector_has_no_places_in_the_input() -> None:
    assert last_field("reshape 4@5x5\nconv 3x3 8 same", "@100") == "all"
    assert last_field("relu", "@100") == ()


def test_axes_differ() -> None:
    assert last_field("conv 1x7 1\nconv 3x1 1 s2x1") == (axis(3, 2), axis(7, 1))
