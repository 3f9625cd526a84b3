"""Small windows with fewer multiplications (Winograd), written as products of matrices alone.

m outputs of a window of r taps need m + r − 1 multiplications instead of m·r: with E the matrices
that evaluate a polynomial at n = m + r − 1 points (one of them infinity) and V the square one,

    y = E_mᵀ · ((E_r·w) ∘ (V⁻ᵀ·x))

is the transpose of the multiplication of polynomials by their values at points (Cook, Toom; Lavin
and Gray 2015, arXiv:1509.09308). Axes nest. A whole axis is transformed by one constant matrix
that holds V⁻ᵀ once a tile, overlaps, padding and the last, shorter tile included; so there is no
Pad, no Slice, and the transposed matrix is the transform's gradient, which is why all three
products have this algorithm, all in the transformed domain:

    x̃ = B·x    w̃ = G·w·Gᵀ    ỹ = x̃·w̃ᵀ    y = A·ỹ    (B, A: every axis)
    dỹ = Aᵀ·dy    dx = Bᵀ·(dỹ·w̃)    dw = Gᵀ·(dỹᵀ·x̃)·G

x̃ serves y and dw, dỹ serves dx and dw. Transformed maps are held as [points, tiles, …, batch,
channels], so that in the middle stand n·n products of tiles·batch by channels by filters: 4 times
fewer multiplications for m = 4, r = 3 than the Conv operator has.

Rounding: the points 0, ±2/3, ±3/2 (n = 6) were the best of those tried, the error (rms, float32,
64 to 256 channels) is 1.6 times that of the plain sum; for n = 4 it is not larger, for n = 8
(0, ±1/2, ±1, ±2) 6 times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from cnndsl.autodiff.algorithms.geometry import Axis, Convolution
from cnndsl.autodiff.algorithms.pieces import matmul, reshape, total, transpose, turn
from cnndsl.graphs.writer import Writer

Matrix = NDArray[np.float64]

POINTS: dict[int, tuple[float, ...]] = {
    1: (),
    4: (0, 1, -1),
    6: (0, 2 / 3, -2 / 3, 3 / 2, -3 / 2),
    8: (0, 1 / 2, -1 / 2, 1, -1, 2, -2),
}
"""Where polynomials are evaluated, by their number, infinity not named."""

WIDE = 12
"""From this size of every axis on maps are turned back by products (measured at 4, 8, 14, 16)."""


def evaluate(points: Sequence[float], terms: int) -> Matrix:
    """Values of a polynomial of so many coefficients at the points, and its last coefficient."""
    finite = np.array([[p**i for i in range(terms)] for p in points]).reshape(-1, terms)
    return np.vstack([finite, np.eye(terms)[-1:]])


@dataclass(frozen=True)
class Tiling:
    """One axis cut into tiles of `tile` outputs."""

    axis: Axis
    tile: int

    @property
    def points(self) -> int:
        """Multiplications a tile."""
        return self.tile + self.axis.kernel - 1

    @property
    def tiles(self) -> int:
        """How many tiles there are; the last may reach beyond the axis."""
        return -(-self.axis.output // self.tile)

    @cached_property
    def into(self) -> Matrix:
        """B [points·tiles, size]: from x to its transform, the point the slower index."""
        values = np.linalg.inv(evaluate(POINTS[self.points], self.points)).T
        whole = np.zeros((self.points, self.tiles, self.axis.size))
        for t in range(self.tiles):
            first = t * self.tile - self.axis.before
            for i in range(max(-first, 0), min(self.points, self.axis.size - first)):
                whole[:, t, first + i] = values[:, i]
        return whole.reshape(-1, self.axis.size)

    @cached_property
    def out(self) -> Matrix:
        """A [output, points·tiles]: from the product to y."""
        values = evaluate(POINTS[self.points], self.tile).T
        whole = np.zeros((self.axis.output, self.points, self.tiles))
        for t in range(self.tiles):
            rows = min(self.tile, self.axis.output - t * self.tile)
            whole[t * self.tile : t * self.tile + rows, :, t] = values[:rows]
        return whole.reshape(self.axis.output, -1)

    @cached_property
    def weight(self) -> Matrix:
        """G [points, kernel]: from the weight to its transform."""
        return evaluate(POINTS[self.points], self.axis.kernel)


@dataclass(frozen=True)
class Winograd:
    """The products of one convolution (stride, dilation and group 1) by tiles along its axes.

    `regroup` says how dw adds up over tiles: by one product of all tiles, for which x̃ and dỹ are
    rearranged, or by a sum over the products of each row of tiles.
    """

    c: Convolution
    tilings: tuple[Tiling, ...]
    regroup: bool

    def fprop(self, write: Writer, x: ir.Value, w: ir.Value) -> ir.Value:
        """y = A·(x̃·w̃ᵀ)."""
        product = matmul(write, self.inner(write, x), turn(write, self.weight(write, w)))
        return self._back(write, product, [t.out for t in self.tilings], self.c.y_shape)

    def dgrad(self, write: Writer, dy: ir.Value, w: ir.Value) -> ir.Value:
        """dx = Bᵀ·(dỹ·w̃)."""
        product = matmul(write, self.outer(write, dy), self.weight(write, w))
        return self._back(write, product, [t.into.T for t in self.tilings], self.c.x_shape)

    def wgrad(self, write: Writer, x: ir.Value, dy: ir.Value) -> ir.Value:
        """dw = Gᵀ·(dỹᵀ·x̃)·G, the sum over tiles and batch within the product."""
        rank, points = self.c.rank, prod(t.points for t in self.tilings)
        x, dy = self.inner(write, x), self.outer(write, dy)
        if self.regroup:
            x, dy = self._all_tiles(write, x), self._all_tiles(write, dy)
        parts = matmul(write, turn(write, dy), x)
        if not self.regroup:
            parts = total(write, parts, range(1, 2 * rank - 1, 2))
        parts = reshape(write, parts, (points, self.c.filters * self.c.channels))
        matrix = write.constant(self._weights(), "float")
        return reshape(write, matmul(write, turn(write, parts), matrix), self.c.w_shape)

    def inner(self, write: Writer, x: ir.Value) -> ir.Value:
        """x̃ [points, tiles, …, points, tiles·batch, channels]."""
        return self._transformed(write, x, [t.into for t in self.tilings])

    def outer(self, write: Writer, dy: ir.Value) -> ir.Value:
        """dỹ, shaped like x̃, with filters for channels."""
        return self._transformed(write, dy, [t.out.T for t in self.tilings])

    def weight(self, write: Writer, w: ir.Value) -> ir.Value:
        """w̃ [points, 1, …, points, filters, channels], the same for all tiles."""
        pairs = self.c.filters * self.c.channels
        flat = reshape(write, w, (pairs, prod(self.c.kernel)))
        matrix = write.constant(self._weights(), "float")
        whole = matmul(write, matrix, turn(write, flat))
        shape = [n for t in self.tilings for n in (t.points, 1)][:-1]
        return reshape(write, whole, (*shape, self.c.filters, self.c.channels))

    def _transformed(self, write: Writer, value: ir.Value, matrices: Sequence[Matrix]) -> ir.Value:
        """[points, tiles, …, tiles·batch, channels] from [batch, channels, …].

        The last axis is read as the rows of a matrix that the product turns, so that it becomes
        the first, then the one before it: no other operator turns the map.
        """
        channels, count = write.shape(value)[1], prod(write.shape(value))
        for matrix in reversed(matrices):
            rows, size = matrix.shape
            turned = turn(write, reshape(write, value, (count // size, size)))
            same = _is_identity(matrix)
            value = turned if same else matmul(write, write.constant(matrix, "float"), turned)
            count = count // size * rows
        shape = [n for t in self.tilings for n in (t.points, t.tiles)]
        return reshape(write, value, (*shape[:-1], shape[-1] * self.c.batch, channels))

    def _back(
        self,
        write: Writer,
        value: ir.Value,
        matrices: Sequence[Matrix],
        shape: tuple[int, ...],
    ) -> ir.Value:
        """The map of this shape from its transformed product.

        Large maps go back as they came, the first axis becoming the last. Small ones would make
        columns too narrow for that (products compute 16 at once); they are transformed in place,
        and turned then.
        """
        if min(shape[2:]) >= WIDE:
            for matrix in matrices:
                size = matrix.shape[1]
                count = prod(write.shape(value))
                turned = turn(write, reshape(write, value, (size, count // size)))
                other = write.constant(matrix.T, "float")
                value = turned if _is_identity(matrix) else matmul(write, turned, other)
            return reshape(write, value, shape)
        whole, sizes = shape[0] * shape[1], [m.shape[1] for m in matrices]
        for i, matrix in reversed(list(enumerate(matrices))):
            if not _is_identity(matrix):
                row = prod(sizes[i + 1 :]) * whole
                value = reshape(write, value, (*([prod(sizes[:i])] if i else []), sizes[i], row))
                value = matmul(write, write.constant(matrix, "float"), value)
            sizes[i] = matrix.shape[0]
        turned = transpose(write, reshape(write, value, (prod(sizes), whole)), (1, 0))
        return reshape(write, turned, shape)

    def _all_tiles(self, write: Writer, value: ir.Value) -> ir.Value:
        """[points of all axes, tiles of all axes and batch, channels]."""
        rank, shape = self.c.rank, write.shape(value)
        axes = range(2 * rank - 1)
        order = (*axes[::2], *axes[1::2], 2 * rank - 1, 2 * rank)
        if any(t.tiles > 1 for t in self.tilings[:-1]):
            value = transpose(write, value, order)
        points = prod(t.points for t in self.tilings)
        rows = prod(t.tiles for t in self.tilings) * self.c.batch
        return reshape(write, value, (points, rows, shape[-1]))

    def _weights(self) -> Matrix:
        """G of all axes: [points, taps]."""
        whole = np.eye(1)
        for t in self.tilings:
            pairs = np.einsum("pt,ni->pnti", whole, t.weight)
            whole = pairs.reshape(len(whole) * t.points, -1)
        return whole


def _is_identity(matrix: Matrix) -> bool:
    return matrix.shape[0] == matrix.shape[1] and bool((matrix == np.eye(len(matrix))).all())
