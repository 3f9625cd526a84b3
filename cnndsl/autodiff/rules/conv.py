"""Conv: its gradients are products of the same convolution, by the algorithms of `algorithms/`."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from cnndsl.autodiff.algorithms.choose import Product, write_product
from cnndsl.autodiff.algorithms.geometry import check_weight, of_conv
from cnndsl.autodiff.backward import Backward, Gradient, rule


@rule("Conv")
def conv(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """dX is dY spread through the flipped weight, dW is X slid over dY, dB is ΣdY."""
    (dy,) = cotangents
    x, w, *rest = node.inputs
    assert x is not None and w is not None and dy is not None
    c = of_conv(node, back.shape(x), back.shape(w), back.shape(node.outputs[0]))
    check_weight(c, back.shape(w), back.shape(x)[1])
    products: list[Product] = ["fprop"]
    if back.needs(x):
        products.append("dgrad")
    if back.needs(w):
        products.append("wgrad")
    chosen = back.planner.choose(c, products)
    back.planner.placed[node] = chosen["fprop"]
    dx = write_product(back, c, "dgrad", chosen["dgrad"], dy, w) if back.needs(x) else None
    dw = write_product(back, c, "wgrad", chosen["wgrad"], x, dy) if back.needs(w) else None
    return [dx, dw, *bias_gradients(back, rest, dy, c.rank)]


def bias_gradients(
    back: Backward, biases: Sequence[ir.Value | None], dy: ir.Value, rank: int
) -> list[Gradient]:
    """The sum over the batch and the space, if there is a bias."""
    axes = back.constant([0, *range(2, 2 + rank)])
    return [
        back.op("ReduceSum", dy, axes, keepdims=0) if back.needs(bias) else None for bias in biases
    ]
