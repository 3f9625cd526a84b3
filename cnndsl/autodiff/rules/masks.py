"""Comparisons as factors of 0 and 1, in one pass.

`HardSigmoid` is max(0, min(1, alpha·x + beta)). With an alpha so large that no number but 0 stays
between 0 and 1 it is a step. On ONNX Runtime's CPU kernels that takes 0.19 ms for a map of
64x16x28x28 where Greater and Cast take 0.3 and Greater and Where 0.6; and it runs everywhere. The
factors are powers of two, so that products with them are exact.
"""

from __future__ import annotations

import onnx_ir as ir

from cnndsl.autodiff.backward import Backward

_STEEPEST = 2.0**127  # times the smallest normal number: 2
_STEEP = 2.0**100  # for thresholds beside 0, whose products with it stay finite
_LARGEST_THRESHOLD = 2.0**27


def above(back: Backward, x: ir.Value | None, threshold: float = 0.0) -> ir.Value:
    """1 where x > threshold, else 0."""
    if back.float_type not in (ir.DataType.FLOAT, ir.DataType.DOUBLE) or (
        abs(threshold) > _LARGEST_THRESHOLD
    ):
        return _compared(back, "Greater", x, threshold)
    if threshold == 0:
        return back.op("HardSigmoid", x, alpha=_STEEPEST, beta=0.0)
    return back.op("HardSigmoid", x, alpha=_STEEP, beta=-threshold * _STEEP)


def below(back: Backward, x: ir.Value | None, threshold: float = 0.0) -> ir.Value:
    """1 where x < threshold, else 0."""
    if back.float_type not in (ir.DataType.FLOAT, ir.DataType.DOUBLE) or (
        abs(threshold) > _LARGEST_THRESHOLD
    ):
        return _compared(back, "Less", x, threshold)
    if threshold == 0:
        return back.op("HardSigmoid", x, alpha=-_STEEPEST, beta=0.0)
    return back.op("HardSigmoid", x, alpha=-_STEEP, beta=threshold * _STEEP)


def equal(back: Backward, a: ir.Value | None, b: ir.Value | None) -> ir.Value:
    """1 where a = b, else 0."""
    return back.op("Cast", back.op("Equal", a, b), to=back.float_type)


def _compared(back: Backward, kind: str, x: ir.Value | None, threshold: float) -> ir.Value:
    found = back.op(kind, x, back.constant(threshold, "float"))
    return back.op("Cast", found, to=back.float_type)
