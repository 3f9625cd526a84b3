"""Several values become one, number by number: `add`, `sub`, `mul`, `div`, `max`, `min`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any, ClassVar

from cnndsl.layers.base import Builder, Cost, Example, Value
from cnndsl.layers.merge import Merge
from cnndsl.shape import Dim, Shape


class Arithmetic(Merge):
    """An operation of values of one shape, or of a size 1 that stretches along its axis."""

    node: ClassVar[str]
    """The ONNX operator of two values."""
    any_order: ClassVar[bool] = True
    """Whether the order of the values doesn't matter."""

    def channels(self, inputs: tuple[Shape, ...]) -> int | None:
        counts = {x.channels for x in inputs} - {1}
        return None if len(counts) > 1 else max(counts, default=1)

    def meeting(self, sizes: Sequence[Dim]) -> Sequence[Dim]:
        return [size for size in sizes if size != 1] or sizes[:1]

    def remedy(self, inputs: tuple[Shape, ...]) -> str:
        maps = max(inputs, key=lambda x: x.rank)
        if any(not x.rank for x in inputs) and maps.rank:
            pixel = "x".join("1" * maps.rank)
            return f"`reshape {maps.channels}@{pixel}` makes a number a channel of a vector"
        return super().remedy(inputs)

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        return Cost(0, (len(inputs) - 1) * output.elements)

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        return reduce(lambda a, b: graph.op(self.node, a, b), inputs)


class Add(Arithmetic, word="add"):
    """Add values: `add x`, or an `add:` block.

    The values have one shape, or 1 channel or size 1 along an axis, which stretches over the
    others': 64@1x1 is added at every position, 1@56x56 to every channel.

    Parameters: none. MACs: none. FLOPs: 1 per output value for every value after the first.
    """

    node = "Add"
    verb = "added"
    examples = (
        Example("add x", "64@56x56 64@56x56", "64@56x56"),
        Example("add x", "64@1x1 64@HxW", "64@HxW"),
        Example("add x y", "@10 @10 @10", "@10"),
    )

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        return graph.op("Sum", *inputs) if len(inputs) > 2 else super().lower(graph, *inputs)


class Sub(Arithmetic, word="sub"):
    """Subtract values from the first: `sub x` is the current value less x; or a `sub:` block.

    Sizes of 1 stretch as for `add`. Parameters: none. MACs: none. FLOPs: 1 per output value for
    every value after the first.
    """

    node = "Sub"
    any_order = False
    verb = "subtracted"
    examples = (
        Example("sub x", "64@56x56 64@56x56", "64@56x56"),
        Example("sub x", "8@HxW 8@1x1", "8@HxW"),
    )


class Mul(Arithmetic, word="mul"):
    """Multiply values: `mul x`, or a `mul:` block.

    Sizes of 1 stretch as for `add`: maps of one pixel, 64@1x1, give every channel its factor
    (squeeze-and-excite), a map of one channel, 1@56x56, every position (spatial attention).

    Parameters: none. MACs: none. FLOPs: 1 per output value for every value after the first.
    Source of the use: Hu, Shen, Albanie, Sun, Wu, Squeeze-and-Excitation Networks,
    arXiv:1709.01507; Woo et al. 2018, arXiv:1807.06521 (both).
    """

    node = "Mul"
    verb = "multiplied"
    keeps = frozenset({"input"})
    examples = (
        Example("mul x", "64@56x56 64@1x1", "64@56x56"),
        Example("mul x", "64@1x1 64@HxW", "64@HxW"),
        Example("mul x", "64@HxW 1@HxW", "64@HxW"),
        Example("mul x", "64@56x56 64@56x56", "64@56x56"),
    )


class Div(Arithmetic, word="div"):
    """Divide the first value by the others: `div x` is the current value over x; or a `div:` block.

    Sizes of 1 stretch as for `add`. Parameters: none. MACs: none. FLOPs: 1 per output value for
    every value after the first.
    """

    node = "Div"
    any_order = False
    verb = "divided"
    keeps = frozenset({"input", "output"})
    examples = (
        Example("div x", "64@56x56 1@56x56", "64@56x56"),
        Example("div x", "@10 @10", "@10"),
    )


class Extreme(Arithmetic):
    """The largest or the smallest of several values; equal ones share the gradient."""

    verb = "compared"
    keeps = frozenset({"input", "output"})

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        return graph.op(self.node, *inputs)


class Maximum(Extreme, word="max"):
    """Keep the largest of several values, number by number: `max x`, or a `max:` block.

    Sizes of 1 stretch as for `add`. Two branches that meet so are a maxout. Parameters: none. MACs:
    none. FLOPs: 1 per output value for every value after the first. Source of the use: Goodfellow
    et al. 2013, arXiv:1302.4389.
    """

    node = "Max"
    examples = (
        Example("max x", "64@56x56 64@56x56", "64@56x56"),
        Example("max x y", "@10 @10 @10", "@10"),
    )


class Minimum(Extreme, word="min"):
    """Keep the smallest of several values, number by number: `min x`, or a `min:` block.

    Sizes of 1 stretch as for `add`. Parameters: none. MACs: none. FLOPs: 1 per output value for
    every value after the first.
    """

    node = "Min"
    examples = (Example("min x", "64@56x56 64@56x56", "64@56x56"),)
