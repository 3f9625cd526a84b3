"""Conv: its gradients are products of the same convolution, in the forms that `forms/` has."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from cnndsl.autodiff.backward import Backward, Gradient, rule
from cnndsl.autodiff.forms.choose import input_gradient, weight_gradient
from cnndsl.autodiff.forms.geometry import of_conv


@rule("Conv")
def conv(back: Backward, node: ir.Node, received: Sequence[Gradient]) -> Sequence[Gradient]:
    """dX is dY spread through the flipped weight, dW is X slid over dY, dB is ΣdY."""
    (dy,) = received
    x, w, *rest = node.inputs
    assert x is not None and w is not None and dy is not None
    c = of_conv(node, back.shape(x), back.shape(w), back.shape(node.outputs[0]))
    return [
        input_gradient(back, c, dy, w) if back.needs(x) else None,
        weight_gradient(back, c, x, dy) if back.needs(w) else None,
        *(bias_gradient(back, dy, c.rank) if back.needs(bias) else None for bias in rest),
    ]


def bias_gradient(back: Backward, dy: ir.Value, rank: int) -> ir.Value:
    """The sum over the batch and the space."""
    return back.op("ReduceSum", dy, back.constant([0, *range(2, 2 + rank)]), keepdims=0)
