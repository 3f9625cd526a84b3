"""The gradient of the input by ConvTranspose: right for every stride, dilation and group."""

from __future__ import annotations

import onnx_ir as ir

from cnndsl.autodiff.algorithms.geometry import Convolution
from cnndsl.autodiff.algorithms.pieces import make, window
from cnndsl.graphs.writer import Writer


def transposed(write: Writer, c: Convolution, dy: ir.Value, w: ir.Value) -> ir.Value:
    """dx [batch, channels, sizes] from dy and w.

    Pads are the same on both sides, which is all that the CUDA kernel takes; what is left of
    uneven ones is cut off by a Slice.
    """
    pads: list[int] = []
    extra: list[int] = []
    for a in c.axes:
        odd = a.before - a.after + a.unread
        even = 0 <= odd < a.stride
        pads.append(a.before if even else min(a.before, a.after))
        extra.append(odd if even else min(a.unread, a.stride - 1))
    sizes = [
        a.stride * (a.output - 1) + a.extent - 2 * p + e
        for a, p, e in zip(c.axes, pads, extra, strict=True)
    ]
    whole = make(
        write,
        "ConvTranspose",
        (c.batch, c.channels, *sizes),
        dy,
        w,
        kernel_shape=c.kernel,
        strides=c.strides,
        dilations=c.dilations,
        pads=(*pads, *pads),
        output_padding=extra,
        group=c.group,
    )
    starts = [a.before - p for a, p in zip(c.axes, pads, strict=True)]
    return window(write, whole, range(2, 2 + c.rank), starts, c.sizes)
