"""Elementary functions of single values: `abs`, `exp`, `log`, `power`, `clamp`.

FLOPs a value, by the rule of `Elementwise`: 1, of `clamp` 1 for each of its bounds.
"""

from __future__ import annotations

from typing import Any

from cnndsl.layers.activations import Activation
from cnndsl.layers.arguments import number
from cnndsl.layers.base import Builder, Cost, Example, ShapeError, Value
from cnndsl.shape import Shape


class Absolute(Activation, word="abs"):
    """|x|: the sign is dropped.

    FLOPs: 1 a value.
    """

    node = "Abs"
    flops = 1
    keeps = frozenset({"input"})
    examples = (Example("abs", "64@56x56", "64@56x56"),)


class Exponential(Activation, word="exp"):
    """e to the power of x. From about 88 on it is more than float32 can hold.

    FLOPs: 1 a value.
    """

    node = "Exp"
    flops = 1
    examples = (Example("exp", "@32", "@32"),)


class Logarithm(Activation, word="log"):
    """The natural logarithm of x, which has to be positive.

    FLOPs: 1 a value.
    """

    node = "Log"
    flops = 1
    keeps = frozenset({"input"})
    examples = (Example("log", "@32", "@32"),)


class Power(Activation, word="power"):
    """x to a fixed power: `power 2` are squares, `power 0.5` square roots, `power -1` reciprocals.

    - Exponent `2`, required. Where it isn't whole, x has to be positive, or 0.

    A generalised mean over a map is `clamp 1e-6 -> power 3 -> gap -> power (1/3)`.

    FLOPs: 1 a value. Source of the use: Radenović et al. 2018, arXiv:1711.02512.
    """

    exponent: float = number(ge=-1e6, le=1e6)

    flops = 1
    keeps = frozenset({"input"})
    examples = (
        Example("power 2", "64@56x56", "64@56x56"),
        Example("power 0.5", "@128", "@128"),
        Example("power -1", "1@HxW", "1@HxW"),
    )

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        (x,) = inputs
        match self.exponent:
            case 2:
                return graph.op("Mul", x, x)
            case -1:
                return graph.op("Reciprocal", x)
            case 0.5:
                return graph.op("Sqrt", x)
            case -0.5:
                return graph.op("Reciprocal", graph.op("Sqrt", x))
            case exponent:
                return graph.op("Pow", x, graph.constant("exponent", exponent))


class Clamp(Activation, word="clamp"):
    """Keep values within bounds: `clamp -1 1` (a hard tanh), `clamp 0` (a relu), `clamp high=20`.

    - `low`, then `high`: one of them at least. What lies beyond becomes the bound.

    FLOPs: 1 a value for each bound.
    """

    low: float | None = number(None, ge=-1e30, le=1e30)
    high: float | None = number(None, ge=-1e30, le=1e30)

    examples = (
        Example("clamp -1 1", "64@56x56", "64@56x56"),
        Example("clamp 1e-6", "@128", "@128"),
        Example("clamp high=20", "64@HxW", "64@HxW"),
    )

    def shape(self, *inputs: Shape) -> Shape:
        if self.low is None and self.high is None:
            raise ShapeError(
                "clamp-bounds",
                "`clamp` has no bound, so it would change nothing",
                help="write `clamp -1 1`, `clamp 0` or `clamp high=20`",
            )
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ShapeError(
                "clamp-bounds",
                f"no value lies between {self.low:g} and {self.high:g}",
                field="high",
                help=f"the lower bound comes first: `clamp {self.high:g} {self.low:g}`",
            )
        return inputs[0]

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        bounds = (self.low is not None) + (self.high is not None)
        return Cost(0, bounds * output.elements)

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        low = None if self.low is None else graph.constant("low", self.low)
        high = None if self.high is None else graph.constant("high", self.high)
        return graph.op("Clip", *inputs, low, high)
