"""Transposed convolution: `deconv`."""

from __future__ import annotations

from dataclasses import replace
from math import gcd, prod
from typing import Any

from cnndsl.layers.arguments import Pads, number, option, words
from cnndsl.layers.base import (
    MOST_VIEWS,
    Builder,
    Cost,
    Example,
    Parameter,
    ReceptiveAxes,
    ReceptiveAxis,
    ShapeError,
    Value,
)
from cnndsl.layers.conv import Filters, Windows, check_groups
from cnndsl.layers.nodes import cut
from cnndsl.layers.windows import Window, broadcast, resolve_window
from cnndsl.shape import Dim, Shape, window_extent


class Deconv(Windows, word="deconv"):
    """Enlarge a map: every input value stamps a learned window onto the output, stamps add up.

    It is the transpose of `conv` with the same arguments, which is why its size formula is that
    one's, solved for the input. `deconv 2x2 64 s2` doubles height and width.

    - Size `3x3` (or `k3`), required. Filters `64`; left out: as many as the input has channels.
    - `s` stride 1, `d` dilation 1, `g` groups 1.
    - Padding cuts off the result: none by default; `p1`, `p1x2`, `p=(top,left,bottom,right)`,
      `half` ((k−1)//2·d on each side) or `same` (n·s outputs, the odd pixel cut off last).
    - `op1` output padding, less than the stride: so many rows and columns more at the end, because
      strided convolutions give several input sizes the same output size. Default 0.
    - `bias` (default) or `nobias`; where the next chained layer is `bn` the default is no bias.

    Size: s·(n − 1) + d·(k−1) + 1 − p + op. Parameters: k·k·C·(F/g) weights and F biases. MACs:
    every weight once per input position (the stamps). FLOPs: 2 per MAC and 1 per output value for
    the bias. Source: Dumoulin and Visin, A guide to convolution arithmetic for deep learning,
    arXiv:1603.07285.
    """

    filters: Filters | None = number(None)
    groups: Filters = option("g", 1)
    output_padding: Pads = option("op", (0,))
    bias: bool = words(True, bias=True, nobias=False)

    examples = (
        Example("deconv 2x2 64 s2", "128@28x28", "64@56x56", params=32_832, macs=25_690_112),
        Example("deconv 4x4 4 s2 p1 nobias", "8@8x8", "4@16x16", params=512, macs=32_768),
        Example("deconv 3x3 8 s2 p1 op1", "16@7x7", "8@14x14", params=1_160, macs=56_448),
        Example("deconv 3x3 8 s2 same", "16@7x7", "8@14x14", params=1_160, macs=56_448),
        Example("deconv 7x7 512", "4096@1x1", "512@7x7", params=102_760_960, macs=102_760_448),
        Example("deconv 3x3 s2 same g4", "4@HxW", "4@2*Hx2*W", params=40),
    )

    def window(self, x: Shape) -> Window:
        """The stamp; pads are what is cut off the whole result, negative where rows are added."""
        if self.padding == "same":
            return self._same_window(x)
        window = super().window(x)
        extra = broadcast(self.output_padding, x, "output_padding")
        for more, stride in zip(extra, window.stride, strict=True):
            if more >= stride:
                raise ShapeError(
                    "output-padding-too-large",
                    f"an output padding of {more} isn't less than the stride of {stride}",
                    field="output_padding",
                    help="a convolution with this stride gives the next size another output size; "
                    "`pad` puts any border around a map",
                )
        pads = tuple((b, a - more) for (b, a), more in zip(window.pads, extra, strict=True))
        return replace(window, pads=pads)

    def _same_window(self, x: Shape) -> Window:
        if any(self.output_padding):
            raise ShapeError(
                "output-padding-with-same",
                "`same` already says how large the output is: stride times the input",
                field="output_padding",
                help="drop the output padding, or give the padding as a number",
            )
        window = resolve_window(x, self.kernel, self.stride, (0,), self.dilation)
        surplus = [window_extent(k, d) - s for _, _, k, s, _, d in window.axes(x)]
        return replace(window, pads=tuple((max(n, 0) // 2, n - max(n, 0) // 2) for n in surplus))

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        filters = self.filters or x.channels
        check_groups(self.groups, x.channels, filters)
        return Shape(filters, tuple(_size(*axis) for axis in self.window(x).axes(x)))

    def parameters(self, *inputs: Shape) -> tuple[Parameter, ...]:
        (x,) = inputs
        kernel, stride = broadcast(self.kernel, x, "kernel"), broadcast(self.stride, x, "stride")
        filters = self.filters or x.channels
        area = prod(kernel)
        weight = Parameter(
            "weight",
            (x.channels, filters // self.groups, *kernel),
            "weight",
            # An output value adds up every s-th tap only: area/s² of them, on average.
            fan_in=max(x.channels // self.groups * area // prod(stride), 1),
            fan_out=filters // self.groups * area,
        )
        return (weight, Parameter("bias", (filters,), "bias")) if self.bias else (weight,)

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        (x,) = inputs
        taps = output.channels // self.groups * prod(broadcast(self.kernel, x, "kernel"))
        macs = x.elements * taps
        return Cost(macs, 2 * macs + (output.elements if self.bias else 0))

    def receptive_field(self, inputs: tuple[Shape, ...], output: Shape) -> ReceptiveAxes:
        return tuple(
            _receptive_axis(k, s, before, d)
            for _, _, k, s, (before, _), d in self.window(inputs[0]).axes(inputs[0])
        )

    def explain(self, inputs: tuple[Shape, ...], output: Shape) -> list[str]:
        lines: list[str] = []
        (x,) = inputs
        axes = self.window(x).axes(x)
        extras = broadcast(self.output_padding, x, "output_padding")
        for (name, n, k, s, (before, rest), d), more, m in zip(
            axes, extras, output.space, strict=True
        ):
            more = max(more, -rest)
            after = rest + more
            extent = f"{k}" if d == 1 else f"{d}·({k} − 1) + 1"
            cuts = f"2·{before}" if before == after else f"{before} − {after}"
            added = f" + {more}" if more else ""
            lines.append(f"{name}: {s}·({n} − 1) + {extent} − {cuts}{added} = {m}")
        return lines

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        window = self.window(graph.inputs[0])
        rows = zip(window.pads, window.stride, strict=True)
        pads, extra, margins = zip(*(_even(b, a, s) for (b, a), s in rows), strict=True)
        whole = graph.op(
            "ConvTranspose",
            *inputs,
            graph.parameter("weight"),
            graph.parameter("bias") if self.bias else None,
            kernel_shape=window.kernel,
            strides=window.stride,
            pads=(*pads, *pads),
            output_padding=extra,
            dilations=window.dilation,
            group=self.groups,
        )
        return cut(graph, whole, margins)


def _size(name: str, n: Dim, k: int, s: int, pads: tuple[int, int], d: int) -> Dim:
    before, after = pads
    size = (n - 1) * s + (window_extent(k, d) - before - after)
    if isinstance(size, int) and size < 1:
        raise ShapeError(
            "nothing-left",
            f"the whole {name} is {size + before + after}, and padding cuts {before + after} off",
            field="padding",
            help="use less padding, or a larger window",
        )
    return size


def _receptive_axis(k: int, s: int, before: int, d: int) -> ReceptiveAxis:
    """Input i stamps on the outputs s·i + d·t − before by its taps t: an output sees the inputs for
    which there is such a tap, and the outputs between the stamps see none.
    """
    common = gcd(s, d)
    period = s // common  # taps that fit follow each other so
    inverse = pow(d // common, -1, period)

    def view(output: int) -> tuple[int, int] | None:
        place = output + before
        least = place // common * inverse % period
        if place % common or least >= k:
            return None
        most = least + (k - 1 - least) // period * period
        return (place - d * most) // s, (place - d * least) // s

    return ReceptiveAxis(tuple(map(view, range(min(s, MOST_VIEWS)))), 1)


def _even(before: int, after: int, stride: int) -> tuple[int, int, tuple[int, int]]:
    """Equal pads on both sides, output padding, and what is left to cut off.

    ONNX Runtime's CUDA kernel takes equal pads alone.
    """
    if 0 <= before - after < stride:
        return before, before - after, (0, 0)
    pad, extra = max(min(before, after), 0), max(-after, 0)
    return pad, extra, (before - pad, after - pad + extra)
