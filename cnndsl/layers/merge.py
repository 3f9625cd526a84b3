"""Several values become one along their channels: `concat`, and what all merges share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from cnndsl.layers.base import Builder, Cost, Example, Layer, ShapeError, Value
from cnndsl.shape import Condition, Dim, Shape, equality


def same_space(a: Shape, b: Shape) -> tuple[Condition, ...] | None:
    """What symbolic sizes must satisfy so that both have the same space; None if they never do."""
    if a.rank != b.rank:
        return None
    conditions: list[Condition] = []
    for sizes in zip(a.space, b.space, strict=True):
        found = _equal(sizes)
        if found is None:
            return None
        conditions += found
    return tuple(conditions)


class Merge(Layer):
    """A layer of two or more values of one rank, whose sizes agree."""

    references = (1, None)
    in_place = True
    keeps = frozenset[str]()

    verb: ClassVar[str]
    """What can't be done with values that don't match."""

    def channels(self, inputs: tuple[Shape, ...]) -> int | None:
        """Channels of the output; None where the inputs' don't match."""
        raise NotImplementedError

    def meeting(self, sizes: Sequence[Dim]) -> Sequence[Dim]:
        """Of the inputs' sizes along an axis those that must be equal."""
        return sizes

    def shape(self, *inputs: Shape) -> Shape:
        channels = self.channels(inputs)
        alike = len({x.rank for x in inputs}) == 1
        axes = self._axes(inputs) if alike else []
        if not alike or channels is None or any(_equal(sizes) is None for sizes in axes):
            shapes = " and ".join(dict.fromkeys(map(str, inputs)))
            raise ShapeError(
                "merge-shape-mismatch",
                f"{shapes} can't be {self.verb}",
                help=self.remedy(inputs),
            )
        # Sizes that are equal under a condition: the one that says it most simply stays.
        return Shape(channels, tuple(min(sizes, key=_complexity) for sizes in axes))

    def conditions(self, *inputs: Shape) -> tuple[Condition, ...]:
        return tuple(c for sizes in self._axes(inputs) for c in _equal(sizes) or ())

    def _axes(self, inputs: tuple[Shape, ...]) -> list[Sequence[Dim]]:
        return [self.meeting(sizes) for sizes in zip(*(x.space for x in inputs), strict=True)]

    def remedy(self, inputs: tuple[Shape, ...]) -> str:
        """What to do about values that don't match."""
        if len({x.rank for x in inputs}) > 1:
            return "`flatten` makes a vector of a map, `reshape` a map of a vector"
        if any(_equal(sizes) is None for sizes in self._axes(inputs)):
            return "bring them to one size: a stride, `same`, `upsample`, `pad` or `crop to=`"
        return "bring them to one number of channels, say by `conv 1x1`"


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


def _equal(sizes: Sequence[Dim]) -> tuple[Condition, ...] | None:
    """What makes all sizes equal the first; None if that can't be."""
    conditions: list[Condition] = []
    for size in sizes[1:]:
        equal = equality(sizes[0], size)
        if equal is False:
            return None
        conditions += [equal] if isinstance(equal, Condition) else []
    return tuple(conditions)


def _complexity(size: Dim) -> int:
    return 0 if isinstance(size, int) else size.period
