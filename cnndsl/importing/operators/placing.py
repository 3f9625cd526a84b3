"""Pad and the legacy Crop: borders."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnndsl.importing.elementary import Lowest
from cnndsl.importing.nodes import Node
from cnndsl.importing.operators.joining import positions
from cnndsl.importing.operators.windows import short
from cnndsl.importing.views import View
from cnndsl.importing.walking import Walker, operator

LOWEST = -1e30  # what exporters fill a border with that no maximum shall see is -inf, or about it
MODES = {"constant": "constant", "edge": "edge", "reflect": "reflect"}


@operator("Pad")
def pad(walker: Walker, node: Node) -> View:
    """`pad` around the space, `widen` of the channels, `crop` where pads are negative."""
    view = node.view()
    rank = len(view.dims)
    pads = node.sizes(1, "pads") or node.integers("paddings") or ()
    if node.has(3):
        axes = [node.from_front(int(a)) for a in node.array(3).reshape(-1)]
        full = [0] * (2 * rank)
        for i, axis in enumerate(axes):
            full[axis], full[rank + axis] = pads[i], pads[len(axes) + i]
        pads = tuple(full)
    if len(pads) != 2 * rank:
        node.refuse(f"has {len(pads)} pads for a tensor of {rank} dimensions")
    if not any(pads):
        return view
    value = node.number("value", 0.0)
    if node.has(2) and node.array(2).size:
        value = float(node.floats(2).reshape(-1)[0])
    order = _axes(view)
    if order is None or _is_uneven(node, order, pads, value):
        return _one_by_one(walker, node, view, pads, value)
    before = [pads[order.index(axis)] for axis in range(rank)]
    behind = [pads[rank + order.index(axis)] for axis in range(rank)]
    return _padded(walker, node, view, before, behind, value)


def _is_uneven(node: Node, order: list[int], pads: tuple[int, ...], value: float) -> bool:
    """Whether channels are added in another way than `widen` does, evenly and of zeros."""
    before, behind = pads[order.index(1)], pads[len(order) + order.index(1)]
    plain = node.text("mode", "constant") == "constant" and not value
    return bool(before or behind) and (before != (before + behind) // 2 or not plain)


def _one_by_one(
    walker: Walker, node: Node, view: View, pads: tuple[int, ...], value: float
) -> View:
    """A border along one dimension after the other, however they lie in the value."""
    mode = node.text("mode", "constant")
    if mode not in MODES:
        node.refuse(f"fills the border by `{mode}`; `pad` knows zero, edge and reflect")
    fields = {"mode": MODES[mode], "value": value if mode == "constant" else 0.0}
    for axis, sides in enumerate(zip(pads, pads[len(view.dims) :], strict=False)):
        count = view.sizes[axis]
        kept = range(max(-sides[0], 0), count - max(-sides[1], 0))
        if kept != range(count):
            view = positions(walker, node, view, axis, kept)
        before, behind = (max(n, 0) for n in sides)
        if before or behind:
            view = walker.bordered(node, view, axis, (before, behind), **fields)
    return view


def _axes(view: View) -> list[int] | None:
    """Which axis of the value every dimension is; None where it is none."""
    if len(view.dims) != len(view.axes):
        return None
    free = [i for i, row in enumerate(view.axes) if not row]
    order = [view.axes.index(row) if row in view.axes and row else -1 for row in view.dims]
    if any(i < 0 and row for i, row in zip(order, view.dims, strict=True)):
        return None
    return [free.pop(0) if i < 0 else i for i in order]


def _padded(
    walker: Walker, node: Node, view: View, before: list[int], behind: list[int], value: float
) -> View:
    mode = node.text("mode", "constant")
    if mode not in MODES:
        node.refuse(f"fills the border by `{mode}`; `pad` knows zero, edge and reflect")
    base = view.base
    if before[0] or behind[0]:
        node.refuse("adds examples to the batch")
    if before[1] or behind[1]:
        more = before[1] + behind[1]
        count = base.output.channels + more
        base = walker.add(node, walker.layer(node, "widen", channels=count), base)
    sides = (*before[2:], *behind[2:])
    half = len(sides) // 2
    for word, sign in (("crop", -1), ("pad", 1)):
        width = tuple(max(sign * n, 0) for n in sides)
        if any(width):
            even = width[:half] == width[half:]
            shorter = short(width[:half]) if even else width
            if word == "pad" and mode == "constant" and value <= LOWEST:
                base = walker.add(node, Lowest(width=shorter), base)
                continue
            fields: dict[str, Any] = {"width": shorter}
            if word == "pad":
                fields |= {"mode": MODES[mode], "value": value}
            base = walker.add(node, walker.layer(node, word, **fields), base)
    made = walker.whole(base)
    places = {row: i for i, row in enumerate(view.axes) if row}
    order = [places.get(row, -1) for row in view.dims]
    free = [i for i in range(len(made.axes)) if i not in order]
    return made.with_dims([made.axes[free.pop(0) if i < 0 else i] for i in order])


@operator("Crop")
def crop(walker: Walker, node: Node) -> View:
    """ONNX's experimental Crop: border (left, top, right, bottom), or a part of a given size."""
    base = walker.plain(node, node.view())
    border = node.integers("border") or ()
    if len(border) == 1:
        border *= 4
    if base.output.rank != 2 or len(border) != 4:
        node.refuse("crops what isn't an image with four borders")
    left, top, right, bottom = border
    scale = node.integers("scale")
    if scale:
        height, width = base.output.sizes
        bottom, right = height - top - scale[0], width - left - scale[1]
    width = (top, left, bottom, right)
    if not any(width):
        return walker.whole(base)
    short_width = short(width[:2]) if width[:2] == width[2:] else width
    return walker.whole(walker.add(node, walker.layer(node, "crop", width=short_width), base))


@operator("ImageScaler")
def image_scaler(walker: Walker, node: Node) -> View:
    """ONNX's experimental ImageScaler: scale·x + bias."""
    view = walker.whole(walker.plain(node, node.view()))
    bias = np.asarray(node.attributes.get("bias", [0.0]), np.float32)
    bias = bias.reshape([-1, *(1,) * (len(view.dims) - 2)])
    return walker.affine(node, view, node.number("scale", 1.0), bias)


@operator("Affine", "Scale")
def affine(walker: Walker, node: Node) -> View:
    """ONNX's experimental Affine: alpha·x + beta; and Scale."""
    factor = node.number("alpha", 1.0) if node.kind == "Affine" else node.number("scale", 1.0)
    offset = node.number("beta", 0.0) if node.kind == "Affine" else None
    return walker.affine(node, node.view(), factor, offset)
