"""BatchNormTraining(x, weight, bias; epsilon) → y, mean, variance, inverse.

y = weight·x̂ + bias with x̂ = (x − mean)·inverse, inverse = 1/√(variance + epsilon); mean and
variance (the batch's own, not the unbiased one) are taken over everything but axis 1, M values a
channel. With dβ = Σdy and dγ = Σdy·x̂ the chain rule gives (Ioffe and Szegedy 2015, section 3)

    dx = γ·inverse·(dy − dβ/M − x̂·dγ/M)

which is a·dy + b·x + d with three numbers a channel: a = γ·inverse, b = −a·inverse·dγ/M and
d = −a·dβ/M − b·mean. So the map is read for two sums and two products, not for ten operators. An
affine map a channel is one pass as an inference batch norm of mean 0 and variance 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import onnx_ir as ir

from cnndsl.autodiff.backward import Backward, Gradient, rule
from cnndsl.autodiff.composite.expand import expansion
from cnndsl.autodiff.writer import Writer


@expansion("BatchNormTraining")
def expand(write: Writer, node: ir.Node) -> Sequence[ir.Value]:
    """The variance is the mean of squared differences: Σx² − M·mean² would cancel digits."""
    x, weight, bias = node.inputs
    assert x is not None
    axes = write.constant(_axes(write, x))
    epsilon = node.attributes.get_float("epsilon", 1e-5)
    mean = write.op("ReduceMean", x, axes, keepdims=0)
    channels = write.shape(x)[1]
    one, zero = (write.constant([v] * channels, "float") for v in (1.0, 0.0))
    centred = write.op("BatchNormalization", x, one, zero, mean, one, epsilon=0.0)
    squares = write.op("Mul", centred, centred)
    variance = write.op("ReduceMean", squares, axes, keepdims=0)
    shifted = write.op("Add", variance, write.constant(epsilon, "float"))
    inverse = write.op("Reciprocal", write.op("Sqrt", shifted))
    y = write.op("BatchNormalization", x, weight, bias, mean, variance, epsilon=epsilon)
    return y, mean, variance, inverse


@rule("BatchNormTraining")
def gradient(back: Backward, node: ir.Node, received: Sequence[Gradient]) -> Sequence[Gradient]:
    """The statistics are no part of the loss, so gradients come in for y alone."""
    dy, *_ = received
    x, weight, bias = node.inputs
    _, mean, _, inverse = node.outputs
    assert x is not None and dy is not None
    axes = back.constant(_axes(back, x))
    d_bias = back.op("ReduceSum", dy, axes, keepdims=0)
    products = back.op("ReduceSum", back.op("Mul", dy, x), axes, keepdims=0)
    centred = back.op("Sub", products, back.op("Mul", mean, d_bias))
    d_weight = back.op("Mul", centred, inverse)
    dx = None
    if back.needs(x):
        count = prod(back.shape(x)) // back.shape(x)[1]
        share = back.constant(-1.0 / count, "float")
        a = back.op("Mul", weight, inverse)
        b = back.op("Mul", back.op("Mul", a, inverse), back.op("Mul", d_weight, share))
        shift = back.op("Mul", back.op("Mul", a, d_bias), share)
        d = back.op("Sub", shift, back.op("Mul", b, mean))
        zero, one = (back.constant([v] * back.shape(x)[1], "float") for v in (0.0, 1.0))
        dx = back.op(
            "Add",
            back.op("BatchNormalization", dy, a, d, zero, one, epsilon=0.0),
            back.op("BatchNormalization", x, b, zero, zero, one, epsilon=0.0),
        )
    return [
        dx,
        d_weight if back.needs(weight) else None,
        d_bias if back.needs(bias) else None,
    ]


def _axes(write: Writer, x: ir.Value) -> list[int]:
    return [axis for axis in range(len(write.shape(x))) if axis != 1]
