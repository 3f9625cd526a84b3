"""Which form computes a product of a convolution."""

from __future__ import annotations

import onnx_ir as ir

from cnndsl.autodiff.backward import Backward
from cnndsl.autodiff.forms.convolved import convolved
from cnndsl.autodiff.forms.direct import direct
from cnndsl.autodiff.forms.geometry import Convolution
from cnndsl.autodiff.forms.transposed import transposed


def forward(back: Backward, c: Convolution, x: ir.Value, w: ir.Value) -> ir.Value:
    """y = x ∗ w."""
    return direct(back, c, x, w)


def input_gradient(back: Backward, c: Convolution, dy: ir.Value, w: ir.Value) -> ir.Value:
    """dx from dy and w."""
    return transposed(back, c, dy, w)


def weight_gradient(back: Backward, c: Convolution, x: ir.Value, dy: ir.Value) -> ir.Value:
    """dw from x and dy."""
    return convolved(back, c, x, dy)
