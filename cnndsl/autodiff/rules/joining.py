"""Parts of values put together and taken out: Concat, Split, Slice, Pad and the like."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from cnndsl.autodiff.backward import Backward, Gradient, rule
from cnndsl.autodiff.rules.placing import constant_numbers, place
from cnndsl.diagnostics import UsageError


@rule("Concat")
def concat(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """Each operand gets its part of dY."""
    (dy,) = cotangents
    shapes = [back.shape(x) for x in node.inputs if x is not None]
    axis = node.attributes.get_int("axis", 0) % len(shapes[0])
    sizes = [shape[axis] for shape in shapes]
    if all(back.needs(x) for x in node.inputs):
        return back.ops("Split", len(sizes), dy, back.constant(sizes), axis=axis)
    gradients: list[Gradient] = []
    start = 0
    for x, size in zip(node.inputs, sizes, strict=True):
        ends = (back.constant([n]) for n in (start, start + size, axis))
        gradients.append(back.op("Slice", dy, *ends) if back.needs(x) else None)
        start += size
    return gradients


@rule("Split")
def split(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """The gradients of the parts put together; zeros for a part that nobody reads."""
    parts: list[ir.Value] = []
    for gradient, y in zip(cotangents, node.outputs, strict=True):
        if gradient is None:
            zero = ir.tensor(np.zeros(1, back.float_type.numpy()))
            shape = back.constant(list(back.shape(y)))
            gradient = back.op("ConstantOfShape", shape, value=zero)
        parts.append(gradient)
    dx = back.op("Concat", *parts, axis=node.attributes.get_int("axis", 0))
    return [dx, *[None for _ in node.inputs[1:]]]


@rule("Slice")
def slice(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """DY at its place, zeros elsewhere, an axis after the other."""
    (dy,), (x, *numbers) = cotangents, node.inputs
    assert x is not None and dy is not None
    shape = list(back.shape(x))
    found = [constant_numbers(v) for v in numbers]
    if any(v is not None and f is None for v, f in zip(numbers, found, strict=True)):
        raise UsageError("it slices by numbers that aren't fixed, so it has no gradient yet")
    starts, ends, axes, steps = (*found, None, None)[:4]
    assert starts is not None and ends is not None
    axes = axes or list(range(len(starts)))
    steps = steps or [1] * len(starts)
    now = list(back.shape(node.outputs[0]))
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        axis %= len(shape)
        chosen = _chosen(start, end, step, shape[axis])
        now[axis] = shape[axis]
        if chosen != list(range(shape[axis])):
            dy = place(back, dy, now, axis, chosen)
    return [dy, *[None for _ in numbers]]


def _chosen(start: int, end: int, step: int, size: int) -> list[int]:
    """ONNX clamps as Python does, but an end below −size going down means: to the first."""
    if step < 0:
        start = min(start + size if start < 0 else start, size - 1)
        end = max(end + size if end < 0 else end, -1)
        return list(range(start, end, step))
    return list(range(size))[start : min(end, size) : step]


@rule("Pad")
def pad(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """The middle of dY. Where the border repeats values of the map, it is added to those.

    There output j is an input by a number that depends on j alone, an axis after the other.
    """
    (dy,), (x, pads, *rest) = cotangents, node.inputs
    assert x is not None and dy is not None
    shape, now = list(back.shape(x)), list(back.shape(node.outputs[0]))
    widths = constant_numbers(pads)
    if widths is None:
        raise UsageError("it pads by numbers that aren't fixed, so it has no gradient yet")
    named = constant_numbers(rest[1]) if len(rest) > 1 else None
    axes = [axis % len(shape) for axis in (named or range(len(shape)))]
    mode = node.attributes.get_string("mode", "constant")
    half = len(axes)
    if mode == "constant":
        negative = back.constant([-n for n in widths])
        dx = back.op("Pad", dy, negative, None, rest[1] if named else None)
        return [dx, None, *[None for _ in rest]]
    for axis, before, after in zip(axes, widths[:half], widths[half:], strict=True):
        if before or after:
            chosen = _bordered(mode, shape[axis], before, after)
            now[axis] = shape[axis]
            dy = place(back, dy, now, axis, chosen)
    return [dy, None, *[None for _ in rest]]


def _bordered(mode: str, size: int, before: int, after: int) -> list[int]:
    """The input of every output along an axis."""
    outputs = range(-before, size + after)
    match mode:
        case "edge":
            return [min(max(j, 0), size - 1) for j in outputs]
        case "reflect":
            last = size - 1
            return [last - abs(j % (2 * last) - last) if last else 0 for j in outputs]
        case _:
            return [j % size for j in outputs]


@rule("DepthToSpace")
def depth_to_space(
    back: Backward, node: ir.Node, cotangents: Sequence[Gradient]
) -> Sequence[Gradient]:
    """Back from squares to channels: block position first (DCR), or channel first (CRD)."""
    (dy,), (x,) = cotangents, node.inputs
    assert x is not None
    block = node.attributes.get_int("blocksize", 1)
    if node.attributes.get_string("mode", "DCR") == "DCR":
        return [back.op("SpaceToDepth", dy, blocksize=block)]
    batch, channels, height, width = back.shape(x)
    split = back.constant([batch, channels // block**2, height, block, width, block])
    moved = back.op("Transpose", back.op("Reshape", dy, split), perm=[0, 1, 3, 5, 2, 4])
    return [back.op("Reshape", moved, back.constant(list(back.shape(x))))]


@rule("SpaceToDepth")
def space_to_depth(
    back: Backward, node: ir.Node, cotangents: Sequence[Gradient]
) -> Sequence[Gradient]:
    """Back from channels to squares, in the order of either; opset 28 has both orders."""
    block = node.attributes.get_int("blocksize", 1)
    mode = node.attributes.get_string("mode", "DCR")
    return [back.op("DepthToSpace", *cotangents, blocksize=block, mode=mode)]


@rule("Dropout")
def dropout(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """At inference, where it passes everything on."""
    return [cotangents[0], *[None for _ in node.inputs[1:]]]
