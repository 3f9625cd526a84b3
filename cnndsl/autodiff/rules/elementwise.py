"""Elementwise operators, and the sums that undo their broadcasting."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from cnndsl.autodiff.backward import Backward, Gradient, rule


def unbroadcast(
    back: Backward, gradient: ir.Value, shape: Sequence[int], of: Sequence[int]
) -> ir.Value:
    """Sum a gradient of shape `of` over the axes along which a value of `shape` was repeated."""
    lead = len(of) - len(shape)
    padded = [1] * lead + list(shape)
    axes = [i for i, (n, m) in enumerate(zip(padded, of, strict=True)) if n != m]
    if axes:
        gradient = back.op("ReduceSum", gradient, back.constant(axes), keepdims=1)
    if lead:
        gradient = back.op("Reshape", gradient, back.constant(list(shape)))
    return gradient


@rule("Add")
def add(back: Backward, node: ir.Node, received: Sequence[Gradient]) -> Sequence[Gradient]:
    """Both operands get dY, summed where they were broadcast."""
    (dy,) = received
    assert dy is not None
    return [_to(back, dy, node, value) for value in node.inputs]


@rule("Sub")
def sub(back: Backward, node: ir.Node, received: Sequence[Gradient]) -> Sequence[Gradient]:
    """dA = dY, dB = −dY."""
    (dy,) = received
    a, b = node.inputs
    assert dy is not None
    return [
        _to(back, dy, node, a),
        _to(back, back.op("Neg", dy), node, b) if back.needs(b) else None,
    ]


@rule("Mul")
def mul(back: Backward, node: ir.Node, received: Sequence[Gradient]) -> Sequence[Gradient]:
    """dA = dY·B, dB = dY·A."""
    (dy,) = received
    a, b = node.inputs
    return [
        _to(back, back.op("Mul", dy, b), node, a) if back.needs(a) else None,
        _to(back, back.op("Mul", dy, a), node, b) if back.needs(b) else None,
    ]


@rule("Relu")
def relu(back: Backward, node: ir.Node, received: Sequence[Gradient]) -> Sequence[Gradient]:
    """dX = dY where Y > 0."""
    (dy,), (y,) = received, node.outputs
    zero = back.constant(0.0, "float")
    return [back.op("Where", back.op("Greater", y, zero), dy, zero)]


def _to(back: Backward, gradient: ir.Value, node: ir.Node, value: ir.Value | None) -> Gradient:
    if value is None or not back.needs(value):
        return None
    return unbroadcast(back, gradient, back.shape(value), back.shape(node.outputs[0]))
