"""The sampling step of a variational autoencoder: `sample`."""

from __future__ import annotations

from typing import Any

from cnndsl.layers.base import Builder, Cost, Example, Layer, ShapeError, TrainingBuilder, Value
from cnndsl.layers.merge import same_space
from cnndsl.shape import Condition, Shape


class Sample(Layer, word="sample"):
    """Draw from the normal distribution whose mean and log-variance two labels name.

    `sample mu logvar` is mu + exp(logvar/2)·noise in training, so that gradients reach both. At
    inference it is mu and makes no node. It doesn't take the value of the line above.

    - The labels of the mean and of the logarithm of the variance, of equal shapes.

    Output: the shape of both. Parameters: none. FLOPs: 0. Source: Kingma and Welling 2013,
    arXiv:1312.6114, section 2.4.
    """

    references = (2, 2)
    takes_current = False
    is_identity = True
    keeps = frozenset({"input", "mask"})  # the noise is as large as a mask
    examples = (
        Example("sample mu logvar", "@20 @20", "@20"),
        Example("sample mu logvar", "8@7x7 8@7x7", "8@7x7"),
    )

    def shape(self, *inputs: Shape) -> Shape:
        mean, variance = inputs
        if mean.channels != variance.channels or same_space(mean, variance) is None:
            raise ShapeError(
                "sample-shape-mismatch",
                f"the mean is {mean}, but the log-variance is {variance}",
                help="make both with layers of the same arguments",
            )
        return mean

    def conditions(self, *inputs: Shape) -> tuple[Condition, ...]:
        return same_space(*inputs) or ()

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        return Cost(0, 0)

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        return inputs[0]

    def train(self, graph: TrainingBuilder, *inputs: Any) -> Value:
        mean, log_variance = inputs
        (x, *_) = graph.inputs
        noise = graph.noise("normal", (graph.examples, x.channels, *x.sizes))
        half = graph.op("Mul", log_variance, graph.constant("half", 0.5))
        return graph.op("Add", mean, graph.op("Mul", graph.op("Exp", half), noise))
