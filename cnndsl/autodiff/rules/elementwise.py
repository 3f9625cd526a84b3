"""Arithmetic, and the sums that undo its broadcasting."""

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


def to_input(back: Backward, gradient: ir.Value, node: ir.Node, number: int) -> Gradient:
    """A gradient of the output's shape as one of the input of that number, if that is needed."""
    value = node.inputs[number]
    if value is None or not back.needs(value):
        return None
    return unbroadcast(back, gradient, back.shape(value), back.shape(node.outputs[0]))


@rule("Add", "Sum")
def add(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """Every operand gets dY, summed where it was broadcast."""
    (dy,) = cotangents
    assert dy is not None
    return [to_input(back, dy, node, i) for i in range(len(node.inputs))]


@rule("Mean")
def mean(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """Every one of n operands gets dY/n."""
    (dy,), count = cotangents, len(node.inputs)
    share = back.op("Mul", dy, back.constant(1 / count, "float"))
    return [to_input(back, share, node, i) for i in range(count)]


@rule("Sub")
def sub(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """dA = dY, dB = −dY, the sign changed after summing where B was broadcast."""
    (dy,) = cotangents
    assert dy is not None
    db = to_input(back, dy, node, 1)
    return [to_input(back, dy, node, 0), back.op("Neg", db) if db is not None else None]


@rule("Mul")
def mul(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """dA = dY·B, dB = dY·A."""
    (dy,) = cotangents
    a, b = node.inputs
    return [
        to_input(back, back.op("Mul", dy, b), node, 0) if back.needs(a) else None,
        to_input(back, back.op("Mul", dy, a), node, 1) if back.needs(b) else None,
    ]


@rule("Div")
def div(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """dA = dY/B, dB = −dY·A/B² = −(dY/B)·Y."""
    (dy,), (_, b), (y,) = cotangents, node.inputs, node.outputs
    da = back.op("Div", dy, b)
    db = None
    if back.needs(b):
        db = to_input(back, back.op("Mul", da, y), node, 1)
        assert db is not None
        db = back.op("Neg", db)
    return [to_input(back, da, node, 0), db]


@rule("Neg")
def neg(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """dX = −dY."""
    return [back.op("Neg", *cotangents)]


@rule("Pow")
def pow(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """dA = dY·b·a^(b−1), dB = dY·Y·ln a.

    Squares and cubes, which activations hold, go by products: a power takes ten times as long.
    """
    (dy,), (a, b), (y,) = cotangents, node.inputs, node.outputs
    da = db = None
    if back.needs(a):
        power = _constant_number(b)
        if power == 2:
            slope = back.op("Mul", a, back.constant(2.0, "float"))
        elif power == 3:
            tripled = back.op("Mul", a, back.constant(3.0, "float"))
            slope = back.op("Mul", tripled, a)
        elif power is not None:
            less = back.op("Pow", a, back.constant(power - 1, "float"))
            slope = back.op("Mul", less, back.constant(power, "float"))
        else:
            exponent = back.op("Cast", b, to=back.float_type)
            less = back.op("Sub", exponent, back.constant(1.0, "float"))
            slope = back.op("Mul", back.op("Pow", a, less), exponent)
        da = to_input(back, back.op("Mul", dy, slope), node, 0)
    if back.needs(b):
        slope = back.op("Mul", y, back.op("Log", a))
        db = to_input(back, back.op("Mul", dy, slope), node, 1)
    return [da, db]


def _constant_number(value: ir.Value | None) -> float | None:
    """The number that a constant tensor holds, if it is one number."""
    if value is None or value.const_value is None or value.const_value.size != 1:
        return None
    return float(value.const_value.numpy().reshape(()))
