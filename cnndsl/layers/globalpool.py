"""Pooling of whole maps, or of all channels: `gap` (the mean) and `gmp` (the maximum)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from math import gcd, prod
from typing import Any, ClassVar

from cnndsl.layers.arguments import Axes, common_words, size
from cnndsl.layers.base import (
    EVERYTHING,
    MOST_VIEWS,
    POINT,
    Builder,
    Cost,
    Example,
    Layer,
    ReceptiveAxes,
    ReceptiveAxis,
    ShapeError,
    Value,
)
from cnndsl.layers.windows import axis_names, broadcast
from cnndsl.shape import Shape

LARGEST_MATRIX = 1 << 24  # weights of unequal windows, which the model would have to hold


class GlobalPooling(Layer):
    """One value a channel, or as many as `output` says, whatever the size of the map; or one value
    a position, over the channels.
    """

    output: Axes | None = size(None)
    channels: bool = common_words(False, channels=True)

    over_all: ClassVar[str]
    """The ONNX operator over the whole map."""
    over_windows: ClassVar[str]
    """The ONNX operator over windows of equal size."""
    over_channels: ClassVar[str]
    """The ONNX operator over the channels."""

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if self.channels:
            if self.output:
                raise ShapeError(
                    "unexpected-argument",
                    f"`{self.word} channels` leaves the size of the map as it is",
                    field="output",
                    help="leave one of them out",
                )
            return x.with_channels(1)
        sizes = broadcast(self.output or (1,), x, "output")
        if any(m > 1 for m in sizes) and not x.is_concrete:
            raise ShapeError(
                "needs-fixed-size",
                f"its windows depend on the size of the input, but {x} has no fixed size",
                field="output",
                help=f"`{self.word}` alone works for every size; or give the input a fixed one",
            )
        return Shape(x.channels, sizes)

    def receptive_field(self, inputs: tuple[Shape, ...], output: Shape) -> ReceptiveAxes:
        if self.channels:
            return POINT
        if all(m == 1 for m in output.space):
            return EVERYTHING
        return tuple(_receptive_axis(n, m) for n, m in _axes(inputs[0], output))

    def explain(self, inputs: tuple[Shape, ...], output: Shape) -> list[str]:
        (x,) = inputs
        if self.channels:
            return [f"at every position over {x.channels} channels"]
        if not x.is_concrete:
            return []
        if all(m == 1 for m in output.space):
            return [f"over all {'·'.join(map(str, x.sizes))} = {x.area} positions"]
        names = axis_names(output.rank)
        return [
            f"{name}: {m} windows of {n}/{m} = {n // m} positions"
            if n % m == 0
            else f"{name}: {m} windows from ⌊i·{n}/{m}⌋ to ⌈(i + 1)·{n}/{m}⌉"
            for name, (n, m) in zip(names, _axes(x, output), strict=True)
        ]

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        (x,), output = graph.inputs, graph.output
        if x == output:
            return inputs[0]
        if self.channels:
            return graph.op(self.over_channels, *inputs, graph.constant("channels", (1,), "int"))
        if all(m == 1 for m in output.space):
            return graph.op(self.over_all, *inputs)
        kernel = tuple(n // m for n, m in _axes(x, output))
        return graph.op(self.over_windows, *inputs, kernel_shape=kernel, strides=kernel)

    def _values_in_windows(self, x: Shape, output: Shape) -> int:
        if self.channels:
            return x.elements
        lengths = (sum(b - a for a, b in _windows(n, m)) for n, m in _axes(x, output))
        return x.channels * prod(lengths)


class GlobalAverage(GlobalPooling, word="gap"):
    """Take every channel's mean over the whole map: global average pooling.

    `gap` gives C@1x1. `gap 7x7` gives C@7x7 for every input size (adaptive pooling): the i-th of m
    windows over n positions reaches from ⌊i·n/m⌋ to ⌈(i+1)·n/m⌉, as in PyTorch; where m divides n
    that is an `avgpool` of n/m.

    `gap channels` takes the mean of all channels at every position instead, which leaves 1@HxW:
    with `gmp channels` it is what CBAM's spatial attention looks at.

    Parameters: none. MACs: none. FLOPs: 1 per value in a window (additions and a division).
    Source: Lin, Chen, Yan, Network In Network, arXiv:1312.4400; of channels Woo et al. 2018,
    arXiv:1807.06521.
    """

    over_all = "GlobalAveragePool"
    over_windows = "AveragePool"
    over_channels = "ReduceMean"
    keeps = frozenset[str]()
    examples = (
        Example("gap", "512@7x7", "512@1x1"),
        Example("gap", "8@HxW", "8@1x1"),
        Example("gap 7x7", "512@14x14", "512@7x7"),
        Example("gap 4x4", "512@14x14", "512@4x4"),
        Example("gap", "8@4x7x7", "8@1x1x1"),
        Example("gap channels", "64@HxW", "1@HxW"),
    )

    def shape(self, *inputs: Shape) -> Shape:
        output = super().shape(*inputs)
        if self.channels or output.elements == output.channels:
            return output
        for n, m in _axes(inputs[0], output):
            if n % m and n * m > LARGEST_MATRIX:
                raise ShapeError(
                    "windows-uneven",
                    f"{m} windows over {n} positions aren't equal, and too many to be listed",
                    field="output",
                    help=f"choose a size that divides {n}, or write an `avgpool`",
                )
        return output

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        return Cost(0, self._values_in_windows(inputs[0], output))

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        (x,), output = graph.inputs, graph.output
        if self.channels or not x.is_concrete or _divides(x, output):
            return super().lower(graph, *inputs)
        # Windows of unequal size: a product with a constant matrix for each axis, the last first.
        (value,), sizes = inputs, list(x.sizes)
        for axis, (n, m) in reversed(list(enumerate(_axes(x, output)))):
            if n == m:
                continue
            name, matrix = f"means{axis}", _means(n, m)
            sizes[axis] = m
            if axis == len(sizes) - 1:
                transposed = list(zip(*matrix, strict=True))
                value = graph.op("MatMul", value, graph.constant(name, transposed))
            elif axis == len(sizes) - 2:
                value = graph.op("MatMul", graph.constant(name, matrix), value)
            else:  # the first of three: the other two are one axis meanwhile
                flat = graph.constant("flat", (0, 0, n, prod(sizes[1:])), "int")
                value = graph.op("Reshape", value, flat)
                value = graph.op("MatMul", graph.constant(name, matrix), value)
                full = graph.constant("full", (0, 0, *sizes), "int")
                value = graph.op("Reshape", value, full)
        return value


class GlobalMaximum(GlobalPooling, word="gmp"):
    """Keep every channel's largest value of the whole map: global max pooling.

    `gmp` gives C@1x1. `gmp 4x4` gives C@4x4 for every input size (adaptive pooling), by the windows
    of `gap 4x4`: spatial pyramids are made of it. `gmp channels` keeps the largest of all channels
    at every position, which leaves 1@HxW.

    Parameters: none. MACs: none. FLOPs: one comparison less than values in a window, per output.
    Source of the pyramid: He et al. 2014, arXiv:1406.4729.
    """

    over_all = "GlobalMaxPool"
    over_windows = "MaxPool"
    over_channels = "ReduceMax"
    keeps = frozenset({"input", "output"})
    examples = (
        Example("gmp", "512@7x7", "512@1x1"),
        Example("gmp 2x2", "8@6x4", "8@2x2"),
        Example("gmp 4x4", "256@13x13", "256@4x4"),
        Example("gmp channels", "64@HxW", "1@HxW"),
    )

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        return Cost(0, self._values_in_windows(inputs[0], output) - output.elements)

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        (x,), output = graph.inputs, graph.output
        if not x.is_concrete or self.channels or _divides(x, output):
            return super().lower(graph, *inputs)
        # Windows of unequal size are by one longer than the shortest: maxima over the shortest are
        # taken everywhere, and the largest of the first and the last within a window is its own.
        axes = [(n, m, [*_windows(n, m)]) for n, m in _axes(x, output)]
        kernel = [min(b - a for a, b in windows) for *_, windows in axes]
        strides = [k if n % m == 0 else 1 for k, (n, m, _) in zip(kernel, axes, strict=True)]
        (value,) = inputs
        if set(kernel) != {1}:
            value = graph.op("MaxPool", value, kernel_shape=kernel, strides=strides)
        for axis, (k, (n, m, windows)) in enumerate(zip(kernel, axes, strict=True)):
            if n % m:
                first, last = ([a for a, _ in windows], [b - k for _, b in windows])
                ends = [
                    graph.op("Gather", value, graph.constant(name, places, "int"), axis=axis + 2)
                    for name, places in ((f"first{axis}", first), (f"last{axis}", last))
                ]
                value = graph.op("Max", *ends)
        return value


def _axes(x: Shape, output: Shape) -> list[tuple[int, int]]:
    return list(zip(x.sizes, output.sizes, strict=True))


def _divides(x: Shape, output: Shape) -> bool:
    return all(n % m == 0 for n, m in _axes(x, output))


def _windows(n: int, m: int) -> Iterator[tuple[int, int]]:
    return ((i * n // m, -(-(i + 1) * n // m)) for i in range(m))


def _means(n: int, m: int) -> list[list[float]]:
    """A matrix of m rows that take the means of a column of n."""
    return [[1 / (b - a) if a <= i < b else 0.0 for i in range(n)] for a, b in _windows(n, m)]


def _receptive_axis(n: int, m: int) -> ReceptiveAxis:
    """Windows repeat where as many positions are passed as windows: n/gcd by m/gcd."""
    period = min(m // gcd(n, m), MOST_VIEWS)
    views = tuple((a, b - 1) for a, b in islice(_windows(n, m), period))
    return ReceptiveAxis(views, period * n // m)
