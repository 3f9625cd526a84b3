"""ConvTranspose: the convolution whose transpose it is has all its products."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from cnndsl.autodiff.backward import Backward, Gradient, rule
from cnndsl.autodiff.forms.choose import Product, write_product
from cnndsl.autodiff.forms.geometry import check_weight, of_transpose
from cnndsl.autodiff.rules.conv import bias_gradients


@rule("ConvTranspose")
def deconv(back: Backward, node: ir.Node, received: Sequence[Gradient]) -> Sequence[Gradient]:
    """dX is the convolution of dY, dW its weight gradient with X and dY in each other's place."""
    (dy,) = received
    x, w, *rest = node.inputs
    assert x is not None and w is not None and dy is not None
    c = of_transpose(node, back.shape(x), back.shape(w), back.shape(node.outputs[0]))
    check_weight(c, back.shape(w), back.shape(x)[1])
    wanted: list[Product] = ["input"]
    if back.needs(x):
        wanted.append("forward")
    if back.needs(w):
        wanted.append("weight")
    chosen = back.planner.choose(c, wanted)
    back.planner.placed[node] = chosen["input"]
    dx = write_product(back, c, "forward", chosen["forward"], dy, w) if back.needs(x) else None
    dw = write_product(back, c, "weight", chosen["weight"], dy, x) if back.needs(w) else None
    return [dx, dw, *bias_gradients(back, rest, dy, c.rank)]
