"""Conv: its gradients are products of the same convolution, in the forms that `forms/` has."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from cnndsl.autodiff.backward import Backward, Gradient, rule
from cnndsl.autodiff.forms.choose import Product, write_product
from cnndsl.autodiff.forms.geometry import check_weight, of_conv


@rule("Conv")
def conv(back: Backward, node: ir.Node, received: Sequence[Gradient]) -> Sequence[Gradient]:
    """dX is dY spread through the flipped weight, dW is X slid over dY, dB is ΣdY."""
    (dy,) = received
    x, w, *rest = node.inputs
    assert x is not None and w is not None and dy is not None
    c = of_conv(node, back.shape(x), back.shape(w), back.shape(node.outputs[0]))
    check_weight(c, back.shape(w), back.shape(x)[1])
    wanted: list[Product] = ["forward"]
    if back.needs(x):
        wanted.append("input")
    if back.needs(w):
        wanted.append("weight")
    chosen = back.planner.choose(c, wanted)
    back.planner.placed[node] = chosen["forward"]
    dx = write_product(back, c, "input", chosen["input"], dy, w) if back.needs(x) else None
    dw = write_product(back, c, "weight", chosen["weight"], x, dy) if back.needs(w) else None
    return [dx, dw, *bias_gradients(back, rest, dy, c.rank)]


def bias_gradients(
    back: Backward, biases: Sequence[ir.Value | None], dy: ir.Value, rank: int
) -> list[Gradient]:
    """The sum over the batch and the space, if there is a bias."""
    axes = back.constant([0, *range(2, 2 + rank)])
    return [
        back.op("ReduceSum", dy, axes, keepdims=0) if back.needs(bias) else None for bias in biases
    ]
