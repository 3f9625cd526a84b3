"""Fixed filters on every channel: `filter sobel_x`, or numbers of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Annotated, Any, Literal

from pydantic import Field

from cnndsl.layers.arguments import Axes, Padding, numbers, option, padding, size, word
from cnndsl.layers.base import Builder, Cost, Example, Layer, ReceptiveAxes, ShapeError, Value
from cnndsl.layers.windows import Window, broadcast, resolve_window
from cnndsl.shape import Shape

LARGEST_FILTER = 1 << 12  # numbers; a window of 64 by 64

Name = Literal[
    "sobel_x",
    "sobel_y",
    "prewitt_x",
    "prewitt_y",
    "laplace",
    "gauss",
    "box",
    "sharpen",
    "emboss",
]
Numbers = Annotated[
    tuple[Annotated[float, Field(ge=-1e6, le=1e6)], ...], Field(max_length=LARGEST_FILTER)
]

FILTERS: dict[Name, tuple[float, ...]] = {
    "sobel_x": (-1, 0, 1, -2, 0, 2, -1, 0, 1),
    "sobel_y": (-1, -2, -1, 0, 0, 0, 1, 2, 1),
    "prewitt_x": (-1, 0, 1, -1, 0, 1, -1, 0, 1),
    "prewitt_y": (-1, -1, -1, 0, 0, 0, 1, 1, 1),
    "laplace": (0, 1, 0, 1, -4, 1, 0, 1, 0),
    "gauss": (1 / 16, 2 / 16, 1 / 16, 2 / 16, 4 / 16, 2 / 16, 1 / 16, 2 / 16, 1 / 16),
    "box": (1 / 9,) * 9,
    "sharpen": (0, -1, 0, -1, 5, -1, 0, -1, 0),
    "emboss": (-2, -1, 0, -1, 1, 1, 0, 1, 2),
}
"""The filters that have a name: 3 by 3, row after row, as they lie on the image."""


class Filter(Layer, word="filter"):
    """Slide one fixed window over every channel by itself: edge detectors, blurs.

    `filter sobel_x` answers to edges: positive where the image gets brighter to the right.
    `filter 3x3 1 0 -1 1 0 -1 1 0 -1` has numbers of one's own, row after row. As in a convolution
    layer the window lies on the image as written; it isn't mirrored.

    - A name: `sobel_x`, `sobel_y` (brighter downwards), `prewitt_x`, `prewitt_y`, `laplace` (1 at
      the four neighbours, −4 in the middle), `gauss` (1 2 1, 2 4 2, 1 2 1, over 16), `box` (the
      mean), `sharpen` (5, less the four neighbours), `emboss`; all 3 by 3, for images.
    - Or a size and its numbers; 1-d and 3-d inputs work alike.
    - `s` stride 1. Padding: none by default, as for `conv`; `p1`, `same`, `half`.

    Size: as for `conv`. Parameters: none, since nothing is trained. MACs: k·k for every output
    value. FLOPs: 2 per MAC.
    """

    name: Name | None = word(None)
    kernel: Axes | None = size(None)
    values: Numbers = numbers(())
    stride: Axes = option("s", (1,))
    padding: Padding = padding()

    keeps = frozenset[str]()  # its numbers are constants
    examples = (
        Example("filter sobel_x", "1@6x6", "1@4x4", macs=144),
        Example("filter gauss s2 same", "3@32x32", "3@16x16", macs=6_912),
        Example("filter 3x3 1 0 -1 2 0 -2 1 0 -1", "1@6x6", "1@4x4", macs=144),
        Example("filter k3 0.25 0.5 0.25 half", "2@100", "2@100", macs=600),
    )

    def taps(self, x: Shape) -> tuple[tuple[int, ...], tuple[float, ...]]:
        """The window's extent on every axis of x, and its numbers."""
        if self.name:
            if self.kernel or self.values:
                raise _wrong_numbers(f"`{self.name}` has its size and its numbers already")
            if x.rank != 2:
                raise ShapeError(
                    "wrong-axes",
                    f"`{self.name}` is a filter for images, but its input is {x}",
                    field="name",
                    help="give a size and numbers, such as `filter k3 -1 0 1`",
                )
            return (3, 3), FILTERS[self.name]
        if not self.kernel:
            raise _wrong_numbers("it is said neither by name nor by size and numbers")
        kernel = broadcast(self.kernel, x, "kernel")
        if len(self.values) != prod(kernel):
            window = "x".join(map(str, kernel))
            raise _wrong_numbers(
                f"a window of {window} takes {prod(kernel)} numbers, not {len(self.values)}"
            )
        return kernel, self.values

    def window(self, x: Shape) -> Window:
        """The window over x, explicit for every axis."""
        kernel, _ = self.taps(x)
        return resolve_window(x, kernel, self.stride, self.padding)

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        return Shape(x.channels, self.window(x).slide(x))

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        kernel, _ = self.taps(inputs[0])
        macs = output.elements * prod(kernel)
        return Cost(macs, 2 * macs)

    def receptive_field(self, inputs: tuple[Shape, ...], output: Shape) -> ReceptiveAxes:
        return self.window(inputs[0]).receptive_field()

    def explain(self, inputs: tuple[Shape, ...], output: Shape) -> list[str]:
        return self.window(inputs[0]).explain(inputs[0], output)

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        (x,) = graph.inputs
        kernel, values = self.taps(x)
        weight = graph.constant("filter", [[_nested(values, kernel)]] * x.channels)
        attributes = self.window(x).attributes()
        return graph.op("Conv", *inputs, weight, **attributes, group=x.channels)


def _wrong_numbers(message: str) -> ShapeError:
    return ShapeError(
        "filter-numbers",
        message,
        field="values",
        help="write a name, such as `filter sobel_x`, or a size and its numbers, such as "
        "`filter 3x3 1 0 -1 2 0 -2 1 0 -1`",
    )


def _nested(values: Sequence[float], shape: tuple[int, ...]) -> list[Any]:
    """Numbers in rows, rows in planes, as `shape` says."""
    if len(shape) == 1:
        return list(values)
    step = prod(shape[1:])
    return [_nested(values[i : i + step], shape[1:]) for i in range(0, len(values), step)]
