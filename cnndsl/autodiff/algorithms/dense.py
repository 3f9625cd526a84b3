"""Depthwise convolutions of small maps: one dense matrix a channel.

With P positions of x and Q of y, a channel's whole convolution is a P×Q matrix T whose entries are
weights or zero: y = x·T, dx = dy·Tᵀ, dTᵀ = dyᵀ·x, all of them products over [channels, batch,
positions]. T is w times a constant matrix of zeros and ones, dw is dT times its transpose. There
are P/taps times as many multiplications as needed, but a product of matrices does 20 to 40 times
as many a second as the Conv operator does where a group has one filter.
"""

from __future__ import annotations

from functools import cache
from math import prod

import numpy as np
import onnx_ir as ir

from cnndsl.autodiff.algorithms.columns import reads
from cnndsl.autodiff.algorithms.geometry import Convolution
from cnndsl.autodiff.algorithms.pieces import matmul, reshape, transpose, turn
from cnndsl.graphs.writer import Writer

LARGEST = 2**22
"""The constant matrix has at most so many entries: 16 MB."""


def fits(c: Convolution) -> bool:
    """Whether the constant matrix is of a sensible size."""
    return c.depthwise and prod((*c.sizes, *c.outputs, *c.kernel)) <= LARGEST


def fprop(write: Writer, c: Convolution, x: ir.Value, w: ir.Value) -> ir.Value:
    """y = x·T."""
    y = matmul(write, _maps(write, x), matrices(write, c, w))
    return reshape(write, transpose(write, y, (1, 0, 2)), c.y_shape)


def dgrad(write: Writer, c: Convolution, dy: ir.Value, w: ir.Value) -> ir.Value:
    """dx = dy·Tᵀ."""
    dx = matmul(write, _maps(write, dy), turn(write, matrices(write, c, w)))
    return reshape(write, transpose(write, dx, (1, 0, 2)), c.x_shape)


def wgrad(write: Writer, c: Convolution, x: ir.Value, dy: ir.Value) -> ir.Value:
    """dTᵀ = dyᵀ·x, and from it dw."""
    return taps(write, c, matmul(write, turn(write, _maps(write, dy)), _maps(write, x)))


def _maps(write: Writer, value: ir.Value) -> ir.Value:
    """[channels, batch, positions]."""
    batch, channels, *sizes = write.shape(value)
    return transpose(write, reshape(write, value, (batch, channels, prod(sizes))), (1, 0, 2))


def taps(write: Writer, c: Convolution, whole: ir.Value) -> ir.Value:
    """dw from dTᵀ [channels, Q, P]: the sum over a tap's places."""
    sizes = (prod(c.outputs), prod(c.sizes))
    flat = reshape(write, whole, (c.channels, prod(sizes)))
    places = _places(c).reshape(-1, sizes[1], sizes[0]).transpose(2, 1, 0).reshape(prod(sizes), -1)
    return reshape(write, matmul(write, flat, write.constant(places, "float")), c.w_shape)


def matrices(write: Writer, c: Convolution, w: ir.Value) -> ir.Value:
    """T [channels, P, Q]."""
    flat = reshape(write, w, (c.channels, prod(c.kernel)))
    whole = matmul(write, flat, write.constant(_places(c), "float"))
    return reshape(write, whole, (c.channels, prod(c.sizes), prod(c.outputs)))


@cache
def _places(c: Convolution) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """[taps, P·Q]: where in T a tap stands."""
    table = reads(c)
    taps, windows = table.shape
    positions = prod(c.sizes)
    places = np.zeros((taps, positions + 1, windows), np.float32)
    rows, columns = np.indices(table.shape)
    places[rows, table, columns] = 1
    return places[:, :positions].reshape(taps, -1)
