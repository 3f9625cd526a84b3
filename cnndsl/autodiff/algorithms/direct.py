"""The convolution itself, by the Conv operator, and the gradient of its input by another."""

from __future__ import annotations

from dataclasses import replace

import onnx_ir as ir

from cnndsl.autodiff.algorithms.geometry import Axis, Convolution
from cnndsl.autodiff.algorithms.pieces import make, reshape, steps, transpose, window
from cnndsl.graphs.writer import Writer


def direct(write: Writer, c: Convolution, x: ir.Value, w: ir.Value) -> ir.Value:
    """y [batch, filters, outputs] from x and w.

    Inputs at the end that no window reads are cut off where the operator would find room for
    another window; so are those before a window that begins inside.
    """
    starts = [max(-a.before, 0) for a in c.axes]
    ends = [a.size - (a.unread if a.unread >= a.stride else 0) for a in c.axes]
    sizes = [e - s for s, e in zip(starts, ends, strict=True)]
    x = window(write, x, range(2, 2 + c.rank), starts, sizes)
    return make(
        write,
        "Conv",
        c.y_shape,
        x,
        w,
        kernel_shape=c.kernel,
        strides=c.strides,
        dilations=c.dilations,
        pads=(*(max(a.before, 0) for a in c.axes), *(a.after for a in c.axes)),
        group=c.group,
    )


def flipped(write: Writer, c: Convolution, dy: ir.Value, w: ir.Value) -> ir.Value:
    """dx from dy and w, stride 1: dy convolved with the weight backwards, its channels exchanged.

    dx[c, p] = Σ over o, i of dy[o, p − d·i + before] · w[o, c, i].
    """
    return direct(write, flip(c), dy, backwards(write, c, w))


def flip(c: Convolution) -> Convolution:
    """From y's shape to x's: what `flipped` does to sizes."""
    axes = (
        Axis(a.output, a.kernel, 1, a.dilation, a.extent - 1 - a.before, a.size) for a in c.axes
    )
    return replace(c, channels=c.filters, filters=c.channels, axes=tuple(axes))


def backwards(write: Writer, c: Convolution, w: ir.Value) -> ir.Value:
    """[channels, filters/group, kernel] from [filters, channels/group, kernel], taps reversed."""
    spatial = range(2, 2 + c.rank)
    back = steps(write, w, spatial, [1 if k == 1 else -1 for k in c.kernel])
    if c.depthwise:
        return back
    outer, inner = c.filters // c.group, c.channels // c.group
    split = reshape(write, back, (c.group, outer, inner, *c.kernel))
    split = transpose(write, split, (0, 2, 1, *(a + 1 for a in spatial)))
    return reshape(write, split, (c.channels, outer, *c.kernel))
