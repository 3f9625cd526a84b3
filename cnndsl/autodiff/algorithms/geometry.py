"""What a convolution does to sizes: the one description that every algorithm works from.

A transposed convolution is described by the convolution whose transpose it is, so that all
algorithms serve both: its forward pass is that convolution's gradient of the input, and so on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import onnx_ir as ir

from cnndsl.diagnostics import UsageError


@dataclass(frozen=True, slots=True)
class Axis:
    """One spatial axis: window `tap·dilation − before + stride·output`, over `size` inputs."""

    size: int
    kernel: int
    stride: int
    dilation: int
    before: int
    output: int

    @property
    def extent(self) -> int:
        """How many inputs one window spans."""
        return self.dilation * (self.kernel - 1) + 1

    @property
    def reach(self) -> int:
        """Where the last window ends, in inputs; beyond `size` it reads padding."""
        return self.stride * (self.output - 1) + self.extent - self.before

    @property
    def after(self) -> int:
        """Padding that the last window reads; less than declared where the stride skips some."""
        return max(self.reach - self.size, 0)

    @property
    def unread(self) -> int:
        """Inputs at the end that no window reads."""
        return max(self.size - self.reach, 0)


@dataclass(frozen=True, slots=True)
class Convolution:
    """From x [batch, channels, …] and w [filters, channels/group, …] to y [batch, filters, …]."""

    batch: int
    channels: int
    filters: int
    group: int
    axes: tuple[Axis, ...]

    @property
    def rank(self) -> int:
        """The number of spatial axes."""
        return len(self.axes)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The spatial sizes of x."""
        return tuple(a.size for a in self.axes)

    @property
    def outputs(self) -> tuple[int, ...]:
        """The spatial sizes of y."""
        return tuple(a.output for a in self.axes)

    @property
    def kernel(self) -> tuple[int, ...]:
        """The window's size."""
        return tuple(a.kernel for a in self.axes)

    @property
    def strides(self) -> tuple[int, ...]:
        """The window's steps."""
        return tuple(a.stride for a in self.axes)

    @property
    def dilations(self) -> tuple[int, ...]:
        """The distances between taps."""
        return tuple(a.dilation for a in self.axes)

    @property
    def pads(self) -> tuple[int, ...]:
        """All befores, then all afters that are read."""
        return (*(a.before for a in self.axes), *(a.after for a in self.axes))

    @property
    def depthwise(self) -> bool:
        """Whether every filter reads one channel of its own."""
        return self.group == self.channels == self.filters

    @property
    def pointwise(self) -> bool:
        """Whether a window is one input, neither padded nor skipped."""
        return all(a.kernel == a.stride == 1 and a.size == a.output for a in self.axes)

    @property
    def macs(self) -> int:
        """Multiplications, each of the three products has as many."""
        taps = self.channels // self.group * prod(self.kernel)
        return self.batch * self.filters * taps * prod(self.outputs)

    @property
    def x_shape(self) -> tuple[int, ...]:
        """The input's shape."""
        return (self.batch, self.channels, *self.sizes)

    @property
    def y_shape(self) -> tuple[int, ...]:
        """The output's shape."""
        return (self.batch, self.filters, *self.outputs)

    @property
    def w_shape(self) -> tuple[int, ...]:
        """The weight's shape."""
        return (self.filters, self.channels // self.group, *self.kernel)


def of_conv(node: ir.Node, x: Sequence[int], w: Sequence[int], y: Sequence[int]) -> Convolution:
    """What a Conv node does, given the shapes of its input, weight and output. Raises UsageError
    where they don't fit together.
    """
    rank = len(x) - 2
    strides, dilations, before = _steps(node, rank, w[2:])
    mode = node.attributes.get_string("auto_pad", "NOTSET")
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        for i in range(rank):
            extent = dilations[i] * (w[i + 2] - 1) + 1
            whole = max(strides[i] * (y[i + 2] - 1) + extent - x[i + 2], 0)
            before[i] = whole // 2 if mode == "SAME_UPPER" else whole - whole // 2
    elif mode == "VALID":
        before = [0] * rank
    group = node.attributes.get_int("group", 1)
    rows = zip(x[2:], w[2:], strides, dilations, before, y[2:], strict=True)
    return Convolution(x[0], x[1], w[0], group, tuple(Axis(*row) for row in rows))


def of_transpose(
    node: ir.Node, x: Sequence[int], w: Sequence[int], y: Sequence[int]
) -> Convolution:
    """The convolution from y's shape to x's whose transpose a ConvTranspose node is.

    Where an output shape is given or asked for by `auto_pad`, the pads follow from it, the odd one
    first for SAME_UPPER, as ONNX says. Raises UsageError where shapes don't fit together.
    """
    rank = len(x) - 2
    strides, dilations, before = _steps(node, rank, w[2:])
    extra = integers(node, "output_padding", [0] * rank)
    mode = node.attributes.get_string("auto_pad", "NOTSET")
    if "output_shape" in node.attributes or mode in ("SAME_UPPER", "SAME_LOWER"):
        for i in range(rank):
            extent = dilations[i] * (w[i + 2] - 1) + 1
            whole = max(strides[i] * (x[i + 2] - 1) + extra[i] + extent - y[i + 2], 0)
            before[i] = whole // 2 if mode == "SAME_UPPER" else whole - whole // 2
    elif mode == "VALID":
        before = [0] * rank
    group = node.attributes.get_int("group", 1)
    rows = zip(y[2:], w[2:], strides, dilations, before, x[2:], strict=True)
    return Convolution(x[0], w[1] * group, x[1], group, tuple(Axis(*row) for row in rows))


def check_weight(c: Convolution, w: Sequence[int], channels: int) -> None:
    """Raise UsageError where a node's weight isn't for the channels of its input."""
    fits = c.group > 0 and c.filters % c.group == 0
    if not fits or tuple(w[:2]) != (c.filters, c.channels / c.group):
        raise UsageError(
            f"a weight {'x'.join(map(str, w))} in {c.group} groups doesn't fit an input of "
            f"{channels} channels"
        )


def _steps(
    node: ir.Node, rank: int, window: Sequence[int]
) -> tuple[list[int], list[int], list[int]]:
    """A node's strides, dilations and the pads in front. Raises UsageError where these, or the
    window, aren't for so many axes.
    """
    strides = integers(node, "strides", [1] * rank)
    dilations = integers(node, "dilations", [1] * rank)
    pads = integers(node, "pads", [0] * 2 * rank)
    sizes = {"window": window, "strides": strides, "dilations": dilations}
    for name, found in {**sizes, "pads": pads[: len(pads) // 2]}.items():
        if len(found) != rank:
            raise UsageError(f"its input has {rank} axes of space, but its {name} {len(found)}")
        if name != "pads" and min(found, default=1) < 1:
            raise UsageError(f"its {name} would be {'x'.join(map(str, found))}")
    return strides, dilations, pads[:rank]


def integers(node: ir.Node, name: str, default: Sequence[int]) -> list[int]:
    """A list of integers among a node's attributes."""
    found = node.attributes.get(name)
    return list(found.as_ints()) if found is not None else list(default)
