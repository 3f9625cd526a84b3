"""1x1 convolutions as products of matrices, image by image: no map changes its layout.

Right where maps are large; where they are small, `columns` makes one product of the whole batch.
"""

from __future__ import annotations

from math import prod

import onnx_ir as ir

from cnndsl.autodiff.algorithms.geometry import Convolution
from cnndsl.autodiff.algorithms.pieces import first_total, matmul, reshape, turn
from cnndsl.graphs.writer import Writer


def fprop(write: Writer, c: Convolution, x: ir.Value, w: ir.Value) -> ir.Value:
    """y = w·x."""
    return reshape(write, matmul(write, _weight(write, c, w), _map(write, c, x)), c.y_shape)


def dgrad(write: Writer, c: Convolution, dy: ir.Value, w: ir.Value) -> ir.Value:
    """dx = wᵀ·dy."""
    turned = turn(write, _weight(write, c, w))
    return reshape(write, matmul(write, turned, _map(write, c, dy)), c.x_shape)


def wgrad(write: Writer, c: Convolution, x: ir.Value, dy: ir.Value) -> ir.Value:
    """dw = Σ dy·xᵀ over the batch."""
    parts = matmul(write, _map(write, c, dy), turn(write, _map(write, c, x)))
    return reshape(write, first_total(write, parts), c.w_shape)


def _map(write: Writer, c: Convolution, value: ir.Value) -> ir.Value:
    channels = write.shape(value)[1] // c.group
    shape = (c.batch, c.group, channels, prod(c.sizes))
    return reshape(write, value, shape[:1] + shape[2:] if c.group == 1 else shape)


def _weight(write: Writer, c: Convolution, w: ir.Value) -> ir.Value:
    shape = (c.group, c.filters // c.group, c.channels // c.group)
    return reshape(write, w, shape[1:] if c.group == 1 else shape)
