"""Borders put around a map and taken off it: `pad` and `crop`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from cnndsl.layers.arguments import Pads, keyed, number, words
from cnndsl.layers.base import (
    Builder,
    Cost,
    Example,
    Layer,
    ReceptiveAxes,
    ReceptiveAxis,
    ShapeError,
    Value,
)
from cnndsl.layers.nodes import FIRST_AXIS, Margins, cut, surround
from cnndsl.layers.windows import axis_names, explicit_padding
from cnndsl.shape import LARGEST_PERIOD, Dim, Shape, at


class Pad(Layer, word="pad"):
    """Put a border around the map. `pad 1 reflect` adds a mirrored row and column on every side.

    - Width `1`, `p1x2`, or `p=(top,left,bottom,right)`, required.
    - `zero` (default), `edge` (the nearest pixel) or `reflect` (the picture mirrored at its
      outermost pixels, which aren't repeated; less wide than the map).
    - `value=0.5`: another number than 0 to fill the border with.

    Size: n + before + after. Parameters, MACs, FLOPs: none.
    """

    width: Pads = number(letters="p")
    mode: Literal["constant", "edge", "reflect"] = words(
        "constant", zero="constant", edge="edge", reflect="reflect"
    )
    value: float = keyed(0.0, ge=-1e6, le=1e6)

    keeps = frozenset[str]()
    examples = (
        Example("pad 1", "3@32x32", "3@34x34"),
        Example("pad 1 edge", "3@HxW", "3@H+2xW+2"),
        Example("pad 2 reflect", "3@8x8", "3@12x12"),
        Example("pad p=(0,0,1,1) value=0.5", "3@8x8", "3@9x9"),
    )

    def margins(self, x: Shape) -> Margins:
        """(before, after) for every axis."""
        return explicit_padding(self.width, x, "width")

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if self.value and self.mode != "constant":
            raise ShapeError(
                "pad-value-unused",
                f"`{self.mode}` fills the border with pixels of the map, not with {self.value:g}",
                field="value",
                help=f"drop `{self.mode}` or `value`",
            )
        margins = self.margins(x)
        rows = list(zip(axis_names(x.rank), x.space, margins, strict=True))
        for name, n, sides in rows:
            if self.mode == "reflect" and isinstance(n, int) and max(sides) >= n:
                raise ShapeError(
                    "reflect-too-wide",
                    f"a {name} of {n} holds only {n - 1} pixels to mirror, not {max(sides)}",
                    field="width",
                    help="use a narrower border, or `edge`",
                )
        return Shape(x.channels, tuple(n + (before + after) for _, n, (before, after) in rows))

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        return Cost(0, 0)

    def receptive_field(self, inputs: tuple[Shape, ...], output: Shape) -> ReceptiveAxes:
        return _shifted(-before for before, _ in self.margins(inputs[0]))

    def explain(self, inputs: tuple[Shape, ...], output: Shape) -> list[str]:
        return _explain(inputs[0], "+", self.margins(inputs[0]), output)

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        (value,), (x,) = inputs, graph.inputs
        return surround(graph, value, self.margins(x), mode=self.mode, fill=self.value)


class Crop(Layer, word="crop"):
    """Take a border off the map. `crop 4` takes 4 pixels off every side.

    - Width `4`, `p2x4`, or `p=(top,left,bottom,right)`; or
    - `to=x`: the middle part, as large as the value labelled `x` (channels stay). Where the
      difference is odd, one pixel more goes at the end. U-Net's `crop to=up from enc4`.

    Size: n − before − after, or that of `x`. Parameters, MACs, FLOPs: none.
    """

    width: Pads | None = number(None, letters="p")

    references = (0, 1)
    reference_key = "to"
    reads = 1
    keeps = frozenset[str]()
    examples = (
        Example("crop 4", "64@64x64", "64@56x56"),
        Example("crop p=(0,1,2,3)", "64@HxW", "64@H-2xW-4"),
        Example("crop to=x", "64@64x64 128@57x56", "64@57x56"),
    )

    def shape(self, *inputs: Shape) -> Shape:
        x = inputs[0]
        if (self.width is None) == (len(inputs) == 1):
            raise ShapeError(
                "crop-how",
                "`crop` needs one way to say how much it takes off, and only one",
                help="give a width (`crop 4`) or a value whose size is wanted (`crop to=x`)",
            )
        if self.width is None:
            return self._middle(*inputs)
        margins = explicit_padding(self.width, x, "width")
        for name, n, taken in zip(axis_names(x.rank), x.space, margins, strict=True):
            if isinstance(n, int) and n <= sum(taken):
                raise ShapeError(
                    "nothing-left",
                    f"taking {taken[0]} + {taken[1]} off a {name} of {n} leaves nothing",
                    field="width",
                    help="take less off",
                )
        sizes = (n + -sum(taken) for n, taken in zip(x.space, margins, strict=True))
        return Shape(x.channels, tuple(sizes))

    def _middle(self, x: Shape, to: Shape) -> Shape:
        if x.rank != to.rank or x.rank == 0:
            raise ShapeError(
                "wrong-axes",
                f"{x} can't be cropped to the size of {to}",
                help="both must be maps with the same number of axes",
            )
        if any(_difference(n, m) < 0 for n, m in zip(x.space, to.space, strict=True)):
            raise ShapeError(
                "crop-too-large",
                f"{x} is smaller than {to}",
                help="`pad` enlarges a map; or crop the other value",
            )
        return Shape(x.channels, to.space)

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        return Cost(0, 0)

    def margins(self, x: Shape, output: Shape) -> Margins:
        """(before, after) for every axis; for symbolic sizes as on a large map."""
        if self.width is not None:
            return explicit_padding(self.width, x, "width")
        spare = [_difference(n, m) for n, m in zip(x.space, output.space, strict=True)]
        return [(total // 2, total - total // 2) for total in spare]

    def receptive_field(self, inputs: tuple[Shape, ...], output: Shape) -> ReceptiveAxes:
        return _shifted(before for before, _ in self.margins(inputs[0], output))

    def explain(self, inputs: tuple[Shape, ...], output: Shape) -> list[str]:
        return _explain(inputs[0], "−", self.margins(inputs[0], output), output)

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        x, output = graph.inputs[0], graph.output
        if self.width is not None or x.space == output.space or _both_fixed(x, output):
            return cut(graph, inputs[0], self.margins(x, output))
        have, want = (graph.op("Shape", value, start=FIRST_AXIS) for value in inputs)
        spare = graph.op("Sub", have, want)
        starts = graph.op("Div", spare, graph.constant("two", [2], "int"))
        axes = graph.constant("axes", range(FIRST_AXIS, FIRST_AXIS + x.rank), "int")
        return graph.op("Slice", inputs[0], starts, graph.op("Add", starts, want), axes)


def _both_fixed(x: Shape, output: Shape) -> bool:
    return x.is_concrete and output.is_concrete


def _difference(n: Dim, m: Dim) -> int:
    """How much larger n is than m; for symbolic sizes as on a large map."""
    large = LARGEST_PERIOD * LARGEST_PERIOD
    return at(n, large) - at(m, large)


def _shifted(starts: Iterable[int]) -> ReceptiveAxes:
    return tuple(ReceptiveAxis(((start, start),), 1) for start in starts)


def _explain(x: Shape, sign: str, margins: Margins, output: Shape) -> list[str]:
    lines: list[str] = []
    rows = zip(axis_names(x.rank), x.space, margins, output.space, strict=True)
    for name, n, (before, after), m in rows:
        both = f"2·{before}" if before == after else f"{before} {sign} {after}"
        lines.append(f"{name}: {n} {sign} {both} = {m}")
    return lines
