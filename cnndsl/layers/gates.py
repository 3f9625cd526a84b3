"""Activations that multiply a value by a gate made of itself: silu, hswish, gelu, mish.

FLOPs a value, by the rule of `Elementwise`: silu 2, hswish, gelu and mish 5, `gelu tanh` 9.

Some have operators of their own in ONNX, but not in opset 18 (Gelu) or not on every device (Mish).
They are composed so that ONNX Runtime finds the pattern and puts one fused kernel in its place.
"""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

from cnndsl.layers.arguments import words
from cnndsl.layers.base import Builder, Cost, Example, Value
from cnndsl.layers.elementwise import Elementwise
from cnndsl.shape import Shape


class Silu(Elementwise, word="silu"):
    """x·sigmoid(x), also known as swish.

    FLOPs: 2 a value. Source: Ramachandran et al. 2017, arXiv:1710.05941.
    """

    flops = 2
    examples = (Example("silu", "32@112x112", "32@112x112"),)

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        return graph.op("Mul", *inputs, graph.op("Sigmoid", *inputs))


class HardSwish(Elementwise, word="hswish"):
    """x·min(max(x/6 + 1/2, 0), 1): a silu of straight lines and a parabola, as in MobileNetV3.

    FLOPs: 5 a value. Source: Howard et al. 2019, arXiv:1905.02244.
    """

    flops = 5
    examples = (Example("hswish", "16@112x112", "16@112x112"),)

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        return graph.op("HardSwish", *inputs)


class Gelu(Elementwise, word="gelu"):
    """x·Φ(x), where Φ is the normal distribution function: x/2·(1 + erf(x/√2)), exactly.

    - `gelu tanh` is the approximation x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))). A tanh layer after
      a gelu is `gelu -> tanh`.

    FLOPs: 5 a value, 9 with `tanh`. Source: Hendrycks and Gimpel 2016, arXiv:1606.08415.
    """

    approximate: bool = words(False, tanh=True)

    flops = 5
    examples = (
        Example("gelu", "384@56x56", "384@56x56"),
        Example("gelu tanh", "384@56x56", "384@56x56"),
    )

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        return Cost(0, (9 if self.approximate else self.flops) * output.elements)

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        (x,) = inputs
        one, half = graph.constant("one", 1.0), graph.constant("half", 0.5)
        if not self.approximate:
            erf = graph.op("Erf", graph.op("Div", x, graph.constant("root", sqrt(2))))
            return graph.op("Mul", graph.op("Mul", x, graph.op("Add", erf, one)), half)
        cube = graph.op("Pow", x, graph.constant("three", 3.0))
        bent = graph.op("Add", x, graph.op("Mul", cube, graph.constant("bend", 0.044715)))
        tanh = graph.op("Tanh", graph.op("Mul", bent, graph.constant("root", sqrt(2 / pi))))
        return graph.op("Mul", graph.op("Mul", x, half), graph.op("Add", tanh, one))


class Mish(Elementwise, word="mish"):
    """x·tanh(log(1 + exp(x))).

    FLOPs: 5 a value. Source: Misra 2019, arXiv:1908.08681.
    """

    flops = 5
    examples = (Example("mish", "64@56x56", "64@56x56"),)

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        """tanh(log(1 + e)) = n/(n + 2) with n = e·(e + 2), for e = exp(x).

        ONNX Runtime's Softplus takes ten times as long as these five passes. Beyond 20 the gate
        is 1 in float32, and cutting x there keeps e² finite.
        """
        (x,) = inputs
        two = graph.constant("two", 2.0)
        e = graph.op("Exp", graph.op("Min", x, graph.constant("high", 20.0)))
        n = graph.op("Mul", e, graph.op("Add", e, two))
        return graph.op("Mul", x, graph.op("Div", n, graph.op("Add", n, two)))
