"""Receptive fields: published ones, and what a perturbed input shows."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from cnndsl.analyse import analyse
from cnndsl.lower import lower
from cnndsl.show.compare import Side
from cnndsl.specs import load
from tests.analyse.facts import Fact, analysed, facts, row_id
from tests.support.run_layer import run_network


@pytest.mark.parametrize("fact", facts("receptive_field"), ids=row_id)
def test_published_fields_of_the_last_map(fact: Fact) -> None:
    field = Side(fact["net"], analysed(fact["net"], fact["settings"]), 1).receptive_field()
    assert field is not None
    assert {axis.size for axis in field.axes} == {int(fact["size"])}
    assert {axis.step for axis in field.axes} == {int(fact["jump"])}
    if fact["padding"]:
        assert {-axis.start for axis in field.axes} == {int(fact["padding"])}


Field = tuple[int, Fraction, int]
"""Size, jump and start along an axis."""


def last_field(lines: str, shape: str = "1@64x64") -> tuple[Field, ...] | str:
    network, _ = load(f"cnndsl 1\nnet Field\ninput x {shape}\n{lines}")
    field = analyse(network).rows[-1].receptive_field
    assert field is not None
    return str(field) if field.everything else tuple((a.size, a.step, a.start) for a in field.axes)


def axis(size: int, jump: int | float | Fraction = 1, start: int = 0) -> Field:
    return size, Fraction(jump), start


@pytest.mark.parametrize(
    "lines, expected",
    [
        ("relu", axis(1)),
        ("conv 3x3 1", axis(3)),
        ("conv 3x3 1 same\nconv 3x3 1 s2 p1", axis(5, 2, -2)),
        ("conv 3x3 1 d4", axis(9)),
        ("pool 2x2\nconv 3x3 1", axis(6, 2)),
        ("avgpool 3x3 s2 p1\nupsample 2x2", axis(3, 1, -1)),
        ("conv 2x2 1 s2\ndeconv 2x2 1 s2", axis(2, 1, 0)),
        ("deconv 2x2 1 s3\nconv 3x3 1 half", axis(2, Fraction(1, 3), 0)),
        ("pad 2\nconv 3x3 1", axis(3, 1, -2)),
        ("crop 2\nconv 3x3 1", axis(3, 1, 2)),
        ("filter sobel_x", axis(3)),
        ("gap 8x8", axis(8, 8)),
        # What a crop's target sees doesn't matter: it gives the size alone.
        ("a: conv 3x3 1\nbig: conv 9x9 1\ncrop to=big from a", axis(3, 1, 4)),
        ("a: conv 1x1 1\nb: conv 5x5 1 same from x\nadd a", axis(5, 1, -2)),
    ],
)
def test_rules_of_layers(lines: str, expected: Field) -> None:
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


CHAINS = [
    "deconv k2 2 s3\nconv k3 2 half",
    "deconv k2 2 s3\nconv k2 2",
    "deconv k3 2 s2 p1 op1\nconv k3 2 half",
    "deconv k3 2 s2 d2\nconv k3 2",
    "deconv k5 2 s2 d3 p2\nconv k2 2\nconv k2 2",
    "deconv k4 2 s2 p1\ndeconv k4 2 s2 p1\nconv k3 2 s2 half",
    "deconv k7 2 s4\npool k3 s2",
    "upsample k2\nconv k2 2\nconv k2 2",
    "upsample k2\npool k2",
    "upsample k3 linear\nconv k3 2 half",
    "upsample k2 linear align_corners",
    "upsample k2 linear asymmetric\nconv k2 2",
    "upsample k=1.5\nconv k3 2 half",
    "upsample k=0.5 linear\nconv k3 2",
    "upsample k=0.75 half_pixel",
    "upsample size=81 linear align_corners\nconv k3 2",
    "conv k3 2 s2 half\ndeconv k2 2 s2\nconv k3 2 half\nadd x",
    "gap k6\nupsample size=24 linear",
    "gmp k9\nconv k2 2",
    "pool k3 s2 half\nupsample k2\nconv k3 2 half",
]


@pytest.mark.parametrize("lines", CHAINS)
def test_fields_as_a_perturbed_input_shows(lines: str) -> None:
    """How far apart the first and the last input that move a value lie at most, off the borders."""
    length = 24
    network, _ = load(f"cnndsl 1\nnet Field\ninput x 2@{length}\n{lines}\n")
    field = analyse(network).rows[-1].receptive_field
    assert field is not None
    random = np.random.default_rng(0)
    parameters = {
        name: np.abs(random.standard_normal(shape)).astype(np.float32) + 0.1
        for name, shape in ((n, p.shape) for n, p in lower(network).parameters.items())
    }
    x = np.tile(np.arange(length, dtype=np.float32), (2, 2, 1))  # so that maxima come last

    def run(x: np.ndarray) -> np.ndarray:
        return run_network(network, {"x": x}, parameters)[0][0]

    before = run(x)
    moved = np.zeros((before.shape[1], length), bool)
    for place in range(length):
        for more in (1e3, -1e3):
            other = x.copy()
            other[:, :, place] += np.float32(more)
            moved[:, place] |= (np.abs(run(other) - before) > 1e-3).any(0)
    far = [np.flatnonzero(row)[[0, -1]] for row in moved if row.any()]
    inner = [b - a + 1 for a, b in far if a > 0 and b < length - 1]
    assert max(inner) == field.axes[0].size
