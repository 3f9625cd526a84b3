"""The gradient of the weight as a convolution of x with dy: right for all, fast for few channels.

Batch and channels change places, strides become dilations and the other way round:
dw[o, c, i] = Σ over n, y of x[n, c, s·y + d·i − before] · dy[n, o, y].
"""

from __future__ import annotations

import onnx_ir as ir

from cnndsl.autodiff.algorithms.geometry import Convolution
from cnndsl.autodiff.algorithms.pieces import make, reshape, transpose, window
from cnndsl.graphs.writer import Writer


def convolved(write: Writer, c: Convolution, x: ir.Value, dy: ir.Value) -> ir.Value:
    """dw [filters, channels/group, kernel] from x and dy.

    The new convolution has as many groups as the old one: in each, the group's channels are its
    batch, the old batch its channels.
    """
    spatial = range(2, 2 + c.rank)
    inner = c.channels // c.group
    if c.group == 1:
        turned = transpose(write, x, (1, 0, *spatial))
    else:
        split = reshape(write, x, (c.batch, c.group, inner, *c.sizes))
        split = transpose(write, split, (2, 1, 0, *(a + 1 for a in spatial)))
        turned = reshape(write, split, (inner, c.group * c.batch, *c.sizes))
    found = [
        (a.size + a.before + a.after - a.stride * (a.output - 1) - 1) // a.dilation + 1
        for a in c.axes
    ]
    whole = make(
        write,
        "Conv",
        (inner, c.filters, *found),
        turned,
        transpose(write, dy, (1, 0, *spatial)),
        kernel_shape=c.outputs,
        strides=c.dilations,
        dilations=c.strides,
        pads=c.pads,
        group=c.group,
    )
    whole = window(write, whole, spatial, [0] * c.rank, c.kernel)
    return transpose(write, whole, (1, 0, *spatial))
