"""All windows gathered into the columns of one matrix, the batch innermost: one product a layer.

A map is held as [channels, positions, batch], so that a tap of all windows is a Gather of whole
rows of the batch, and the weight takes part in its own layout: y = w·columns, dw = dy·columnsᵀ,
d(columns) = wᵀ·dy. With P positions of x, Q of y and K taps, any stride, dilation, pads, groups
and rank are a table of K·Q indices. The columns are K times as large as y's map, and serve the
forward pass and dw both. Where maps are small this is the fastest of all; the Conv operator
multiplies image by image, with as few columns as one image has positions.
"""

from __future__ import annotations

from math import prod

import numpy as np
import onnx_ir as ir

from cnndsl.autodiff.algorithms.direct import backwards, flip
from cnndsl.autodiff.algorithms.geometry import Convolution
from cnndsl.autodiff.algorithms.pieces import gather, matmul, reshape, total, transpose, turn
from cnndsl.graphs.writer import Writer

Table = np.ndarray[tuple[int, int], np.dtype[np.int64]]


def batch_last(write: Writer, x: ir.Value) -> ir.Value:
    """[channels, positions, batch] from [batch, channels, …]."""
    batch, channels, *sizes = write.shape(x)
    turned = transpose(write, reshape(write, x, (batch, channels * prod(sizes))), (1, 0))
    return reshape(write, turned, (channels, prod(sizes), batch))


def batch_first(write: Writer, y: ir.Value, shape: tuple[int, ...]) -> ir.Value:
    """The shape [batch, channels, …] from [channels, positions, batch] or what flattens to it."""
    turned = transpose(write, reshape(write, y, (prod(shape[1:]), shape[0])), (1, 0))
    return reshape(write, turned, shape)


LARGEST = 1 << 22
"""Taps times windows up to which the tables are of a sensible size."""


def fits(c: Convolution) -> bool:
    """Whether its table of reads is of a sensible size."""
    return prod(c.kernel) * prod(c.outputs) <= LARGEST


def reads(c: Convolution) -> Table:
    """Which position of x a tap (row) of a window (column) reads; P where it reads padding."""
    place = np.zeros((1, 1), np.int64)
    inside = np.ones((1, 1), bool)
    for a in c.axes:
        taps, outputs = np.arange(a.kernel), np.arange(a.output)
        at = taps[:, None] * a.dilation + outputs * a.stride - a.before
        # The axis joins those before: rows are taps, columns windows, the later axis innermost.
        place = (place[:, None, :, None] * a.size + at[:, None, :]).reshape(
            place.shape[0] * a.kernel, -1
        )
        here = (at >= 0) & (at < a.size)
        inside = (inside[:, None, :, None] & here[:, None, :]).reshape(place.shape)
    return np.where(inside, place, prod(c.sizes))


def fprop(write: Writer, c: Convolution, x: ir.Value, w: ir.Value) -> ir.Value:
    """y = w · columns(x)."""
    return batch_first(write, matmul(write, _weight(write, c, w), _columns(write, c, x)), c.y_shape)


def wgrad(write: Writer, c: Convolution, x: ir.Value, dy: ir.Value) -> ir.Value:
    """dw = dy · columns(x)ᵀ."""
    columns = _columns(write, c, x)
    return reshape(write, matmul(write, _rows(write, c, dy), turn(write, columns)), c.w_shape)


def dgrad(write: Writer, c: Convolution, dy: ir.Value, w: ir.Value) -> ir.Value:
    """dx: d(columns) = wᵀ·dy, every entry added to the position that it was read from.

    The sum is a product with a constant matrix of zeros and ones where maps are tiny, else a
    Gather of each position's readers and a sum over them.
    """
    taken = matmul(write, turn(write, _weight(write, c, w)), _rows(write, c, dy))
    if c.pointwise:
        return batch_first(write, taken, c.x_shape)
    table = reads(c)
    positions, windows = prod(c.sizes), table.size
    taken = reshape(write, taken, (c.channels, windows, c.batch))
    if positions <= SMALL:
        matrix = np.zeros((positions + 1, windows), np.float32)
        matrix[table.ravel(), np.arange(windows)] = 1
        return batch_first(
            write, matmul(write, write.constant(matrix[:-1], "float"), taken), c.x_shape
        )
    readers = _readers(table, positions)
    parts = gather(write, taken, readers.ravel(), 1)
    parts = reshape(write, parts, (c.channels, *readers.shape, c.batch))
    return batch_first(write, total(write, parts, [1]), c.x_shape)


def flipped(write: Writer, c: Convolution, dy: ir.Value, w: ir.Value) -> ir.Value:
    """dx for stride 1: the forward algorithm on dy with the weight backwards."""
    return fprop(write, flip(c), dy, backwards(write, c, w))


def flipped_wgrad(write: Writer, c: Convolution, x: ir.Value, dy: ir.Value) -> ir.Value:
    """dw for stride 1 from the columns of dy, which `flipped` has made."""
    other = flip(c)
    return backwards(write, other, wgrad(write, other, dy, x))


SMALL = 36
"""Up to so many positions the matrix of zeros and ones takes less time than the Gather."""


def _columns(write: Writer, c: Convolution, x: ir.Value) -> ir.Value:
    """[group, taps of all channels of the group, windows·batch]."""
    columns = batch_last(write, x)
    if not c.pointwise:
        columns = gather(write, columns, reads(c).ravel(), 1)
    taps = c.channels // c.group * prod(c.kernel)
    return reshape(write, columns, (c.group, taps, prod(c.outputs) * c.batch))


def _rows(write: Writer, c: Convolution, dy: ir.Value) -> ir.Value:
    return reshape(
        write, batch_last(write, dy), (c.group, c.filters // c.group, prod(c.outputs) * c.batch)
    )


def _weight(write: Writer, c: Convolution, w: ir.Value) -> ir.Value:
    return reshape(
        write, w, (c.group, c.filters // c.group, c.channels // c.group * prod(c.kernel))
    )


def _readers(table: Table, positions: int) -> Table:
    """For each position the entries of the columns that read it; the number of entries for none."""
    order = np.argsort(table.ravel(), kind="stable")
    sorted_places = table.ravel()[order]
    count = np.bincount(sorted_places, minlength=positions + 1)
    starts = np.cumsum(count) - count
    rank = np.arange(table.size) - starts[sorted_places]
    readers = np.full((int(count[:positions].max()), positions), table.size, np.int64)
    kept = sorted_places < positions
    readers[rank[kept], sorted_places[kept]] = order[kept]
    return readers
