"""Reductions over axes: dY goes back over them."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import onnx_ir as ir

from cnndsl.autodiff.backward import Backward, Gradient, rule
from cnndsl.autodiff.rules.masks import equal
from cnndsl.diagnostics import UsageError

SMALLEST_LENGTH = 1e-20  # smaller ones have no squares in float32


@rule("ReduceSum")
def reduce_sum(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """dX = dY everywhere."""
    return _gradients(node, _spread(back, node, _kept(back, node, cotangents[0])))


@rule("ReduceMean")
def reduce_mean(
    back: Backward, node: ir.Node, cotangents: Sequence[Gradient]
) -> Sequence[Gradient]:
    """dX = dY/count everywhere."""
    (x,) = node.inputs[:1]
    assert x is not None
    shape = back.shape(x)
    count = prod(shape[axis] for axis in _axes(back, node))
    share = back.op("Mul", cotangents[0], back.constant(1 / count, "float"))
    return _gradients(node, _spread(back, node, _kept(back, node, share)))


@rule("ReduceMax", "ReduceMin")
def reduce_extremum(
    back: Backward, node: ir.Node, cotangents: Sequence[Gradient]
) -> Sequence[Gradient]:
    """DY goes to the values that equal Y, in equal shares where several do."""
    (dy,), (y,), axes = cotangents, node.outputs, back.constant(_axes(back, node))
    mask = equal(back, node.inputs[0], _kept(back, node, y))
    share = back.op("Div", _kept(back, node, dy), back.op("ReduceSum", mask, axes, keepdims=1))
    return _gradients(node, back.op("Mul", mask, share))


@rule("ReduceSumSquare")
def reduce_sum_square(
    back: Backward, node: ir.Node, cotangents: Sequence[Gradient]
) -> Sequence[Gradient]:
    """dX = 2·X·dY."""
    twice = back.op("Mul", cotangents[0], back.constant(2.0, "float"))
    return _gradients(node, back.op("Mul", node.inputs[0], _kept(back, node, twice)))


@rule("ReduceL2")
def reduce_l2(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """Y = √ΣX²: dX = X·dY/Y, and 0 where Y is."""
    length = back.op("Max", node.outputs[0], back.constant(SMALLEST_LENGTH, "float"))
    share = back.op("Div", cotangents[0], length)
    return _gradients(node, back.op("Mul", node.inputs[0], _kept(back, node, share)))


@rule("ReduceL1")
def reduce_l1(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """Y = Σ|X|: dX = sign X·dY."""
    sign = back.op("Sign", node.inputs[0])
    return _gradients(node, back.op("Mul", sign, _kept(back, node, cotangents[0])))


@rule("ReduceLogSumExp")
def reduce_log_sum_exp(
    back: Backward, node: ir.Node, cotangents: Sequence[Gradient]
) -> Sequence[Gradient]:
    """Y = ln Σ exp X: dX = exp(X − Y)·dY."""
    lowered = back.op("Sub", node.inputs[0], _kept(back, node, node.outputs[0]))
    share = back.op("Mul", back.op("Exp", lowered), _kept(back, node, cotangents[0]))
    return _gradients(node, share)


def _axes(back: Backward, node: ir.Node) -> list[int]:
    """The axes that are reduced, counted from 0; none given means all."""
    x, *rest = node.inputs
    assert x is not None
    rank = len(back.shape(x))
    axes = list(node.attributes.get_ints("axes") or [])
    if rest and rest[0] is not None:
        constant = rest[0].const_value
        if constant is None:
            raise UsageError("it reduces over axes that aren't fixed, so it has no gradient yet")
        axes = [int(axis) for axis in constant.numpy()]
    if not axes and not node.attributes.get_int("noop_with_empty_axes", 0):
        axes = list(range(rank))
    return [axis % rank for axis in axes]


def _kept(back: Backward, node: ir.Node, value: ir.Value | None) -> ir.Value:
    """A value of Y's shape with the reduced axes as 1."""
    (x,) = node.inputs[:1]
    assert x is not None and value is not None
    if node.attributes.get_int("keepdims", 1):
        return value
    axes = _axes(back, node)
    shape = [1 if axis in axes else n for axis, n in enumerate(back.shape(x))]
    return back.op("Reshape", value, back.constant(shape))


def _spread(back: Backward, node: ir.Node, value: ir.Value) -> ir.Value:
    (x,) = node.inputs[:1]
    assert x is not None
    return back.op("Expand", value, back.constant(list(back.shape(x))))


def _gradients(node: ir.Node, dx: ir.Value) -> list[Gradient]:
    return [dx, *[None for _ in node.inputs[1:]]]
