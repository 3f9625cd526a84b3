"""Several values become one: `concat`, `add`, `mul`."""

from __future__ import annotations

from functools import reduce
from typing import Any, ClassVar

from cnndsl.layers.base import Builder, Cost, Example, Layer, ShapeError, Value
from cnndsl.shape import Condition, Dim, Shape, equality


def same_space(a: Shape, b: Shape) -> tuple[Condition, ...] | None:
    """What symbolic sizes must satisfy so that both have the same space; None if they never do."""
    if a.rank != b.rank:
        return None
    conditions: list[Condition] = []
    for n, m in zip(a.space, b.space, strict=True):
        equal = equality(n, m)
        if equal is False:
            return None
        if isinstance(equal, Condition):
            conditions.append(equal)
    return tuple(conditions)


class Merge(Layer):
    """A layer of two or more values with the same space."""

    references = (1, None)
    in_place = True
    keeps = frozenset[str]()

    verb: ClassVar[str]
    """What can't be done with values that don't match."""

    def channels(self, inputs: tuple[Shape, ...]) -> int | None:
        """Channels of the output; None where the inputs' don't match."""
        first = inputs[0].channels
        return first if all(x.channels == first for x in inputs) else None

    def spread_out(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        """The inputs whose space must be the same."""
        return inputs

    def shape(self, *inputs: Shape) -> Shape:
        maps = self.spread_out(inputs)
        channels = self.channels(inputs)
        if channels is None or any(same_space(maps[0], x) is None for x in maps[1:]):
            shapes = " and ".join(dict.fromkeys(map(str, inputs)))
            raise ShapeError(
                "merge-shape-mismatch",
                f"{shapes} can't be {self.verb}",
                help=self.remedy(inputs),
            )
        # Sizes that are equal under a condition: the one that says it most simply stays.
        sizes = zip(*(x.space for x in maps), strict=True)
        return Shape(channels, tuple(min(size, key=_complexity) for size in sizes))

    def conditions(self, *inputs: Shape) -> tuple[Condition, ...]:
        first, *others = self.spread_out(inputs)
        return tuple(c for other in others for c in same_space(first, other) or ())

    def remedy(self, inputs: tuple[Shape, ...]) -> str:
        """What to do about values that don't match."""
        if len({x.rank for x in inputs}) > 1:
            return "`flatten` makes a vector of a map, `reshape` a map of a vector"
        if len({x.space for x in inputs}) > 1:
            return "bring them to one size: a stride, `same`, `upsample`, `pad` or `crop to=`"
        return "bring them to one number of channels, say by `conv 1x1`"

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        return Cost(0, (len(inputs) - 1) * output.elements)


class Concat(Merge, word="concat"):
    """Put the channels of several values one after the other: `concat e1`, or a `concat:` block.

    Order: the current value, then the labelled ones as written; in a block as the branches stand.
    All must have the same space. Channels: the sum. Parameters, MACs, FLOPs: none.
    """

    verb = "joined along their channels"
    in_place = False
    examples = (
        Example("concat x", "64@28x28 128@28x28", "192@28x28"),
        Example("concat x y", "@10 @20 @30", "@60"),
    )

    def channels(self, inputs: tuple[Shape, ...]) -> int:
        return sum(x.channels for x in inputs)

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        return Cost(0, 0)

    def explain(self, inputs: tuple[Shape, ...], output: Shape) -> list[str]:
        return [f"channels: {' + '.join(str(x.channels) for x in inputs)} = {output.channels}"]

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        return graph.op("Concat", *inputs, axis=1)


class Add(Merge, word="add"):
    """Add values of equal shape: `add x`, or an `add:` block.

    Parameters: none. MACs: none. FLOPs: 1 per output value for every value after the first.
    """

    verb = "added"
    examples = (
        Example("add x", "64@56x56 64@56x56", "64@56x56"),
        Example("add x y", "@10 @10 @10", "@10"),
    )

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        return graph.op("Add" if len(inputs) == 2 else "Sum", *inputs)


class Mul(Merge, word="mul"):
    """Multiply values of equal shape: `mul x`, or a `mul:` block.

    Maps of one pixel, C@1x1, stretch over the others: squeeze-and-excite scales every channel so.

    Parameters: none. MACs: none. FLOPs: 1 per output value for every value after the first.
    Source of the use: Hu, Shen, Albanie, Sun, Wu, Squeeze-and-Excitation Networks,
    arXiv:1709.01507.
    """

    verb = "multiplied"
    keeps = frozenset({"input"})
    examples = (
        Example("mul x", "64@56x56 64@1x1", "64@56x56"),
        Example("mul x", "64@1x1 64@HxW", "64@HxW"),
        Example("mul x", "64@56x56 64@56x56", "64@56x56"),
    )

    def spread_out(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        if len({x.rank for x in inputs}) > 1:
            return inputs
        return tuple(x for x in inputs if any(n != 1 for n in x.space)) or inputs

    def remedy(self, inputs: tuple[Shape, ...]) -> str:
        maps = max(inputs, key=lambda x: x.rank)
        if any(not x.rank for x in inputs) and maps.rank:
            pixel = "x".join("1" * maps.rank)
            return f"`reshape {maps.channels}@{pixel}` makes a factor a channel of a vector"
        return super().remedy(inputs)

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        return reduce(lambda a, b: graph.op("Mul", a, b), inputs)


def _complexity(size: Dim) -> int:
    return 0 if isinstance(size, int) else size.period
