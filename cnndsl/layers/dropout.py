"""Layers that drop values in training and do nothing at inference: `dropout` and `droppath`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnndsl.layers.arguments import number
from cnndsl.layers.base import Builder, Example, TrainingBuilder, Value
from cnndsl.layers.elementwise import Elementwise


class Dropping(Elementwise):
    """The identity at inference, for which costs are counted."""

    is_identity = True
    flops = 0

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        return inputs[0]


def drop(graph: TrainingBuilder, x: Value, probability: float, shape: Sequence[int]) -> Value:
    """Times 0 where uniform noise of that shape is below the probability, else 1/(1 − p)."""
    if probability == 0:
        return x
    noise = graph.noise("uniform", shape)
    dropped = graph.op("Less", noise, graph.constant("probability", probability))
    zero, scale = graph.constant("zero", 0.0), graph.constant("scale", 1 / (1 - probability))
    return graph.op("Mul", x, graph.op("Where", dropped, zero, scale))


class Dropout(Dropping, word="dropout"):
    """In training set each value to zero with probability p and scale the others by 1/(1 − p).

    - Probability `dropout 0.4`, from 0 to below 1; 0.5 by default.

    At inference it does nothing and makes no node. FLOPs: 0. Source: Srivastava et al. 2014,
    Journal of Machine Learning Research 15.
    """

    probability: float = number(0.5, ge=0, lt=1)

    keeps = frozenset({"mask"})
    examples = (Example("dropout", "@4096", "@4096"), Example("dropout 0.4", "@1024", "@1024"))

    def train(self, graph: TrainingBuilder, *inputs: Any) -> Value:
        (x,) = graph.inputs
        return drop(graph, inputs[0], self.probability, (graph.examples, x.channels, *x.sizes))


class DropPath(Dropping, word="droppath"):
    """Stochastic depth: in training set a whole example to zero with probability p.

    It stands at the end of a residual branch, `conv 1x1 C bn -> droppath 0.1`, so that the example
    takes the skip alone. The others are scaled by 1/(1 − p).

    - Probability, from 0 to below 1, required.

    At inference it does nothing and makes no node. FLOPs: 0. Source: Huang et al. 2016,
    arXiv:1603.09382.
    """

    probability: float = number(ge=0, lt=1)

    keeps = frozenset[str]()  # one number an example: nothing beside its maps
    examples = (Example("droppath 0.1", "96@56x56", "96@56x56"),)

    def train(self, graph: TrainingBuilder, *inputs: Any) -> Value:
        (x,) = graph.inputs
        return drop(graph, inputs[0], self.probability, (graph.examples, 1, *(1 for _ in x.space)))
