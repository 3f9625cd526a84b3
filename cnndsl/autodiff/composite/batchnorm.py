"""BatchNormTraining(x, weight, bias; epsilon) → y, mean, variance, inverse.

The batch norm of training, with statistics of the batch over everything but axis 1, each channel by
itself. `rules/normalising.py` has the derivation of its gradient.
"""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from cnndsl.autodiff.backward import Backward, Gradient, rule
from cnndsl.autodiff.composite.expand import expansion
from cnndsl.autodiff.rules.normalising import Normalised, statistics
from cnndsl.graphs.writer import Writer


@expansion("BatchNormTraining")
def expand(write: Writer, node: ir.Node) -> Sequence[ir.Value]:
    """Two reductions, and y by the inference operator, fed with the batch's statistics."""
    x, weight, bias = node.inputs
    assert x is not None
    epsilon = node.attributes.get_float("epsilon", 1e-5)
    mean, variance, inverse = statistics(write, x, write.shape(x), epsilon)
    y = write.op("BatchNormalization", x, weight, bias, mean, variance, epsilon=epsilon)
    return y, mean, variance, inverse


@rule("BatchNormTraining")
def gradient(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """The statistics are no part of the loss, so gradients come in for y alone."""
    dy, *_ = cotangents
    x, weight, bias = node.inputs
    _, mean, _, inverse = node.outputs
    assert x is not None and dy is not None
    normal = Normalised(x, back.shape(x), mean, inverse)
    d_bias, d_weight = normal.sums(back, dy)
    return [
        normal.of_input(back, dy, weight, d_bias, d_weight) if back.needs(x) else None,
        d_weight if back.needs(weight) else None,
        d_bias if back.needs(bias) else None,
    ]
