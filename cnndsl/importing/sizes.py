"""What shapes the operators that rearrange give: alike for constants and for values of the net."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from cnndsl.importing.nodes import Node


def reshape_target(node: Node, sizes: Sequence[int]) -> tuple[int, ...]:
    """The shape that a Reshape gives to a tensor of these sizes."""
    wanted = node.sizes(1, "shape")
    if wanted is None:
        node.refuse("lacks its shape: the model is damaged")
    keep = not node.integer("allowzero")
    target = [sizes[i] if n == 0 and keep and i < len(sizes) else n for i, n in enumerate(wanted)]
    known = prod(n for n in target if n != -1)
    if target.count(-1) > 1 or any(n < -1 for n in target):
        node.refuse(f"has the shape {tuple(wanted)}, which is none")
    if -1 in target:
        target[target.index(-1)] = prod(sizes) // known if known else 0
    if prod(target) != prod(sizes):
        node.refuse(f"can't turn the shape {tuple(sizes)} into {tuple(wanted)}")
    return tuple(target)


def flat_sizes(node: Node, sizes: Sequence[int]) -> tuple[int, int]:
    """The shape that a Flatten gives."""
    axis = node.integer("axis", 1)
    axis = axis + len(sizes) if axis < 0 else axis
    return prod(sizes[:axis]), prod(sizes[axis:])


def squeezed(node: Node, sizes: Sequence[int]) -> list[int]:
    """The axes that a Squeeze keeps."""
    axes = node.sizes(1, "axes")
    if axes is None:
        return [i for i, n in enumerate(sizes) if n != 1]
    gone = {node.from_front(a, len(sizes)) for a in axes}
    if any(sizes[a] != 1 for a in gone):
        node.refuse(f"leaves out axes of {tuple(sizes)} that aren't 1")
    return [i for i in range(len(sizes)) if i not in gone]


def unsqueezed(node: Node, rank: int) -> list[int]:
    """The axes of size 1 that an Unsqueeze puts in, in the result's order."""
    axes = node.sizes(1, "axes") or ()
    return sorted(node.from_front(a, rank + len(axes)) for a in axes)


def slices(node: Node, sizes: Sequence[int]) -> list[range]:
    """Which positions a Slice keeps along every axis."""
    starts, ends = node.sizes(1, "starts"), node.sizes(2, "ends")
    if starts is None or ends is None:
        node.refuse("lacks its bounds: the model is damaged")
    axes = node.sizes(3, "axes")
    axes = tuple(range(len(starts))) if axes is None else axes
    steps = node.sizes(4, "steps") or (1,) * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        node.refuse("has bounds that don't fit together")
    kept = [range(n) for n in sizes]
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        axis = node.from_front(axis, len(sizes))
        kept[axis] = kept[axis][slice(start, end, step)]
    return kept


def part_sizes(node: Node, length: int) -> list[int]:
    """The lengths of the parts that a Split makes."""
    sizes = node.sizes(1, "split")
    count = len(node.outputs)
    if sizes is None:
        each = -(-length // count)
        sizes = (*(each for _ in range(count - 1)), length - each * (count - 1))
    if sum(sizes) != length or any(n < 0 for n in sizes) or len(sizes) != count:
        node.refuse(f"splits {length} into {sizes}")
    return list(sizes)
