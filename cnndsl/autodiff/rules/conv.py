"""Conv: gradients by standard operators, in the forms that `forms/` chooses between."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from cnndsl.autodiff.backward import Backward, Gradient, rule


def attribute(node: ir.Node, name: str, default: Sequence[int]) -> list[int]:
    """A list of integers among a node's attributes."""
    found = node.attributes.get(name)
    return list(found.as_ints()) if found is not None else list(default)


@rule("Conv")
def conv(back: Backward, node: ir.Node, received: Sequence[Gradient]) -> Sequence[Gradient]:
    """dX by ConvTranspose; dW as a convolution of X with dY, batch and channels swapped.

    dB is the sum of dY over the batch and the space.
    """
    (dy,) = received
    x, w, *rest = node.inputs
    assert x is not None and w is not None and dy is not None
    gradients: list[Gradient] = [
        _input_gradient(back, node, dy) if back.needs(x) else None,
        None,
    ]
    if rest and back.needs(rest[0]):
        axes = [0, *range(2, len(back.shape(x)))]
        gradients.append(back.op("ReduceSum", dy, back.constant(axes), keepdims=0))
    return gradients


def _input_gradient(back: Backward, node: ir.Node, dy: ir.Value) -> ir.Value:
    x, w = node.inputs[:2]
    assert x is not None and w is not None
    rank = len(back.shape(x)) - 2
    kernel = back.shape(w)[2:]
    stride = attribute(node, "strides", [1] * rank)
    dilation = attribute(node, "dilations", [1] * rank)
    pads = attribute(node, "pads", [0] * 2 * rank)
    group = node.attributes.get_int("group", 1)
    sizes = zip(back.shape(x)[2:], back.shape(node.outputs[0])[2:], strict=True)
    unread = [
        n + pads[i] + pads[rank + i] - dilation[i] * (kernel[i] - 1) - 1 - (m - 1) * stride[i]
        for i, (n, m) in enumerate(sizes)
    ]
    return back.op(
        "ConvTranspose",
        dy,
        w,
        kernel_shape=kernel,
        strides=stride,
        dilations=dilation,
        pads=pads,
        output_padding=unread,
        group=group,
    )
