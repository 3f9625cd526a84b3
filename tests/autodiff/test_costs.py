"""Predicted times: what is free, what grows, what is shared."""

from __future__ import annotations

import onnx_ir as ir

from cnndsl.autodiff.algorithms import pieces
from cnndsl.autodiff.costs import CALL, nanoseconds
from cnndsl.graphs.writer import Writer


def value(*shape: int) -> ir.Value:
    return ir.Value(name="v", shape=ir.Shape(shape), type=ir.TensorType(ir.DataType.FLOAT))


def cost(made: ir.Value, threads: int = 1) -> float:
    node = made.producer()
    assert node is not None
    return nanoseconds(node, threads)


def test_products_grow_with_what_is_multiplied() -> None:
    w = Writer()
    small = cost(pieces.matmul(w, value(64, 64), value(64, 64)))
    large = cost(pieces.matmul(w, value(512, 512), value(512, 512)))
    assert 400 < (large - CALL) / (small - CALL) < 600
    assert cost(pieces.matmul(w, value(512, 512), value(512, 512)), 2) < 0.6 * large
    # a row has the time of a vector, not that of the twelve rows that are computed at once
    row = cost(pieces.matmul(w, value(1, 512), value(512, 512)))
    assert row < cost(pieces.matmul(w, value(2, 512), value(512, 512)))


def test_reshapes_and_flags_are_free() -> None:
    w = Writer()
    a = value(8, 32, 16)
    assert cost(pieces.reshape(w, a, (8, 512))) == 0
    turned = pieces.turn(w, a)
    assert cost(turned) > 0  # nothing reads it
    pieces.matmul(w, turned, value(8, 32, 4))
    assert cost(turned) == 0


def test_short_runs_cost_more() -> None:
    w = Writer()
    few = cost(pieces.window(w, value(1024, 66), [1], [1], [64]))
    many = cost(pieces.window(w, value(16384, 6), [1], [1], [4]))
    assert many > 3 * few
    whole = cost(pieces.window(w, value(66, 1024), [0], [1], [64]))
    assert whole < few


def test_maps_beyond_the_cache_cost_more() -> None:
    w = Writer()
    near = cost(pieces.transpose(w, value(1000, 1000), (1, 0)))
    far = cost(pieces.transpose(w, value(8000, 1000), (1, 0)))
    assert far > 15 * near
