"""Elementary functions of one value."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi, sqrt

import onnx_ir as ir

from cnndsl.autodiff.backward import ZERO_GRADIENT, Backward, Gradient, rule


@rule("Exp")
def exp(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """dX = dY·Y."""
    return [back.op("Mul", *cotangents, node.outputs[0])]


@rule("Log")
def log(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """dX = dY/X."""
    return [back.op("Div", *cotangents, node.inputs[0])]


@rule("Sqrt")
def square_root(
    back: Backward, node: ir.Node, cotangents: Sequence[Gradient]
) -> Sequence[Gradient]:
    """dX = dY/(2·Y)."""
    (dy,), (y,) = cotangents, node.outputs
    return [back.op("Div", back.op("Mul", dy, back.constant(0.5, "float")), y)]


@rule("Reciprocal")
def reciprocal(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """dX = −dY·Y²."""
    (dy,), (y,) = cotangents, node.outputs
    return [back.op("Neg", back.op("Mul", dy, back.op("Mul", y, y)))]


@rule("Abs")
def absolute(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """dX = dY·sign X, 0 at 0."""
    return [back.op("Mul", *cotangents, back.op("Sign", node.inputs[0]))]


@rule("Erf")
def erf(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """dX = dY·2/√π·exp(−X²)."""
    (dy,), (x,) = cotangents, node.inputs
    bell = back.op("Exp", back.op("Neg", back.op("Mul", x, x)))
    return [back.op("Mul", dy, back.op("Mul", bell, back.constant(2 / sqrt(pi), "float")))]


@rule("Atan")
def arc_tangent(
    back: Backward, node: ir.Node, cotangents: Sequence[Gradient]
) -> Sequence[Gradient]:
    """dX = dY/(1 + X²)."""
    (dy,), (x,) = cotangents, node.inputs
    below = back.op("Add", back.op("Mul", x, x), back.constant(1.0, "float"))
    return [back.op("Div", dy, below)]


@rule("Sin")
def sine(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """dX = dY·cos X."""
    return [back.op("Mul", *cotangents, back.op("Cos", node.inputs[0]))]


@rule("Cos")
def cosine(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """dX = −dY·sin X."""
    return [back.op("Neg", back.op("Mul", *cotangents, back.op("Sin", node.inputs[0])))]


ZERO_GRADIENT.update(
    ("Shape", "Size", "ConstantOfShape", "ArgMax", "ArgMin", "NonZero", "IsNaN", "IsInf"),
    ("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "And", "Or", "Not", "Xor"),
    ("Floor", "Ceil", "Round", "Sign"),
)


@rule(*ZERO_GRADIENT)
def flat(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """Whole numbers and truth values."""
    return [None for _ in node.inputs]
