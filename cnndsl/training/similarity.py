"""Structural similarity as a loss, in standard operators: 1 − SSIM.

SSIM is that of Wang, Bovik, Sheikh and Simoncelli 2004, "Image Quality Assessment: From Error
Visibility to Structural Similarity", of values from 0 to 1: windows with Gaussian weights of
σ = 1.5, K1 = 0.01, K2 = 0.03, the mean over all places where the window lies in the picture, over
channels and pictures. It is the score `ssim`, with gradients.
"""

from __future__ import annotations

import onnx_ir as ir

from cnndsl.data.targets.likeness import C1, C2, WINDOW, blur, fitting
from cnndsl.graphs.writer import Writer

__all__ = ["WINDOW", "dissimilarity"]


def dissimilarity(write: Writer, a: ir.Value, b: ir.Value, window: int) -> ir.Value:
    """1 − SSIM of pictures B×C×H×W; in smaller ones the window is the largest odd one that fits."""
    sides = [side for side in list(a.shape or ())[2:] if isinstance(side, int)]
    window = fitting(window, sides)
    down, across = (write.constant(blur(side, window), "float") for side in sides)

    def blurred(values: ir.Value) -> ir.Value:
        # Einsum stays in float32 where products of matrices take 16 bits: a variance is a small
        # difference of means.
        rows = write.op("Einsum", down, values, equation="oh,bchw->bcow")
        return write.op("Einsum", rows, across, equation="bcow,pw->bcop")

    def mul(x: ir.Value, y: ir.Value | float) -> ir.Value:
        return write.op("Mul", x, y)

    def add(x: ir.Value, y: ir.Value | float) -> ir.Value:
        return write.op("Add", x, y)

    mean_a, mean_b = blurred(a), blurred(b)
    both, squares = mul(mean_a, mean_b), add(mul(mean_a, mean_a), mul(mean_b, mean_b))
    variances = write.op("Sub", blurred(add(mul(a, a), mul(b, b))), squares)
    covariance = write.op("Sub", blurred(mul(a, b)), both)
    above = mul(add(mul(both, 2.0), C1), add(mul(covariance, 2.0), C2))
    below = mul(add(squares, C1), add(variances, C2))
    mean = write.op("ReduceMean", write.op("Div", above, below), keepdims=0)
    return write.op("Sub", write.number(1.0), mean)
