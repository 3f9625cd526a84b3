"""Batch normalisation: `bn`."""

from __future__ import annotations

from typing import Any

from cnndsl.diagnostics import UsageError
from cnndsl.layers.arguments import keyed
from cnndsl.layers.base import Builder, Example, Parameter, TrainingBuilder, Value
from cnndsl.layers.elementwise import Elementwise, weight_and_bias
from cnndsl.shape import Shape


class BatchNorm(Elementwise, word="bn"):
    """Normalise every channel over the batch and the space, then scale and shift it.

    y = weight·(x − mean)/√(variance + eps) + bias. Training takes mean and variance from the batch
    and keeps running averages of both; inference takes the running averages.

    - `eps=1e-5`, added to the variance.
    - `keep=0.9`: how much of the running average each step keeps; the rest is the batch's. Other
      tools call this, or 1 minus this, `momentum`; that word is refused.

    A convolution or dense layer that is chained directly before it has no bias by default, since
    the mean would take it away. Parameters: C weights and C biases; C running means and C running
    variances are stored beside them and aren't counted. FLOPs: 2 a value, as inference needs one
    factor and one offset a channel. Source: Ioffe and Szegedy 2015, arXiv:1502.03167.
    """

    eps: float = keyed(1e-5, ge=1e-12, le=1)
    keep: float = keyed(0.9, ge=0, le=1)

    flops = 2
    refused = {
        "momentum": "tools use `momentum` in two opposite senses. Here the share of the running "
        "average that is kept is `keep`: PyTorch's momentum=0.1 and Keras's momentum=0.9 are both "
        "`keep=0.9`"
    }
    examples = (
        Example("bn", "64@112x112", "64@112x112", params=128),
        Example("bn eps=1e-3 keep=0.99", "@256", "@256", params=512),
    )

    def parameters(self, *inputs: Shape) -> tuple[Parameter, ...]:
        shape = (inputs[0].channels,)
        return (
            *weight_and_bias(shape),
            Parameter("running_mean", shape, "statistic"),
            Parameter("running_var", shape, "statistic", initial=1.0),
        )

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        return graph.op(
            "BatchNormalization",
            *inputs,
            graph.parameter("weight"),
            graph.parameter("bias"),
            graph.parameter("running_mean"),
            graph.parameter("running_var"),
            epsilon=self.eps,
        )

    def train(self, graph: TrainingBuilder, *inputs: Any) -> Value:
        """By the batch's statistics. The running variance averages the unbiased one, n/(n − 1)
        times the batch's own, as PyTorch does.
        """
        (x,) = graph.inputs
        count = graph.examples * x.area
        if count == 1:
            raise UsageError(
                "`bn` needs more than one value a channel to train, but the batch and the map "
                "hold one: take a larger batch, or freeze the layer"
            )
        y, mean, variance, _ = graph.composite(
            "BatchNormTraining",
            4,
            *inputs,
            graph.parameter("weight"),
            graph.parameter("bias"),
            epsilon=self.eps,
        )
        unbiased = graph.op("Mul", variance, graph.constant("unbiased", count / (count - 1)))
        graph.statistic("running_mean", mean, self.keep)
        graph.statistic("running_var", unbiased, self.keep)
        return y
