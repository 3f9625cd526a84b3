"""Which form computes a product of a convolution."""

from __future__ import annotations

import onnx_ir as ir

from cnndsl.autodiff.forms.convolved import convolved
from cnndsl.autodiff.forms.direct import direct
from cnndsl.autodiff.forms.geometry import Convolution
from cnndsl.autodiff.forms.transposed import transposed
from cnndsl.autodiff.writer import Writer


def forward(write: Writer, c: Convolution, x: ir.Value, w: ir.Value) -> ir.Value:
    """y = x ∗ w."""
    return direct(write, c, x, w)


def input_gradient(write: Writer, c: Convolution, dy: ir.Value, w: ir.Value) -> ir.Value:
    """dx from dy and w."""
    return transposed(write, c, dy, w)


def weight_gradient(write: Writer, c: Convolution, x: ir.Value, dy: ir.Value) -> ir.Value:
    """dw from x and dy."""
    return convolved(write, c, x, dy)
