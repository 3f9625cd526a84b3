"""Pooling over windows: `pool` (the maximum) and `avgpool` (the mean)."""

from __future__ import annotations

from dataclasses import replace
from math import inf, prod
from typing import Any

from cnndsl.layers.arguments import Axes, Padding, option, padding, size, words
from cnndsl.layers.base import Builder, Cost, Example, Layer, ReceptiveAxes, ShapeError, Value
from cnndsl.layers.nodes import Margins, surround
from cnndsl.layers.windows import Window, resolve_window
from cnndsl.shape import Shape, ceil_padding, window_extent


class Pooling(Layer):
    """A window that keeps the channels apart; its stride is its size unless it says more."""

    kernel: Axes = size()
    stride: Axes | None = option("s", None)
    padding: Padding = padding()
    ceil: bool = words(False, ceil=True)

    def window(self, x: Shape) -> Window:
        """The window over x, explicit for every axis."""
        return self._window(x, (1,))

    def _window(self, x: Shape, dilation: tuple[int, ...]) -> Window:
        stride = self.stride or self.kernel
        return resolve_window(x, self.kernel, stride, self.padding, dilation, self.ceil)

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        window = self.window(x)
        for name, n, k, _, pads, d in window.axes(x):
            # Dilated by more than the whole map, a window can step over it altogether.
            if max(pads) >= window_extent(k, d) or (isinstance(n, int) and any(pads) and d > n):
                raise ShapeError(
                    "padding-too-large",
                    f"with a padding of {max(pads)} along the {name}, windows of "
                    f"{window_extent(k, d)} would hold nothing but padding",
                    field="padding",
                    help="use less padding; `pad` puts any border around a map",
                )
        return Shape(x.channels, window.slide(x))

    def receptive_field(self, inputs: tuple[Shape, ...], output: Shape) -> ReceptiveAxes:
        return self.window(inputs[0]).receptive_field()

    def explain(self, inputs: tuple[Shape, ...], output: Shape) -> list[str]:
        return self.window(inputs[0]).explain(inputs[0], output)

    def rounded_down(self, x: Shape) -> Window:
        """The same places without rounding up: `ceil` becomes padding behind the map.

        ONNX's ceil_mode lets a window start in the padding, and runtimes differ about it.
        """
        window = self.window(x)
        if not self.ceil:
            return window
        pads: list[tuple[int, int]] = []
        for (_, n, k, s, (before, after), d), count in zip(
            window.axes(x), window.slide(x), strict=True
        ):
            needed = ceil_padding(k, s, after, d)
            if isinstance(n, int) and isinstance(count, int):
                needed = max(after, (count - 1) * s + window_extent(k, d) - n - before)
            pads.append((before, needed))
        return replace(window, pads=tuple(pads), ceil=False)


class Pool(Pooling, word="pool"):
    """Keep the largest value under the window. `pool 2x2` halves height and width.

    - Size `3x3` (or `k3`), required. `s` stride: as the size. `d` dilation 1.
    - Padding: none by default; `p1`, `p1x2`, `p=(top,left,bottom,right)`, `same` or `half`. It
      never wins: the largest of no values is not 0.
    - `ceil` rounds the size up, so that no pixel is left out; windows that would start in the
      padding behind the map are dropped.

    Size: ⌊(n + p − d·(k−1) − 1)/s⌋ + 1, with `ceil` ⌈ ⌉. Parameters: none. MACs: none. FLOPs:
    k·k − 1 comparisons per output value.
    """

    dilation: Axes = option("d", (1,))

    keeps = frozenset({"indices"})
    examples = (
        Example("pool 2x2", "16@28x28", "16@14x14"),
        Example("pool 3x3 s2", "96@55x55", "96@27x27"),
        Example("pool 3x3 s2 ceil", "64@112x112", "64@56x56"),
        Example("pool 3x3 s1 same", "192@28x28", "192@28x28"),
        Example("pool 2x2", "8@HxW", "8@H//2xW//2"),
        Example("pool 1x2x2", "64@16x112x112", "64@16x56x56"),
    )

    def window(self, x: Shape) -> Window:
        return self._window(x, self.dilation)

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        return Cost(0, output.elements * (prod(self.window(inputs[0]).kernel) - 1))

    def border(self, x: Shape) -> Margins:
        """What must be put around x by a node of its own: ONNX pads by less than the size alone,
        which a dilated window may exceed.
        """
        window = self.rounded_down(x)
        fits = all(max(p) < k for p, k in zip(window.pads, window.kernel, strict=True))
        return [(0, 0)] * x.rank if fits else window.pads

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        (value,), (x,) = inputs, graph.inputs
        window, border = self.rounded_down(x), self.border(x)
        if any(map(any, border)):
            value = surround(graph, value, border, fill=-inf)
            window = replace(window, pads=((0, 0),) * x.rank)
        if not graph.wants_indices:
            return graph.op("MaxPool", value, **window.attributes())
        values, indices = graph.ops("MaxPool", 2, value, **window.attributes())
        graph.keep_indices(indices)
        return values


class AvgPool(Pooling, word="avgpool"):
    """Take the mean under the window. `avgpool 2x2` halves height and width.

    - Size `3x3` (or `k3`), required. `s` stride: as the size.
    - Padding: none by default; `p1`, `p1x2`, `p=(top,left,bottom,right)`, `same` or `half`.
      Padding is left out of the mean, unless `countpad` counts it as zeros.
    - `ceil` rounds the size up; what it adds behind the map is never counted.

    Size: ⌊(n + p − k)/s⌋ + 1, with `ceil` ⌈ ⌉. Parameters: none. MACs: none. FLOPs: k·k per output
    value (k·k − 1 additions and a division).
    """

    countpad: bool = words(False, countpad=True)

    keeps = frozenset[str]()
    examples = (
        Example("avgpool 2x2", "6@28x28", "6@14x14"),
        Example("avgpool 5x5 s3", "512@14x14", "512@4x4"),
        Example("avgpool 3x3 s1 p1 countpad", "192@35x35", "192@35x35"),
        Example("avgpool 3x3 s2 ceil", "8@8x8", "8@4x4"),
    )

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        return Cost(0, output.elements * prod(self.window(inputs[0]).kernel))

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        (value,), (x,) = inputs, graph.inputs
        window, counted = self.rounded_down(x), self.countpad
        given = self.window(x).pads
        if counted and (window.pads != given or any(before != after for before, after in given)):
            # Only the given padding counts, not what `ceil` adds, and older ONNX Runtimes count
            # wrongly where the two sides differ. So the given zeros become part of the map.
            value = surround(graph, value, given)
            rest = zip(window.pads, given, strict=True)
            window = replace(window, pads=tuple((0, all_ - own) for (_, all_), (_, own) in rest))
            counted = False
        attributes = window.attributes()
        del attributes["dilations"]  # only a later version of the operator has them
        return graph.op("AveragePool", value, **attributes, count_include_pad=int(counted))
