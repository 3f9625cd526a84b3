"""Activations of one ONNX operator: relu, relu6, leaky, prelu, threshold, shrink, elu, celu, selu,
sigmoid, tanh, hsigmoid, softplus, softsign.

FLOPs a value, by the rule of `Elementwise`: relu, threshold, sigmoid and tanh 1, relu6, leaky,
prelu and shrink 2, softplus and softsign 3, elu and hsigmoid 4, celu and selu 5.
"""

from __future__ import annotations

from typing import Any, ClassVar

from cnndsl.layers.arguments import keyed, number, words
from cnndsl.layers.base import Builder, Example, Parameter, Value
from cnndsl.layers.elementwise import Elementwise, per_channel
from cnndsl.shape import Shape


class Activation(Elementwise):
    """An activation that is one ONNX operator without arguments, unless it says more."""

    node: ClassVar[str] = ""
    keeps = frozenset({"output"})  # enough for the derivative of all but prelu

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        return graph.op(self.node, *inputs)


class Relu(Activation, word="relu"):
    """max(x, 0): what is negative becomes zero.

    FLOPs: 1 a value.
    """

    node = "Relu"
    flops = 1
    examples = (Example("relu", "64@56x56", "64@56x56"),)


class Relu6(Activation, word="relu6"):
    """min(max(x, 0), 6): a relu that saturates, as in MobileNet.

    FLOPs: 2 a value.
    """

    flops = 2
    examples = (Example("relu6", "32@112x112", "32@112x112"),)

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        return graph.op("Clip", *inputs, graph.constant("low", 0.0), graph.constant("high", 6.0))


class Leaky(Activation, word="leaky"):
    """x where it is positive, slope·x elsewhere.

    - Slope `leaky 0.1`, from 0 to 1; 0.01 by default.

    FLOPs: 2 a value.
    """

    slope: float = number(0.01, ge=0, le=1)

    flops = 2
    examples = (
        Example("leaky", "64@56x56", "64@56x56"),
        Example("leaky 0.1", "@128", "@128"),
    )

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        return graph.op("LeakyRelu", *inputs, alpha=self.slope)


class Prelu(Activation, word="prelu"):
    """x where it is positive, slope·x elsewhere, with a trainable slope for every channel.

    - `prelu shared` has one slope for all channels.
    - `initial=0.25`: where the slopes start.

    Parameters: C, or 1 where shared. FLOPs: 2 a value. Source: He et al. 2015, arXiv:1502.01852.
    """

    shared: bool = words(False, shared=True)
    initial: float = keyed(0.25, ge=-1e6, le=1e6)

    flops = 2
    keeps = frozenset({"input"})
    examples = (
        Example("prelu", "64@56x56", "64@56x56", params=64),
        Example("prelu shared", "64@56x56", "64@56x56", params=1),
        Example("prelu initial=0.1", "@128", "@128", params=128),
    )

    def parameters(self, *inputs: Shape) -> tuple[Parameter, ...]:
        slopes = 1 if self.shared else inputs[0].channels
        return (Parameter("weight", (slopes,), "norm", initial=self.initial),)

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        slope = graph.parameter("weight") if self.shared else per_channel(graph, "weight")
        return graph.op("PRelu", *inputs, slope)


class Threshold(Activation, word="threshold"):
    """x where it is more than a threshold, 0 elsewhere.

    - Threshold `threshold 0.5`; 1 by default.

    FLOPs: 1 a value. Source: Konda et al. 2014, arXiv:1402.3337.
    """

    threshold: float = number(1.0, ge=-1e6, le=1e6)

    flops = 1
    keeps = frozenset({"input"})
    examples = (
        Example("threshold", "64@56x56", "64@56x56"),
        Example("threshold 0.5", "@128", "@128"),
    )

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        return graph.op("ThresholdedRelu", *inputs, alpha=self.threshold)


class Shrink(Activation, word="shrink"):
    """0 between −bound and bound; values beyond stay, or move towards 0.

    - Bound `shrink 0.5`, required: hard shrinking, which leaves values beyond as they are.
    - A second number, how far they move: `shrink 0.5 0.5` is soft shrinking, without a jump.

    FLOPs: 2 a value.
    """

    bound: float = number(ge=0, le=1e6)
    move: float = number(0.0, ge=-1e6, le=1e6)

    flops = 2
    keeps = frozenset({"input"})
    examples = (
        Example("shrink 0.5", "64@56x56", "64@56x56"),
        Example("shrink 0.5 0.5", "@128", "@128"),
    )

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        return graph.op("Shrink", *inputs, lambd=self.bound, bias=self.move)


class Elu(Activation, word="elu"):
    """x where it is positive, alpha·(exp(x) − 1) elsewhere.

    - Alpha `elu 0.5`; 1 by default.

    FLOPs: 4 a value. Source: Clevert et al. 2015, arXiv:1511.07289.
    """

    alpha: float = number(1.0, ge=1e-12, le=1e6)

    flops = 4
    examples = (Example("elu", "64@56x56", "64@56x56"), Example("elu 0.5", "@128", "@128"))

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        return graph.op("Elu", *inputs, alpha=self.alpha)


class Celu(Activation, word="celu"):
    """x where it is positive, alpha·(exp(x/alpha) − 1) elsewhere: an elu whose slope has no jump.

    - Alpha `celu 0.5`; 1 by default.

    FLOPs: 5 a value. Source: Barron 2017, arXiv:1704.07483.
    """

    alpha: float = number(1.0, ge=1e-3, le=1e6)

    flops = 5
    examples = (Example("celu", "64@56x56", "64@56x56"), Example("celu 0.5", "@128", "@128"))

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        return graph.op("Celu", *inputs, alpha=self.alpha)


class Selu(Activation, word="selu"):
    """An elu of alpha 1.67326 times 1.05070, which keeps mean 0 and variance 1 from layer to layer.

    FLOPs: 5 a value. Source: Klambauer et al. 2017, arXiv:1706.02515.
    """

    node = "Selu"
    flops = 5
    examples = (Example("selu", "64@56x56", "64@56x56"),)


class Sigmoid(Activation, word="sigmoid"):
    """1/(1 + exp(−x)): squeezes every value between 0 and 1.

    FLOPs: 1 a value.
    """

    node = "Sigmoid"
    flops = 1
    examples = (Example("sigmoid", "1@28x28", "1@28x28"),)


class Tanh(Activation, word="tanh"):
    """The hyperbolic tangent: squeezes every value between −1 and 1.

    FLOPs: 1 a value.
    """

    node = "Tanh"
    flops = 1
    examples = (Example("tanh", "120@1x1", "120@1x1"),)


class HardSigmoid(Activation, word="hsigmoid"):
    """min(max(x/6 + 1/2, 0), 1): a sigmoid of straight lines, as in MobileNetV3.

    FLOPs: 4 a value. Source: Howard et al. 2019, arXiv:1905.02244.
    """

    flops = 4
    examples = (Example("hsigmoid", "16@1x1", "16@1x1"),)

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        return graph.op("HardSigmoid", *inputs, alpha=1 / 6, beta=0.5)


class Softplus(Activation, word="softplus"):
    """log(1 + exp(x)): a relu without the corner.

    FLOPs: 3 a value.
    """

    node = "Softplus"
    flops = 3
    examples = (Example("softplus", "64@56x56", "64@56x56"),)


class Softsign(Activation, word="softsign"):
    """x/(1 + |x|): squeezes every value between −1 and 1, more slowly than tanh.

    FLOPs: 3 a value.
    """

    node = "Softsign"
    flops = 3
    examples = (Example("softsign", "120@1x1", "120@1x1"),)
