"""ConvTranspose: the convolution whose transpose it is has all its products."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from cnndsl.autodiff.algorithms.choose import Product, write_product
from cnndsl.autodiff.algorithms.geometry import check_weight, of_transpose
from cnndsl.autodiff.backward import Backward, Gradient, rule
from cnndsl.autodiff.rules.conv import bias_gradients


@rule("ConvTranspose")
def deconv(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """dX is the convolution of dY, dW its weight gradient with X and dY in each other's place."""
    (dy,) = cotangents
    x, w, *rest = node.inputs
    assert x is not None and w is not None and dy is not None
    c = of_transpose(node, back.shape(x), back.shape(w), back.shape(node.outputs[0]))
    check_weight(c, back.shape(w), back.shape(x)[1])
    products: list[Product] = ["dgrad"]
    if back.needs(x):
        products.append("fprop")
    if back.needs(w):
        products.append("wgrad")
    chosen = back.planner.choose(c, products)
    back.planner.placed[node] = chosen["dgrad"]
    dx = write_product(back, c, "fprop", chosen["fprop"], dy, w) if back.needs(x) else None
    dw = write_product(back, c, "wgrad", chosen["wgrad"], dy, x) if back.needs(w) else None
    return [dx, dw, *bias_gradients(back, rest, dy, c.rank)]
