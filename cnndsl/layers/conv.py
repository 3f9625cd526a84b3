"""Convolutions: `conv` and `dwconv`."""

from __future__ import annotations

from math import prod
from typing import Annotated, Any

from pydantic import Field

from cnndsl.layers.arguments import Axes, Padding, number, option, padding, size, words
from cnndsl.layers.base import (
    Builder,
    Cost,
    Example,
    Layer,
    Parameter,
    ReceptiveAxes,
    ShapeError,
    Value,
)
from cnndsl.layers.windows import Window, broadcast, resolve_window
from cnndsl.shape import Shape

Filters = Annotated[int, Field(gt=0, le=1 << 24)]


def check_groups(groups: int, channels: int, filters: int) -> None:
    """Raise where the groups wouldn't be equal."""
    for what, count in (("input channels", channels), ("filters", filters)):
        if count % groups:
            raise ShapeError(
                "groups-mismatch",
                f"{count} {what} can't be split into {groups} equal groups",
                field="groups",
                help=f"choose a number of groups that divides {channels} and {filters}",
            )


class Windows(Layer):
    """The window of a convolution: its size, stride, padding and dilation."""

    kernel: Axes = size()
    stride: Axes = option("s", (1,))
    padding: Padding = padding()
    dilation: Axes = option("d", (1,))

    def window(self, x: Shape) -> Window:
        """The window over x, explicit for every axis."""
        return resolve_window(x, self.kernel, self.stride, self.padding, self.dilation)

    def receptive_field(self, inputs: tuple[Shape, ...], output: Shape) -> ReceptiveAxes:
        return self.window(inputs[0]).receptive_field()

    def explain(self, inputs: tuple[Shape, ...], output: Shape) -> list[str]:
        return self.window(inputs[0]).explain(inputs[0], output)


class Conv(Windows, word="conv"):
    """Slide a learned window over the input; every filter looks at all channels of its group.

    `conv 3x3 64 s2 p1` is 64 filters of 3 by 3 with stride 2 and one pixel of zero padding.

    - Size `3x3` (or `k3`: 3 on every axis; 1-d and 3-d inputs work alike), required.
    - Filters `64`; left out: as many as the input has channels.
    - `s` stride 1, `d` dilation 1, `g` groups 1.
    - Padding: none by default; `p1`, `p1x2`, `p=(top,left,bottom,right)`, `same` (⌈n/s⌉ outputs,
      the odd pixel last) or `half` ((k−1)//2·d on each side).
    - `bias` (default) or `nobias`; where the next chained layer is `bn` the default is no bias.

    Size: ⌊(n + p − d·(k−1) − 1)/s⌋ + 1. Parameters: k·k·(C/g)·F weights and F biases. MACs: every
    weight once per output position. FLOPs: 2 per MAC and 1 per output value for the bias.
    """

    filters: Filters | None = number(None)
    groups: Filters = option("g", 1)
    bias: bool = words(True, bias=True, nobias=False)

    examples = (
        Example("conv 3x3 8 s2 p1", "3@32x32", "8@16x16", params=224, macs=55_296),
        Example("conv 11x11 96 s4", "3@227x227", "96@55x55", params=34_944, macs=105_415_200),
        Example("conv 5x5 256 p2 g2", "96@27x27", "256@27x27", params=307_456, macs=223_948_800),
        Example("conv 3x3 16 same nobias", "3@32x32", "16@32x32", params=432, macs=442_368),
        Example("conv k9 4 half", "2@100", "4@100", params=76, macs=7_200),
        Example("conv 3x3x3 2 s1x2x2 half", "1@8x8x8", "2@8x4x4", params=56, macs=6_912),
    )

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        filters = self.filters or x.channels
        check_groups(self.groups, x.channels, filters)
        return Shape(filters, self.window(x).slide(x))

    def parameters(self, *inputs: Shape) -> tuple[Parameter, ...]:
        (x,) = inputs
        kernel = broadcast(self.kernel, x, "kernel")
        filters = self.filters or x.channels
        area, channels = prod(kernel), x.channels // self.groups
        weight = Parameter(
            "weight",
            (filters, channels, *kernel),
            "weight",
            fan_in=channels * area,
            fan_out=filters // self.groups * area,
        )
        return (weight, Parameter("bias", (filters,), "bias")) if self.bias else (weight,)

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        (x,) = inputs
        taps = x.channels // self.groups * prod(broadcast(self.kernel, x, "kernel"))
        macs = output.elements * taps
        return Cost(macs, 2 * macs + (output.elements if self.bias else 0))

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        return graph.op(
            "Conv",
            *inputs,
            graph.parameter("weight"),
            graph.parameter("bias") if self.bias else None,
            **self.window(graph.inputs[0]).attributes(),
            group=self.groups,
        )


class DepthwiseConv(Windows, word="dwconv"):
    """Filter every channel by itself: a convolution with as many groups as channels.

    `dwconv 3x3 s2 p1` has one 3x3 filter a channel. Two filters for each of 32 channels are
    `conv 3x3 64 g32`. Arguments, size and FLOPs as for `conv`, without filters and groups.
    Parameters: k·k·C weights and C biases. MACs: every weight once per output position.
    """

    bias: bool = words(True, bias=True, nobias=False)

    examples = (
        Example("dwconv 3x3 s2 p1", "32@112x112", "32@56x56", params=320, macs=903_168),
        Example("dwconv 3x3 same nobias", "8@16x16", "8@16x16", params=72, macs=18_432),
    )

    def convolution(self, x: Shape) -> Conv:
        """The same as a grouped convolution."""
        return Conv(
            kernel=self.kernel,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=x.channels,
            bias=self.bias,
        )

    def shape(self, *inputs: Shape) -> Shape:
        return self.convolution(inputs[0]).shape(*inputs)

    def parameters(self, *inputs: Shape) -> tuple[Parameter, ...]:
        return self.convolution(inputs[0]).parameters(*inputs)

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        return self.convolution(inputs[0]).cost(inputs, output)

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        return self.convolution(graph.inputs[0]).lower(graph, *inputs)
