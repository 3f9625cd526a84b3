"""Losses between two values of one shape, each a mean over everything times `factor`.

Distance(a, b; measure, factor) → loss, d = a − b:

    mse    d²                                   gradient 2·d
    l1     |d|                                  sign d
    huber  d²/2 up to |d| = 1, else |d| − 1/2   d cut to −1 … 1

BinaryCrossEntropy(p, t; factor) → loss: −t·ln p − (1 − t)·ln(1 − p), gradient (p − t)/(p·(1 − p)).
As in PyTorch a logarithm is −100 at least and the divisor 1e-12, so that p = 0 and 1 are possible.

LogisticLoss(z, t; factor) → loss: the same of p = sigmoid z, without overflow or lost digits:
max(z, 0) − z·t + ln(1 + exp(−|z|)), gradient sigmoid z − t.

Divergence(mu, logvar) → loss: the Kullback-Leibler divergence of N(mu, exp logvar) from N(0, 1),
−½·Σ(1 + logvar − mu² − exp logvar) over an example, mean over the batch; gradients mu and
½·(exp logvar − 1), over the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import onnx_ir as ir

from cnndsl.autodiff.backward import Backward, Gradient, rule
from cnndsl.autodiff.composite.expand import expansion
from cnndsl.graphs.writer import Writer


@expansion("Distance")
def distance(write: Writer, node: ir.Node) -> Sequence[ir.Value]:
    """By the difference, which the gradient reads again."""
    d = write.op("Sub", *node.inputs)
    match node.attributes.get_string("measure"):
        case "mse":
            values = write.op("Mul", d, d)
        case "l1":
            values = write.op("Abs", d)
        case _:  # with c = d cut to −1 … 1: c·(d − c/2)
            c = _cut(write, d)
            half = write.op("Mul", c, write.constant(0.5, "float"))
            values = write.op("Mul", c, write.op("Sub", d, half))
    return _mean(write, node, values), d


@rule("Distance")
def distance_gradient(
    back: Backward, node: ir.Node, cotangents: Sequence[Gradient]
) -> Sequence[Gradient]:
    """dA = f′(d)·dL·factor/count, dB = −dA."""
    (d_loss, *_), d = cotangents, node.outputs[1]
    kind = node.attributes.get_string("measure")
    match kind:
        case "mse":
            slope = d
        case "l1":
            slope = back.op("Sign", d)
        case _:
            slope = _cut(back, d)
    da = back.op("Mul", slope, _share(back, node, d_loss, 2.0 if kind == "mse" else 1.0))
    return [da, back.op("Neg", da) if back.needs(node.inputs[1]) else None]


@expansion("BinaryCrossEntropy")
def binary_cross_entropy(write: Writer, node: ir.Node) -> Sequence[ir.Value]:
    """Of probabilities."""
    p, t = node.inputs
    one, least = write.constant(1.0, "float"), write.constant(-100.0, "float")
    yes = write.op("Mul", t, write.op("Max", write.op("Log", p), least))
    other = write.op("Max", write.op("Log", write.op("Sub", one, p)), least)
    no = write.op("Mul", write.op("Sub", one, t), other)
    return [_mean(write, node, write.op("Neg", write.op("Add", yes, no)))]


@rule("BinaryCrossEntropy")
def binary_cross_entropy_gradient(
    back: Backward, node: ir.Node, cotangents: Sequence[Gradient]
) -> Sequence[Gradient]:
    """dP = (p − t)/(p·(1 − p))·dL·factor/count, dT = (ln(1 − p) − ln p)·dL·factor/count."""
    p, t = node.inputs
    share, one = _share(back, node, cotangents[0]), back.constant(1.0, "float")
    rest = back.op("Sub", one, p)
    dt = None
    if back.needs(t):
        least = back.constant(-100.0, "float")
        logs = [back.op("Max", back.op("Log", v), least) for v in (rest, p)]
        dt = back.op("Mul", back.op("Sub", *logs), share)
    divisor = back.op("Max", back.op("Mul", p, rest), back.constant(1e-12, "float"))
    return [back.op("Mul", back.op("Div", back.op("Sub", p, t), divisor), share), dt]


@expansion("LogisticLoss")
def logistic(write: Writer, node: ir.Node) -> Sequence[ir.Value]:
    """Of logits."""
    z, t = node.inputs
    small = write.op("Exp", write.op("Neg", write.op("Abs", z)))
    rest = write.op("Log", write.op("Add", small, write.constant(1.0, "float")))
    linear = write.op("Sub", write.op("Relu", z), write.op("Mul", z, t))
    return [_mean(write, node, write.op("Add", linear, rest))]


@rule("LogisticLoss")
def logistic_gradient(
    back: Backward, node: ir.Node, cotangents: Sequence[Gradient]
) -> Sequence[Gradient]:
    """dZ = (sigmoid z − t)·dL·factor/count, dT = −z·dL·factor/count."""
    z, t = node.inputs
    share = _share(back, node, cotangents[0])
    dt = back.op("Neg", back.op("Mul", z, share)) if back.needs(t) else None
    return [back.op("Mul", back.op("Sub", back.op("Sigmoid", z), t), share), dt]


@expansion("Divergence")
def divergence(write: Writer, node: ir.Node) -> Sequence[ir.Value]:
    """½·Σ(mu² + exp logvar − logvar − 1) over an example."""
    mean, log_variance = node.inputs
    variance = write.op("Exp", log_variance)
    rest = write.op("Sub", variance, log_variance)
    values = write.op("Add", write.op("Mul", mean, mean), rest)
    lowered = write.op("Sub", values, write.constant(1.0, "float"))
    return [_mean(write, node, lowered)]


@rule("Divergence")
def divergence_gradient(
    back: Backward, node: ir.Node, cotangents: Sequence[Gradient]
) -> Sequence[Gradient]:
    """The factor holds the ½ and an example's count."""
    mean, log_variance = node.inputs
    share = _share(back, node, cotangents[0])
    lowered = back.op("Sub", back.op("Exp", log_variance), back.constant(1.0, "float"))
    twice = _share(back, node, cotangents[0], 2.0)
    return [
        back.op("Mul", mean, twice) if back.needs(mean) else None,
        back.op("Mul", lowered, share) if back.needs(log_variance) else None,
    ]


def _cut(write: Writer, d: ir.Value) -> ir.Value:
    return write.op("Clip", d, write.constant(-1.0, "float"), write.constant(1.0, "float"))


def _mean(write: Writer, node: ir.Node, values: ir.Value) -> ir.Value:
    mean = write.op("ReduceMean", values, keepdims=0)
    factor = node.attributes.get_float("factor", 1.0)
    return mean if factor == 1 else write.op("Mul", mean, write.constant(factor, "float"))


def _share(back: Backward, node: ir.Node, d_loss: Gradient, times: float = 1.0) -> ir.Value:
    """dL·factor/count, what every value gets of the loss."""
    (a, *_) = node.inputs
    assert a is not None
    factor = node.attributes.get_float("factor", 1.0)
    return back.op("Mul", d_loss, back.constant(times * factor / prod(back.shape(a)), "float"))
