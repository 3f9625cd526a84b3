"""CrossEntropy(logits, target, class weights?, Σw?; label_smoothing) → loss, log p, q, 1/Σw.

Of N examples (or positions) with classes along axis 1 and int64 targets t: with log p the log
softmax of the logits z, w the class weights and ε the label smoothing, as in PyTorch

    loss = −Σ q·log p / Σₙ w[tₙ],   q[n, c] = w[c]·((1 − ε)·[c = tₙ] + ε/C)

so dz = (p·Σ_c q − q)/Σw. Without class weights Σ_c q = 1 and Σw = N. With them Σw is given: whoever
adds the gradients of several batches up knows the sum over all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import onnx_ir as ir

from cnndsl.autodiff.backward import Backward, Gradient, rule
from cnndsl.autodiff.composite.expand import expansion
from cnndsl.graphs.writer import Writer


@expansion("CrossEntropy")
def expand(write: Writer, node: ir.Node) -> Sequence[ir.Value]:
    """The loss is a mean over everything times −C, whatever the batch."""
    logits, target, *rest = node.inputs
    assert logits is not None
    rank, classes = len(logits.shape or ()), _classes(logits)
    smoothing = node.attributes.get_float("label_smoothing", 0.0)
    low = smoothing / classes
    q = write.op(
        "OneHot",
        target,
        write.constant([classes]),
        write.constant([low, 1 - smoothing + low], "float"),
        axis=1,
    )
    log_p = log_softmax(write, logits, rank)
    if not rest:
        mean = write.op("ReduceMean", write.op("Mul", q, log_p), keepdims=0)
        loss = write.op("Mul", mean, write.constant(-float(classes), "float"))
        count = write.op("Cast", write.op("Size", target), to=write.float_type)
        return loss, log_p, q, write.op("Reciprocal", count)
    weights, total, *counts = rest
    column = write.op("Reshape", weights, write.constant([1, classes, *[1] * (rank - 2)]))
    q = write.op("Mul", q, column)
    if counts:
        q = write.op("Mul", q, write.op("Unsqueeze", counts[0], write.constant([1])))
    share = write.op("Reciprocal", total)
    products = write.op("ReduceSum", write.op("Mul", q, log_p), keepdims=0)
    return write.op("Neg", write.op("Mul", products, share)), log_p, q, share


@rule("CrossEntropy")
def gradient(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """dz = (p·Σ_c q − q)/Σw."""
    d_loss, *_ = cotangents
    logits, _, *rest = node.inputs
    _, log_p, q, share = node.outputs
    assert logits is not None
    p = back.op("Exp", log_p)
    if rest:
        p = back.op("Mul", p, back.op("ReduceSum", q, back.constant([1]), keepdims=1))
        factor = back.op("Mul", d_loss, share)
    else:
        shape = back.shape(logits)
        count = back.constant(np.float64(shape[1]) / prod(shape), "float")
        factor = back.op("Mul", d_loss, count)
    dz = back.op("Mul", back.op("Sub", p, q), factor)
    return [dz, None, *[None for _ in rest]]


def log_softmax(write: Writer, logits: ir.Value, rank: int) -> ir.Value:
    """Over axis 1; of maps by its parts, since the operator would transpose them."""
    if rank == 2:
        return write.op("LogSoftmax", logits, axis=1)
    axes = write.constant([1])
    lowered = write.op("Sub", logits, write.op("ReduceMax", logits, axes))
    total = write.op("ReduceSum", write.op("Exp", lowered), axes)
    return write.op("Sub", lowered, write.op("Log", total))


def _classes(logits: ir.Value) -> int:
    assert logits.shape is not None
    classes = logits.shape[1]
    assert isinstance(classes, int)
    return classes
