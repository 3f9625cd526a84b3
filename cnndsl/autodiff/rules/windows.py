"""What pooling's gradients share: windows of a pooling node, and values spread back over them."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from cnndsl.autodiff.algorithms.geometry import Axis, integers, of_conv
from cnndsl.autodiff.backward import Backward
from cnndsl.graphs.writer import Writer


def windows(write: Writer, node: ir.Node) -> tuple[Axis, ...]:
    """The windows of a pooling node, an axis each; rounding up shows in where the last one ends."""
    x, y = node.inputs[0], node.outputs[0]
    assert x is not None
    channels = write.shape(x)[1]
    kernel = integers(node, "kernel_shape", [])
    return of_conv(node, write.shape(x), (channels, 1, *kernel), write.shape(y)).axes


def tiles(axes: Sequence[Axis]) -> bool:
    """Whether the windows lie side by side from the first value on, without gaps or overlap."""
    return all(a.kernel == a.stride and a.dilation == 1 and a.before == 0 for a in axes)


def repeat(back: Backward, value: ir.Value | None, axes: Sequence[Axis]) -> ir.Value:
    """Every value of the output's map over its whole tile; up to where the last tile ends."""
    scales = [1.0, 1.0, *(float(a.kernel) for a in axes)]
    return back.op(
        "Resize",
        value,
        None,
        back.constant(scales, "single"),
        mode="nearest",
        nearest_mode="floor",
        coordinate_transformation_mode="asymmetric",
    )


def fit(back: Backward, value: ir.Value, axes: Sequence[Axis], fill: float = 0.0) -> ir.Value:
    """From where the last tile ends to the input's size: less of it, or more with a filling."""
    ends = [a.stride * a.output for a in axes]
    if any(end > a.size for end, a in zip(ends, axes, strict=True)):
        value = cut(back, value, [0] * len(axes), [a.size for a in axes])
    missing = [max(a.size - end, 0) for end, a in zip(ends, axes, strict=True)]
    if any(missing):
        zeros = [0] * (len(axes) + 2)
        pads = back.constant([*zeros, 0, 0, *missing])
        value = back.op("Pad", value, pads, back.constant(fill, "float") if fill else None)
    return value


def cut(back: Backward, value: ir.Value, starts: Sequence[int], ends: Sequence[int]) -> ir.Value:
    """A part of a map."""
    axes = list(range(2, 2 + len(starts)))
    return back.op("Slice", value, *(back.constant(list(v)) for v in (starts, ends, axes)))
