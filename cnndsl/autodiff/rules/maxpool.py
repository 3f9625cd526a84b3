"""MaxPool: each dY goes to where its window has its maximum, the first one where several tie.

Ties are common: a constant background is one. PyTorch's and ONNX Runtime's forward passes take the
first in the order of memory, and so do both ways here.

Windows side by side: compare X with its maxima. Positions in a window are numbered downwards from
the first one, k = [X = Y]·number holds the numbers of those that tie, and the largest of a window
is the first: dX = dY·[k = largest k]. Windows by nature are compared on maps of X's size, with Y,
largest k and dY repeated over them.

Windows that overlap, or leave gaps: an axis after the other. By products (`selecting.py`) where
maps are small and products exact, which they aren't in 16 bits, nor on a GPU that multiplies in
fewer digits than float32 has; else by slices (`separable.py`).

Where the forward pass has indices anyway, for an unpooling, or where windows are large: dY is added
up at these places. Asking for indices makes ONNX Runtime's forward pass ten times as long on the
CPU: for 64x16x28x28 in windows of 2x2, both passes take 8.8 ms so, and 1.7 by comparison.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import onnx_ir as ir

from cnndsl.autodiff.algorithms.geometry import Axis
from cnndsl.autodiff.backward import Backward, Gradient, rule
from cnndsl.autodiff.rules.masks import equal
from cnndsl.autodiff.rules.selecting import WIDEST, spread_by_products
from cnndsl.autodiff.rules.separable import spread_by_axes
from cnndsl.autodiff.rules.windows import cut, fit, repeat, tiles, windows

MOST_TAPS = 24  # by axes every tap costs the same, by indices a window does


@rule("MaxPool")
def max_pool(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """By comparison, at once or by axes, or by indices."""
    dy, *_ = cotangents
    assert dy is not None
    axes = windows(back, node)
    if len(node.outputs) > 1:
        return [_by_indices(back, node, dy, axes)]
    if tiles(axes):
        return [_by_comparison(back, node, dy, axes)]
    if sum(a.kernel for a in axes) > MOST_TAPS:
        return [_by_indices(back, node, dy, axes)]
    exact = back.planner.device == "cpu" and back.planner.precision == "float32"
    if exact and all(a.size <= WIDEST for a in axes):
        return [spread_by_products(back, node, dy, axes)]
    return [spread_by_axes(back, node, dy, axes)]


def _by_comparison(back: Backward, node: ir.Node, dy: ir.Value, axes: Sequence[Axis]) -> ir.Value:
    (x,), (y,) = node.inputs, node.outputs
    assert x is not None
    kernel = [a.kernel for a in axes]
    covered = [a.output * a.kernel for a in axes]
    if any(n > a.size for n, a in zip(covered, axes, strict=True)):  # rounded up: the last is cut
        missing = [n - a.size for n, a in zip(covered, axes, strict=True)]
        pads = back.constant([0, 0, *(0 for _ in axes), 0, 0, *(max(n, 0) for n in missing)])
        x = back.op("Pad", x, pads, back.constant(-np.inf, "float"))
    if any(n < a.size for n, a in zip(covered, axes, strict=True)):
        x = cut(back, x, [0] * len(axes), covered)
    numbers = np.arange(prod(kernel), 0, -1).reshape(kernel)
    tiled = np.tile(numbers, [a.output for a in axes])[None, None]
    tied = back.op("Mul", equal(back, x, repeat(back, y, axes)), back.constant(tiled, "float"))
    first = back.op("MaxPool", tied, kernel_shape=kernel, strides=kernel)
    mask = equal(back, tied, repeat(back, first, axes))
    return fit(back, back.op("Mul", repeat(back, dy, axes), mask), axes)


def _by_indices(back: Backward, node: ir.Node, dy: ir.Value, axes: Sequence[Axis]) -> ir.Value:
    """The indices count through the whole batch, so that dX is a flat array meanwhile."""
    (x,) = node.inputs
    assert x is not None
    if len(node.outputs) == 1:
        node.resize_outputs(2)
        node.outputs[1].name = f"{node.outputs[0].name}/indices"
    shape, flat = back.shape(x), back.constant([-1])
    zero = ir.tensor(np.zeros(1, back.float_type.numpy()))
    zeros = back.op("ConstantOfShape", back.constant([prod(shape)]), value=zero)
    places, values = back.op("Reshape", node.outputs[1], flat), back.op("Reshape", dy, flat)
    apart = all(a.stride >= a.extent for a in axes)
    reduction = "none" if apart else "add"
    scattered = back.op("ScatterElements", zeros, places, values, axis=0, reduction=reduction)
    return back.op("Reshape", scattered, back.constant(list(shape)))


@rule("GlobalMaxPool")
def global_max_pool(
    back: Backward, node: ir.Node, cotangents: Sequence[Gradient]
) -> Sequence[Gradient]:
    """DY goes to the first maximum of every channel."""
    (dy,), (x,) = cotangents, node.inputs
    assert x is not None
    shape = back.shape(x)
    rows = [*shape[:2], prod(shape[2:])]
    flat = back.op("Reshape", x, back.constant(rows))
    places = back.op("ArgMax", flat, axis=2, keepdims=1)
    zero = ir.tensor(np.zeros(1, back.float_type.numpy()))
    zeros = back.op("ConstantOfShape", back.constant(rows), value=zero)
    values = back.op("Reshape", dy, back.constant([*shape[:2], 1]))
    scattered = back.op("ScatterElements", zeros, places, values, axis=2)
    return [back.op("Reshape", scattered, back.constant(list(shape)))]
