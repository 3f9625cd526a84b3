"""Depthwise convolutions of middling maps: one dense matrix a channel for a few rows at a time.

As in `dense`, but for blocks of r output rows: a block reads R = (r − 1)·stride + extent rows of
x, which a Gather collects with their overlap, so that a channel's matrix has R·width by r·width
entries, however high the map is. The collected rows serve y and dw; dx (stride 1) is the same with
dy and the weight backwards.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

import onnx_ir as ir

from cnndsl.autodiff.algorithms import dense
from cnndsl.autodiff.algorithms.direct import backwards, flip
from cnndsl.autodiff.algorithms.geometry import Convolution
from cnndsl.autodiff.algorithms.pieces import gather, matmul, reshape, transpose, turn
from cnndsl.graphs.writer import Writer


@dataclass(frozen=True)
class Bands:
    """The products of a depthwise convolution by blocks of `rows` output rows."""

    c: Convolution
    rows: int

    @property
    def fits(self) -> bool:
        """Whether the rows are so many blocks, more than one, and the matrices of sensible size."""
        whole = self.c.axes[0].output
        return (
            self.c.depthwise
            and self.c.rank > 1
            and whole % self.rows == 0
            and whole > self.rows
            and dense.fits(self.block)
        )

    @property
    def block(self) -> Convolution:
        """What happens to one block: the batch holds all blocks of all images."""
        first, *rest = self.c.axes
        size = (self.rows - 1) * first.stride + first.extent
        block = replace(first, size=size, before=0, output=self.rows)
        batch = self.c.batch * first.output // self.rows
        return replace(self.c, batch=batch, axes=(block, *rest))

    def fprop(self, write: Writer, x: ir.Value, w: ir.Value) -> ir.Value:
        """y = blocks(x)·T."""
        y = matmul(write, self._blocks(write, x), dense.matrices(write, self.block, w))
        y = reshape(write, y, (self.c.channels, self.c.batch, prod(self.c.outputs)))
        return reshape(write, transpose(write, y, (1, 0, 2)), self.c.y_shape)

    def dgrad(self, write: Writer, dy: ir.Value, w: ir.Value) -> ir.Value:
        """dx for stride 1: the forward algorithm of the flipped convolution."""
        other = Bands(flip(self.c), self.rows)
        return other.fprop(write, dy, backwards(write, self.c, w))

    def wgrad(self, write: Writer, x: ir.Value, dy: ir.Value) -> ir.Value:
        """dTᵀ = dyᵀ·blocks(x), and from it dw; dy, the smaller one, is read transposed."""
        rows = reshape(write, dy, (self.c.batch, self.c.channels, prod(self.c.outputs)))
        shape = (self.c.channels, self.block.batch, prod(self.block.outputs))
        rows = reshape(write, transpose(write, rows, (1, 0, 2)), shape)
        whole = matmul(write, turn(write, rows), self._blocks(write, x))
        return dense.taps(write, self.block, whole)

    def _blocks(self, write: Writer, x: ir.Value) -> ir.Value:
        """[channels, batch·blocks, rows read by a block · width]."""
        first, *rest = self.c.axes
        width = prod(a.size for a in rest)
        x = reshape(write, x, (self.c.batch, self.c.channels, first.size * width))
        x = transpose(write, x, (1, 0, 2))
        x = reshape(write, x, (self.c.channels, self.c.batch, first.size, width))
        places = [
            start + row
            for start in range(-first.before, first.reach, self.rows * first.stride)
            for row in range(self.block.sizes[0])
        ][: first.output // self.rows * self.block.sizes[0]]
        inside = [p if 0 <= p < first.size else first.size for p in places]
        x = gather(write, x, inside, 2)
        return reshape(write, x, (self.c.channels, self.block.batch, prod(self.block.sizes)))
