"""A trained factor and bias for every channel: `scale`."""

from __future__ import annotations

from typing import Any

from cnndsl.layers.arguments import keyed, words
from cnndsl.layers.base import Builder, Cost, Example, Parameter, Value
from cnndsl.layers.elementwise import Elementwise, affine, per_channel
from cnndsl.shape import Shape


class Scale(Elementwise, word="scale"):
    """Multiply every channel by a trained factor and add a trained bias.

    After an `avgpool` it makes LeNet-5's trained subsampling; `scale nobias initial=1e-6` at the
    end of a residual branch is ConvNeXt's layer scale.

    - `bias` (default) or `nobias`, the factor alone.
    - `initial=1`: where the factors start.

    Parameters: C factors and C biases. FLOPs: 1 a value for the factor and 1 for the bias. Source:
    LeCun et al. 1998, section II.B; Touvron et al. 2021, arXiv:2103.17239 (layer scale).
    """

    bias: bool = words(True, bias=True, nobias=False)
    initial: float = keyed(1.0, ge=-1e6, le=1e6)

    flops = 2
    examples = (
        Example("scale", "6@14x14", "6@14x14", params=12),
        Example("scale nobias initial=1e-6", "96@56x56", "96@56x56", params=96),
    )

    def parameters(self, *inputs: Shape) -> tuple[Parameter, ...]:
        shape = (inputs[0].channels,)
        factor = Parameter("weight", shape, "norm", initial=self.initial)
        return (factor, Parameter("bias", shape, "bias")) if self.bias else (factor,)

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        return Cost(0, (2 if self.bias else 1) * output.elements)

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        (x,) = inputs
        if self.bias:
            return affine(graph, x, "weight", "bias")
        return graph.op("Mul", x, per_channel(graph, "weight"))
