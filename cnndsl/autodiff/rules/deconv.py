"""ConvTranspose: the convolution whose transpose it is has all its products."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from cnndsl.autodiff.backward import Backward, Gradient, rule
from cnndsl.autodiff.forms.choose import forward, weight_gradient
from cnndsl.autodiff.forms.geometry import of_transpose
from cnndsl.autodiff.rules.conv import bias_gradient


@rule("ConvTranspose")
def deconv(back: Backward, node: ir.Node, received: Sequence[Gradient]) -> Sequence[Gradient]:
    """dX is the convolution of dY, dW its weight gradient with X and dY in each other's place."""
    (dy,) = received
    x, w, *rest = node.inputs
    assert x is not None and w is not None and dy is not None
    c = of_transpose(node, back.shape(x), back.shape(w), back.shape(node.outputs[0]))
    return [
        forward(back, c, dy, w) if back.needs(x) else None,
        weight_gradient(back, c, dy, x) if back.needs(w) else None,
        *(bias_gradient(back, dy, c.rank) if back.needs(bias) else None for bias in rest),
    ]
