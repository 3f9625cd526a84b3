"""MaxPool's gradient over windows that overlap, by products with matrices that select.

As in `separable.py` a pooling is one along each axis, and so is its gradient. Tap t of all windows
along an axis is a product with a matrix S_t of zeros and ones [output, size], which does stride,
dilation and padding by the way: a tap beyond the map reads the nearest value of its window that
lies within, which wins or loses as that one does. The way back is the product with the transposed
matrix. Products are exact, since all but one term of each sum is 0.

A product also turns the map for nothing: the axis it is about is the last before and the first
behind it, so that it is the next axis' turn.

On two CPU threads a step of a net that is hardly more than such a pooling takes 9.1 ms where slices
and pads take 17.2 (32x480x12x12 in windows of 3x3, stride 2), 3.3 where they take 6.7 (32x832x3x3,
stride 1), and 23 as they do (32x64x48x48, stride 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import onnx_ir as ir

from cnndsl.autodiff.algorithms.geometry import Axis
from cnndsl.autodiff.algorithms.pieces import concat, make, matmul, reshape, transpose, turn
from cnndsl.autodiff.backward import Backward
from cnndsl.autodiff.rules.masks import equal

WIDEST = 24
"""Up to this size of an axis. A product multiplies every value so many times; from there on slices
and pads of long rows take less.
"""


@dataclass(frozen=True, slots=True)
class _Level:
    """A pooling along one axis: its taps and what is the largest of them, both [output, rest]."""

    axis: Axis
    taps: Sequence[ir.Value]
    largest: ir.Value


def spread_by_products(
    back: Backward, node: ir.Node, dy: ir.Value, axes: Sequence[Axis]
) -> ir.Value:
    """dX of a MaxPool."""
    (x,) = node.inputs
    assert x is not None
    maps, windows = prod(back.shape(x)[:2]), prod(a.output for a in axes)
    y, gradient = (
        transpose(back, reshape(back, v, (maps, windows)), (1, 0)) for v in (node.outputs[0], dy)
    )
    levels: list[_Level] = []
    for axis in reversed(axes):
        last = axis is axes[0]
        levels.append(_level(back, levels[-1].largest if levels else x, axis, y if last else None))
    for level in reversed(levels):
        gradient = _spread(back, level, gradient)
    return reshape(back, gradient, back.shape(x))


def select(axis: Axis, tap: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """S_t: the input that a tap of each output reads."""
    places = np.arange(axis.output)[:, None] * axis.stride - axis.before
    places = places + np.arange(axis.kernel) * axis.dilation
    inside = (places >= 0) & (places < axis.size)
    first, last = inside.argmax(1), axis.kernel - 1 - inside[:, ::-1].argmax(1)
    rows = np.arange(axis.output)
    matrix = np.zeros((axis.output, axis.size), np.float32)
    matrix[rows, places[rows, np.clip(tap, first, last)]] = 1
    return matrix


def _level(back: Backward, value: ir.Value, axis: Axis, largest: ir.Value | None) -> _Level:
    """The pooling along a value's last axis; `largest` where that is known."""
    rest = prod(back.shape(value)) // axis.size
    rows = turn(back, reshape(back, value, (rest, axis.size)))
    matrices = [back.constant(select(axis, tap), "float") for tap in range(axis.kernel)]
    taps = [matmul(back, matrix, rows) for matrix in matrices]
    shape = (axis.output, rest)
    if largest is not None:
        return _Level(axis, taps, reshape(back, largest, shape))
    return _Level(axis, taps, make(back, "Max", shape, *taps) if len(taps) > 1 else taps[0])


def _spread(back: Backward, level: _Level, dy: ir.Value) -> ir.Value:
    """Tap by tap, each output gives what it has left of dY where the tap is the largest; the last
    tap takes the rest. The result is [rest, size].
    """
    axis, shape = level.axis, back.shape(level.largest)
    left, given = reshape(back, dy, shape), list[ir.Value]()
    for value in level.taps[:-1]:
        part = make(back, "Mul", shape, left, equal(back, value, level.largest))
        left = make(back, "Sub", shape, left, part)
        given.append(part)
    joined = concat(back, [*given, left], 0)
    taps = np.vstack([select(axis, tap) for tap in range(axis.kernel)])
    return matmul(back, turn(back, joined), back.constant(taps, "float"))
