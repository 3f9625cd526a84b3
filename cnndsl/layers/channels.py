"""Channels chosen, added and reordered: `take`, `widen`, `shuffle`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any

from pydantic import Field

from cnndsl.layers.arguments import keyed, number, numbers
from cnndsl.layers.base import Builder, Cost, Example, Layer, ShapeError, Value
from cnndsl.layers.conv import Filters
from cnndsl.layers.nodes import surround
from cnndsl.shape import Shape

CHANNEL_AXIS = 1

Channel = Annotated[int, Field(ge=0, le=1 << 24)]
Chosen = Annotated[tuple[Channel, ...], Field(max_length=1 << 16)]


class ChannelLayer(Layer):
    """A layer that only moves whole channels. Parameters, MACs, FLOPs: none."""

    keeps = frozenset[str]()

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        return Cost(0, 0)


class Take(ChannelLayer, word="take"):
    """Choose channels: `take 0 1 2` by number, `take first=8` and `take last=8` so many.

    - Channels `0 1 2`, counted from 0, in the order wanted; one may be taken twice. Or
    - `first=n`: the first n. `start=4` begins with channel 4, and `step=2` takes every second one,
      still n in all. Without `first` these two take all that there are. Or
    - `last=n`: the last n.

    Parameters, MACs, FLOPs: none. LeNet-5's partial connection table is made of it.
    """

    channels: Chosen = numbers(())
    first: Filters | None = keyed(None)
    last: Filters | None = keyed(None)
    start: Channel = keyed(0)
    step: Filters = keyed(1)

    examples = (
        Example("take 0 1 2", "6@14x14", "3@14x14"),
        Example("take 5 0 0", "6@14x14", "3@14x14"),
        Example("take first=3", "6@HxW", "3@HxW"),
        Example("take last=2", "@6", "@2"),
        Example("take first=2 start=1", "6@14x14", "2@14x14"),
        Example("take step=2", "6@14x14", "3@14x14"),
    )

    def chosen(self, x: Shape) -> Sequence[int]:
        """The channels of x by number, in their order."""
        some = bool(self.start or self.step > 1)
        ways = [bool(self.channels), self.last is not None, self.first is not None or some]
        if sum(ways) != 1:
            raise ShapeError(
                "take-how",
                "`take` needs one way to say which channels it takes, and only one",
                help="write `take 0 1 2`, `take first=n`, `take last=n` or `take first=n start=m`",
            )
        if self.channels:
            self._check(x, "channels", max(self.channels))
            return self.channels
        if self.last is not None:
            self._check(x, "last", self.last - 1)
            return range(x.channels)[-self.last :]
        count = 1 if self.first is None else self.first
        self._check(x, "first" if self.first else "start", self.start + (count - 1) * self.step)
        return range(self.start, x.channels, self.step)[: self.first]

    def _check(self, x: Shape, field: str, most: int) -> None:
        if most >= x.channels:
            counted = field in ("first", "last") and not (self.start or self.step > 1)
            raise ShapeError(
                "channel-out-of-range",
                f"{x} has {x.channels} channels, not {most + 1}"
                if counted
                else f"{x} has the channels 0 to {x.channels - 1}, not {most}",
                field=field,
                help=f"choose from its {x.channels} channels",
            )

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0].with_channels(len(self.chosen(inputs[0])))

    def explain(self, inputs: tuple[Shape, ...], output: Shape) -> list[str]:
        chosen = self.chosen(inputs[0])
        listed = ", ".join(map(str, chosen[:16])) + (" …" if len(chosen) > 16 else "")
        return [f"channels: {listed} of {inputs[0].channels}"]

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        chosen = self.chosen(graph.inputs[0])
        steps = {b - a for a, b in pairwise(chosen)} or {1}
        if len(steps) > 1 or min(steps) < 1:
            return graph.op(
                "Gather", *inputs, graph.constant("channels", chosen, "int"), axis=CHANNEL_AXIS
            )
        (step,) = steps
        bounds = [("starts", chosen[0]), ("ends", chosen[-1] + 1), ("axes", CHANNEL_AXIS)]
        bounds += [("steps", step)] if step > 1 else []
        return graph.op("Slice", *inputs, *(graph.constant(n, [v], "int") for n, v in bounds))


class Widen(ChannelLayer, word="widen"):
    """Add channels of zeros evenly before and behind: `widen 32` gives 32 channels.

    It makes ResNet's parameter-free skip (option A, `residual pad:`): of the F − C new channels
    (F−C)//2 come before.

    - Channels `32`, required; at least as many as the input has.

    Parameters, MACs, FLOPs: none. Source: He, Zhang, Ren, Sun, Deep Residual Learning for Image
    Recognition, arXiv:1512.03385.
    """

    channels: Filters = number()

    examples = (
        Example("widen 32", "16@16x16", "32@16x16"),
        Example("widen 4", "1@HxW", "4@HxW"),
    )

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if x.channels > self.channels:
            raise ShapeError(
                "widen-narrower",
                f"{x} has more than {self.channels} channels already",
                field="channels",
                help="`take first=n` chooses fewer; `conv 1x1 n` mixes them",
            )
        return x.with_channels(self.channels)

    def margins(self, x: Shape) -> tuple[int, int]:
        """Channels of zeros before and behind."""
        more = self.channels - x.channels
        return more // 2, more - more // 2

    def explain(self, inputs: tuple[Shape, ...], output: Shape) -> list[str]:
        before, after = self.margins(inputs[0])
        return [f"channels: {before} + {inputs[0].channels} + {after} = {output.channels}"]

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        (value,), (x,) = inputs, graph.inputs
        return surround(graph, value, [(0, 0)] * x.rank, channels=self.margins(x))


class Shuffle(ChannelLayer, word="shuffle"):
    """Mix the channels of g groups: channel i of group j becomes channel j of group i.

    `shuffle 2` after a grouped convolution lets the next one see both groups.

    - Groups `2` (or `g2`), required; they must divide the channels.

    Parameters, MACs, FLOPs: none. Source: Zhang, Zhou, Lin, Sun, ShuffleNet, arXiv:1707.01083.
    """

    groups: Filters = number(letters="g")

    examples = (Example("shuffle 2", "8@7x7", "8@7x7"), Example("shuffle g3", "6@HxW", "6@HxW"))

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if x.channels % self.groups:
            raise ShapeError(
                "groups-mismatch",
                f"{x.channels} channels can't be split into {self.groups} equal groups",
                field="groups",
                help=f"choose a number of groups that divides {x.channels}",
            )
        return x

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        count = graph.inputs[0].channels
        order = [
            c for i in range(count // self.groups) for c in range(i, count, count // self.groups)
        ]
        return graph.op("Gather", *inputs, graph.constant("order", order, "int"), axis=CHANNEL_AXIS)
