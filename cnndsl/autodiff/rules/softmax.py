"""Softmax and its logarithm."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from cnndsl.autodiff.backward import Backward, Gradient, rule


@rule("Softmax")
def softmax(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """∂yᵢ/∂xⱼ = yᵢ·([i = j] − yⱼ), so dX = Y·(dY − Σ dY·Y)."""
    (dy,), (y,) = cotangents, node.outputs
    total = back.op("ReduceSum", back.op("Mul", dy, y), _axis(back, node), keepdims=1)
    return [back.op("Mul", y, back.op("Sub", dy, total))]


@rule("LogSoftmax")
def log_softmax(
    back: Backward, node: ir.Node, cotangents: Sequence[Gradient]
) -> Sequence[Gradient]:
    """∂yᵢ/∂xⱼ = [i = j] − exp yⱼ, so dX = dY − exp Y·Σ dY."""
    (dy,), (y,) = cotangents, node.outputs
    total = back.op("ReduceSum", dy, _axis(back, node), keepdims=1)
    return [back.op("Sub", dy, back.op("Mul", back.op("Exp", y), total))]


def _axis(back: Backward, node: ir.Node) -> ir.Value:
    return back.constant([node.attributes.get_int("axis", -1)])
