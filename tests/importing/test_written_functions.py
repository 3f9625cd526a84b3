"""Functions that are written as arithmetic become the language's."""

from __future__ import annotations

from math import pi
from pathlib import Path

import pytest

import cnndsl
from cnndsl.importing import import_model
from tests.support.graphs import Graph, f32
from tests.support.imported import assert_same, compiled

EDGES = Path(__file__).resolve().parents[2] / "examples" / "edges.cnn"


@pytest.mark.parametrize(
    ("axes", "word"), [([2, 3], "minmax"), ([-1, -2], "minmax"), ([1, 2, 3], "minmax all")]
)
def test_minimum_and_maximum(axes: list[int], word: str, tmp_path: Path) -> None:
    g = Graph(1, 4, 6, 6)
    low = g.op("ReduceMin", "x", axes=axes)
    extent = g.op("Sub", g.op("ReduceMax", "x", axes=axes), low)
    found = g.imported(tmp_path, g.op("Div", g.op("Sub", "x", low), extent))
    assert next(line for line in found.text.splitlines() if "minmax" in line).endswith(word)


def test_what_only_looks_like_it(tmp_path: Path) -> None:
    """Other axes below than above, or something added to the range."""
    g = Graph(1, 4, 6, 6)
    low = g.op("ReduceMin", "x", axes=[2, 3])
    extent = g.op("Sub", g.op("ReduceMax", "x", axes=[1, 2, 3]), low)
    assert "minmax" not in g.words(tmp_path, g.op("Div", g.op("Sub", "x", low), extent))
    g = Graph(1, 4, 6, 6)
    low = g.op("ReduceMin", "x", axes=[2, 3])
    extent = g.op("Sub", g.op("ReduceMax", "x", axes=[2, 3]), low)
    extent = g.op("Add", extent, f32(0.5))
    assert "minmax" not in g.words(tmp_path, g.op("Div", g.op("Sub", "x", low), extent))


def test_an_angle_as_pytorch_exports_it(tmp_path: Path) -> None:
    g = Graph(1, 4, 6, 6)
    y, x = g.op("Tanh", "x"), g.op("Sub", "x", f32(0.5))
    slope = g.op("Atan", g.op("Div", y, x))
    above, below = g.op("Add", slope, f32(pi)), g.op("Sub", slope, f32(pi))
    turned = g.op("Where", g.op("Greater", y, f32(0)), above, below)
    angle = g.op("Where", g.op("Less", x, f32(0)), turned, slope)
    assert "atan2" in g.words(tmp_path, angle)


@pytest.mark.parametrize("direction", [0, 1])
def test_what_cnndsl_writes_comes_back(direction: int, tmp_path: Path) -> None:
    model = tmp_path / "edges.onnx"
    cnndsl.compile(cnndsl.parse(EDGES, settings={"direction": direction}), model)
    imported = import_model(model)
    assert "minmax" in imported.text
    assert ("atan2" in imported.text) == bool(direction)
    assert_same(model, compiled(imported, tmp_path))
