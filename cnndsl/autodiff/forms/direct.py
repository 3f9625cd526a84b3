"""The convolution itself, by the Conv operator."""

from __future__ import annotations

import onnx_ir as ir

from cnndsl.autodiff.backward import Backward
from cnndsl.autodiff.forms.geometry import Convolution
from cnndsl.autodiff.forms.pieces import window


def direct(back: Backward, c: Convolution, x: ir.Value, w: ir.Value) -> ir.Value:
    """y [batch, filters, outputs] from x and w.

    Inputs at the end that no window reads are cut off where the operator would find room for
    another window.
    """
    if any(a.unread >= a.stride for a in c.axes):
        sizes = [a.size - a.unread for a in c.axes]
        x = window(back, x, c.x_shape, range(2, 2 + c.rank), [0] * c.rank, sizes)
    return back.op(
        "Conv",
        x,
        w,
        kernel_shape=c.kernel,
        strides=c.strides,
        dilations=c.dilations,
        pads=c.pads,
        group=c.group,
    )
