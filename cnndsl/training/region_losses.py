"""Losses of maps, and of what is hard, as nodes of standard operators.

- dice(p, q) = 1 − mean over examples and classes of (2·Σ p·q + 1) / (Σ p + Σ q + 1), the sums over
  an example's pixels; a class that is nowhere, and isn't answered, counts as met (after Milletari,
  Navab, Ahmadi 2016, "V-Net", arXiv:1606.04797, with sums in the place of those of squares)
- focal(z) = −w·(1 − p)^γ·log p of the right class, p = softmax z: Lin, Goyal, Girshick, He, Dollár
  2017, "Focal Loss for Dense Object Detection", arXiv:1708.02002, by default with its γ = 2

`counts` are 0 where a pixel counts in nothing, and 1 elsewhere.
"""

from __future__ import annotations

import onnx_ir as ir

from cnndsl.autodiff.composite.crossentropy import log_softmax
from cnndsl.graphs.writer import Writer

_LEAST = 1e-6  # of 1 − p, near which float32 has no digits left


def dice(write: Writer, p: ir.Value, q: ir.Value, counts: ir.Value | None) -> ir.Value:
    """`p` and `q` are B×C×space, `counts` B×1×space."""
    axes = write.constant(list(range(2, len(p.shape or ()))))
    if counts is not None:
        p, q = write.op("Mul", p, counts), write.op("Mul", q, counts)
    one = write.constant(1.0, "float")

    def total(value: ir.Value) -> ir.Value:
        return write.op("ReduceSum", value, axes, keepdims=0)

    both = write.op("Mul", total(write.op("Mul", p, q)), write.constant(2.0, "float"))
    each = write.op("Add", write.op("Add", total(p), total(q)), one)
    overlap = write.op("Div", write.op("Add", both, one), each)
    return write.op("Sub", one, write.op("ReduceMean", overlap, keepdims=0))


def focal(
    write: Writer, logits: ir.Value, q: ir.Value, total: ir.Value | None, gamma: float
) -> ir.Value:
    """`q` are the targets, B×C×space: the weight of the class of each, 0 for others. The sum is
    divided by `total`, by their number where that is None.
    """
    rank, axis = len(logits.shape or ()), write.constant([1])
    right = write.op(
        "Cast", write.op("Greater", q, write.constant(0.0, "float")), to=write.float_type
    )
    logs = write.op(
        "ReduceSum", write.op("Mul", right, log_softmax(write, logits, rank)), axis, keepdims=0
    )
    weights = write.op("ReduceSum", q, axis, keepdims=0)
    missed = write.op("Sub", write.constant(1.0, "float"), write.op("Exp", logs))
    values = write.op("Mul", _power(write, missed, gamma), write.op("Mul", weights, logs))
    if total is None:
        mean = write.op("ReduceMean", values, keepdims=0)
    else:
        mean = write.op("Div", write.op("ReduceSum", values, keepdims=0), total)
    return write.op("Neg", mean)


def _power(write: Writer, missed: ir.Value, gamma: float) -> ir.Value:
    """(1 − p)^γ. Below a γ of 1 its slope is infinite where p is 1, so it begins a little above."""
    if gamma == 2:
        return write.op("Mul", missed, missed)
    least = write.op("Max", missed, write.constant(_LEAST, "float"))
    return write.op("Pow", least, write.constant(gamma, "float"))
