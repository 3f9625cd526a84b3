"""Concat and Split, Slice and Gather: channels joined and chosen, borders cut off."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnndsl.importing.nodes import Node
from cnndsl.importing.operators.windows import short
from cnndsl.importing.sizes import part_sizes, slices
from cnndsl.importing.views import Atom, Row, Unfit, View
from cnndsl.importing.walking import Walker, operator


@operator("Concat")
def concat(walker: Walker, node: Node) -> View:
    """`concat` along the channels."""
    count = len(node.inputs)
    if count == 1:
        return node.view()
    if any(isinstance(t, np.ndarray) for t in node.inputs):
        node.refuse("joins values of the net with constants; `widen` adds channels of zeros")
    views = [node.view(i) for i in range(count)]
    axis = node.axis(default=1)
    if any(len(v.dims) != len(views[0].dims) for v in views):
        node.refuse("joins tensors of different ranks")
    views = [_channels_at(walker, node, v, axis) for v in views]
    first = views[0]
    if any(_order(v, axis) != _order(first, axis) for v in views):
        node.refuse("joins tensors that are arranged in different ways")
    base = walker.add(node, walker.layer(node, "concat"), *(v.base for v in views))
    return _with_channels(first.on(base), axis)


def _channels_at(walker: Walker, node: Node, view: View, axis: int) -> View:
    """The view, arranged so that one dimension is all of the channels."""
    if view.dims[axis] == view.axes[1] and view.base.output.rank == len(view.dims) - 2:
        return view
    if axis == 1 and view.dims[0] == walker.batch:
        return walker.whole(walker.plain(node, view))
    if view.dims[axis] != view.axes[1]:
        node.refuse("joins along another dimension than the channels, which no layer does")
    return view


def _order(view: View, axis: int) -> list[tuple[int, ...]]:
    """Which axes lie in every dimension but one, where these have more than one value."""
    form = view.form
    return [tuple(a for a, *_ in row) for i, row in enumerate(form) if i != axis]


def _with_channels(view: View, axis: int) -> View:
    """A view whose value has another number of channels, which are one dimension."""
    count = view.base.output.channels
    channels: Row = (Atom(count),) if count > 1 else ()
    dims = [channels if i == axis else row for i, row in enumerate(view.dims)]
    return View(view.base, (view.axes[0], channels, *view.axes[2:]), tuple(dims))


@operator("Split", "SplitToSequence")
def split(walker: Walker, node: Node) -> Sequence[View]:
    """Parts of the channels."""
    view, axis = node.view(), node.axis()
    lengths = part_sizes(node, view.sizes[axis])
    ends = np.cumsum(lengths).tolist()
    parts = [range(end - n, end) for n, end in zip(lengths, ends, strict=True)]
    return [_part(walker, node, view, axis, part) for part in parts]


@operator("Slice")
def slice_(walker: Walker, node: Node) -> View:
    """Channels chosen, borders cut off, positions skipped."""
    view = node.view()
    for axis, kept in enumerate(slices(node, view.sizes)):
        if kept != range(view.sizes[axis]):
            view = _part(walker, node, view, axis, kept)
    return view


@operator("Gather")
def gather(walker: Walker, node: Node) -> View:
    """Channels by number; a table of numbers gives its shape to what is chosen."""
    view, axis = node.view(), node.axis()
    indices = node.array(1)
    count = view.sizes[axis]
    chosen = [int(i) + (count if i < 0 else 0) for i in indices.reshape(-1)]
    if any(not 0 <= i < count for i in chosen):
        node.refuse(f"chooses from {count} channels others than these")
    same = chosen == list(range(count))
    made = view if same else _chosen(walker, node, view, axis, chosen)
    try:
        return made.reshaped([*made.sizes[:axis], *indices.shape, *made.sizes[axis + 1 :]])
    except Unfit:
        node.refuse(f"arranges what it chooses as {indices.shape}, which no layer does")


def _part(walker: Walker, node: Node, view: View, axis: int, kept: range) -> View:
    """Some positions along one dimension."""
    if not len(kept):
        node.refuse("leaves nothing of its input")
    row = view.dims[axis]
    places = [i for i, other in enumerate(view.axes) if other and other == row]
    if not row:
        return view
    if not places:
        if len(view.dims) > 1 and view.dims[0] == walker.batch:
            plain = walker.whole(walker.plain(node, view))
            if plain.base is not view.base:
                return _part(walker, node, plain, axis, kept)
        node.refuse("cuts its input in a way that no layer does")
    (place,) = places
    if place == 0:
        node.refuse("chooses examples of the batch")
    if place == 1:
        return _chosen(walker, node, view, axis, list(kept))
    rank, number = view.base.output.rank, place - 2
    size = view.sizes[axis]
    if kept.step < 0:
        node.refuse("mirrors its input, which no layer does")
    base = view.base
    before, behind = kept.start, size - 1 - kept[-1]
    if kept.step > 1:
        behind = max(behind - (kept.step - 1), 0)
    if before or behind:
        width = [0] * (2 * rank)
        width[number], width[rank + number] = before, behind
        sides = tuple(width)
        even = sides[:rank] == sides[rank:]
        layer = walker.layer(node, "crop", width=short(sides[:rank]) if even else sides)
        base = walker.add(node, layer, base)
    if kept.step > 1:
        stride = tuple(kept.step if i == number else 1 for i in range(rank))
        layer = walker.layer(node, "pool", kernel=(1,) * rank, stride=stride)
        base = walker.add(node, layer, base)
    new: Row = (Atom(len(kept)),) if len(kept) > 1 else ()
    axes = tuple(new if i == place else other for i, other in enumerate(view.axes))
    dims = tuple(new if i == axis else other for i, other in enumerate(view.dims))
    return View(base, axes, dims)


def _chosen(walker: Walker, node: Node, view: View, axis: int, chosen: list[int]) -> View:
    """Some channels."""
    row = view.dims[axis]
    if row != view.axes[1]:
        if len(view.dims) < 2 or view.dims[0] != walker.batch or axis != 1:
            node.refuse("chooses along another dimension than the channels, which no layer does")
        view = walker.whole(walker.plain(node, view))
    return _with_channels(view.on(walker.taken(node, view.base, chosen)), axis)
