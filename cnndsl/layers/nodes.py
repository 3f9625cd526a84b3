"""Node patterns that several layers write: taking off a border, and putting one on."""

from __future__ import annotations

from collections.abc import Sequence

from cnndsl.layers.base import Builder, Value

Margins = Sequence[tuple[int, int]]
"""(before, after) for every axis."""

FIRST_AXIS = 2  # of space: the batch and the channels come before it
TO_THE_END = (1 << 63) - 1


def cut(graph: Builder, value: Value, margins: Margins) -> Value:
    """Take the margins off the spatial axes, whatever their sizes; no node where all are 0."""
    rows = [(axis, b, a) for axis, (b, a) in enumerate(margins, FIRST_AXIS) if b or a]
    if not rows:
        return value
    return graph.op(
        "Slice",
        value,
        graph.constant("starts", [before for _, before, _ in rows], "int"),
        graph.constant("ends", [-after if after else TO_THE_END for *_, after in rows], "int"),
        graph.constant("axes", [axis for axis, *_ in rows], "int"),
    )


def surround(
    graph: Builder,
    value: Value,
    space: Margins,
    channels: tuple[int, int] = (0, 0),
    mode: str = "constant",
    fill: float = 0.0,
) -> Value:
    """Put margins around the spatial axes and the channels; no node where all are 0.

    The axes, all of them, are named because ONNX Runtime (1.31) then keeps the Pad: left out, it is
    merged into a pooling behind it, which refuses pads as wide as its window, and pads maxima by −∞
    instead of 0.
    """
    befores, afters = zip((0, 0), channels, *space, strict=True)
    if not any((*befores, *afters)):
        return value
    return graph.op(
        "Pad",
        value,
        graph.constant("margins", (*befores, *afters), "int"),
        graph.constant("fill", fill) if fill else None,
        graph.constant("axes", range(len(befores)), "int"),
        mode=mode,
    )
