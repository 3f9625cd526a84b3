"""AveragePool and GlobalAveragePool: dY over its count, spread over the window.

A window's count leaves padding out, or counts the padding that was asked for; what rounding up adds
behind it is never counted. The counts are known, so they are a constant map (or one number).

Spreading g = dY/count over windows is, where they lie side by side, repeating; with a stride of 1
it is adding up g over windows again, from the other side: output o reaches inputs i from o − b to
o − b + k − 1, so input i gets g from i + b − k + 1 to i + b. Else it is a transposed convolution
with ones, each channel an image of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from cnndsl.autodiff.algorithms.geometry import Axis, integers
from cnndsl.autodiff.backward import Backward, Gradient, rule
from cnndsl.autodiff.rules.windows import cut, fit, repeat, tiles, windows


@rule("AveragePool")
def average_pool(
    back: Backward, node: ir.Node, cotangents: Sequence[Gradient]
) -> Sequence[Gradient]:
    """dX = the sum of dY/count over the windows that hold an input."""
    (dy,), (x,) = cotangents, node.inputs
    assert x is not None
    axes = windows(back, node)
    counts = _counts(axes, node)
    if tiles(axes):
        share = back.op("Mul", dy, back.constant(1 / counts, "float"))
        return [fit(back, repeat(back, share, axes), axes)]
    if all(a.stride == 1 and a.dilation == 1 for a in axes):
        return [_slid_back(back, dy, counts, axes)]
    share = back.op("Mul", dy, back.constant(1 / counts, "float"))
    return [_stamped(back, share, back.shape(x), axes)]


@rule("GlobalAveragePool")
def global_average_pool(
    back: Backward, node: ir.Node, cotangents: Sequence[Gradient]
) -> Sequence[Gradient]:
    """dX = dY/area everywhere."""
    (dy,), (x,) = cotangents, node.inputs
    assert x is not None
    shape = back.shape(x)
    share = back.op("Mul", dy, back.constant(1 / prod(shape[2:]), "float"))
    return [back.op("Expand", share, back.constant(list(shape)))]


def _counts(axes: Sequence[Axis], node: ir.Node) -> npt.NDArray[np.float64]:
    """What each sum was divided by: a map [1, 1, …], or one number where all are equal."""
    asked = integers(node, "pads", [0] * 2 * len(axes))
    counted = node.attributes.get_int("count_include_pad", 0)
    same = node.attributes.get_string("auto_pad", "NOTSET").startswith("SAME")
    rows: list[npt.NDArray[np.float64]] = []
    for a, after in zip(axes, asked[len(axes) :], strict=True):
        low, high = (-a.before, a.size + (a.after if same else after)) if counted else (0, a.size)
        starts = np.arange(a.output)[:, None] * a.stride - a.before
        taps = starts + np.arange(a.kernel) * a.dilation
        rows.append(((taps >= low) & (taps < high)).sum(1).astype(np.float64))
    counts = rows[0]
    for row in rows[1:]:
        counts = counts[..., None] * row
    first = counts.flat[0]
    return np.asarray(first) if (counts == first).all() else counts[None, None]


def _slid_back(
    back: Backward, dy: Gradient, counts: npt.NDArray[np.float64], axes: Sequence[Axis]
) -> ir.Value:
    """The mean times the window's size is the sum, so the factor of dY is size/count."""
    kernel = [a.kernel for a in axes]
    factors = prod(kernel) / counts
    if factors.ndim or factors != 1:
        dy = back.op("Mul", dy, back.constant(factors, "float"))
    befores = [a.kernel - 1 - a.before for a in axes]
    afters = [a.size - 1 + a.before - (a.output - 1) for a in axes]
    assert dy is not None
    return back.op(
        "AveragePool",
        dy,
        kernel_shape=kernel,
        strides=[1] * len(axes),
        pads=[*befores, *afters],
        count_include_pad=1,
    )


def _stamped(
    back: Backward, share: ir.Value, shape: Sequence[int], axes: Sequence[Axis]
) -> ir.Value:
    """By ConvTranspose without pads, which are cut off after: they may differ on the two sides."""
    images = back.constant([shape[0] * shape[1], 1, *(a.output for a in axes)])
    kernel = [a.kernel for a in axes]
    extra = [max(a.size + a.before - a.stride * (a.output - 1) - a.extent, 0) for a in axes]
    fitting = [min(n, a.stride - 1) for n, a in zip(extra, axes, strict=True)]
    whole = back.op(
        "ConvTranspose",
        back.op("Reshape", share, images),
        back.constant(np.ones([1, 1, *kernel]), "float"),
        kernel_shape=kernel,
        strides=[a.stride for a in axes],
        dilations=[a.dilation for a in axes],
        output_padding=fitting,
    )
    have = [a.stride * (a.output - 1) + a.extent + n for a, n in zip(axes, fitting, strict=True)]
    missing = [max(a.before + a.size - n, 0) for a, n in zip(axes, have, strict=True)]
    if any(missing):
        whole = back.op("Pad", whole, back.constant([0, 0, *(0 for _ in axes), 0, 0, *missing]))
    starts = [a.before for a in axes]
    ends = [a.before + a.size for a in axes]
    if any(starts) or any(end < n for end, n in zip(ends, have, strict=True)):
        whole = cut(back, whole, starts, ends)
    return back.op("Reshape", whole, back.constant(list(shape)))
