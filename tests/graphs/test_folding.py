"""What is computed before a graph runs: as much as a model may ask for, and no more."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
from onnx import helper

from cnndsl.diagnostics import UsageError
from cnndsl.graphs.folding import LARGEST, MOST_BESIDE, MOST_TIMES, Folding, FoldingError, fold
from cnndsl.importing import import_model
from cnndsl.lower.external import read_external
from tests.support.graphs import Graph, f32, integers, numbers

SIDES = 2048, 2000
MANY = 60
MOST_BYTES = 1 << 29
"""Half of what a command may take for a small input (docs/reliability.md)."""


def chained(folder: Path) -> Path:
    """A few bytes that ask for sixty tensors of 16 MB, one after the other."""
    g = Graph("N", 3, 8, 8)
    large = g.op("Expand", f32(1), integers(*SIDES))
    for _ in range(MANY):
        large = g.op("Add", large, f32(1))
    mean = g.op("ReduceMean", large, keepdims=0)
    return g.save(folder, g.op("Mul", g.op("Conv", "x", numbers(4, 3, 3, 3)), mean))


def test_import_refuses_constants_that_are_too_large_together(tmp_path: Path) -> None:
    path = chained(tmp_path)
    tracemalloc.start()
    try:
        with pytest.raises(UsageError, match=r"Add `t\d+` is one of too many computed constants"):
            import_model(path)
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()


def test_training_keeps_no_constant_that_nobody_takes(tmp_path: Path) -> None:
    foreign = read_external(chained(tmp_path))
    tracemalloc.start()
    try:
        graph = foreign.with_batch(2)
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()
    held = [v.const_value.size for v in graph.initializers.values() if v.const_value is not None]
    assert sum(held) < 2 * np.prod(SIDES)


def test_what_a_model_stores_it_may_turn_several_times() -> None:
    weight = np.zeros(LARGEST, np.float32)
    folding = Folding(weight.size)
    node = helper.make_node("Identity", ["w"], ["same"])
    for _ in range(MOST_TIMES + MOST_BESIDE // weight.size):
        assert folding.evaluate(node, 18, {"w": weight}) is not None
    with pytest.raises(FoldingError, match="too many computed constants"):
        folding.evaluate(node, 18, {"w": weight})


def test_a_node_is_computed_as_its_graph_has_it() -> None:
    """Before opset 13 a Squeeze has its axes as an attribute."""
    x = ir.Value(name="x", const_value=ir.tensor(np.zeros((1, 2, 1), np.int64), name="x"))
    node = ir.node("Squeeze", [x], {"axes": [2]})
    node.outputs[0].name = "y"
    last = ir.node("Identity", [node.outputs[0]])
    last.outputs[0].name = "z"
    graph = ir.Graph([], last.outputs, nodes=[node, last], initializers=[x], opset_imports={"": 12})
    assert fold(graph)
    assert graph.initializers["y"].const_value is not None
    assert graph.initializers["y"].const_value.shape == ir.Shape([1, 2])
    assert "x" not in graph.initializers
