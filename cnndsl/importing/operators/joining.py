"""Concat and Split, Slice and Gather: channels joined and chosen, borders cut off."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnndsl.importing.draft import Array
from cnndsl.importing.nodes import Node
from cnndsl.importing.operators.windows import short
from cnndsl.importing.sizes import part_sizes, slices
from cnndsl.importing.views import Atom, Row, UnfitError, View, size_of
from cnndsl.importing.walking import Walker, operator

MOST_DIMENSIONS = 5  # of a map, the batch among them


@operator("Concat")
def concat(walker: Walker, node: Node) -> View:
    """`concat` along the channels."""
    count = len(node.inputs)
    if count == 1:
        return node.view()
    rank = max(len(t.dims) for t in node.inputs if isinstance(t, View))
    axis = node.axis(default=1) if isinstance(node.inputs[0], View) else node.integer("axis") % rank
    moved = _moved(walker, node, axis)
    if moved is not None:
        return moved
    views = _with_constants(walker, node, axis)
    if len(views) == 1:
        return views[0]
    if any(len(v.dims) != len(views[0].dims) for v in views):
        node.refuse("joins tensors of different ranks")
    made = [_channels_at(walker, node, v, axis) for v in views]
    if any(_order(v, axis) != _order(made[0], axis) for v in made):
        made = [_alone(walker, node, v, axis) for v in views]
    first = made[0]
    base = walker.add(node, walker.layer(node, "concat"), *(v.base for v in made))
    return _with_channels(first.on(base), axis)


def _moved(walker: Walker, node: Node, axis: int) -> View | None:
    """All parts that a Split gives, joined in their order, perhaps along another dimension: a
    dimension that has become part of another.
    """
    found = [walker.parts_of.get(t) if isinstance(t, View) else None for t in node.inputs]
    first, *_ = found
    if first is None:
        return None
    view, along, _, count = first
    if found != [(view, along, number, count) for number in range(count)]:
        return None
    sizes = view.sizes
    try:
        view = view.reshaped([*sizes[:along], count, sizes[along] // count, *sizes[along + 1 :]])
    except UnfitError:
        return None
    dims = list(view.dims)
    part = dims.pop(along)
    dims[axis] = (*part, *dims[axis])
    return view.with_dims(dims)


def _with_constants(walker: Walker, node: Node, axis: int) -> list[View]:
    """The values of the net, to which constants beside them are added as a border."""
    views: list[View] = []
    before: list[Array] = []
    tensors = [node.tensor(i) for i in range(len(node.inputs))]
    last = max(i for i, tensor in enumerate(tensors) if isinstance(tensor, View))
    for i, tensor in enumerate(tensors):
        if not isinstance(tensor, View):
            before += [tensor] if i < last else []
            continue
        behind = [t for t in tensors[last + 1 :] if not isinstance(t, View)] if i == last else []
        views.append(_bordered(walker, node, tensor, axis, before, behind))
        before = []
    return views


def _bordered(
    walker: Walker,
    node: Node,
    view: View,
    axis: int,
    before: Sequence[Array],
    behind: Sequence[Array],
) -> View:
    """A value with constants before and behind it along one dimension."""
    if not before and not behind:
        return view
    sizes = [1 if set(row) & set(view.axes[0]) else size_of(row) for row in view.dims]
    parts: list[Array] = []
    for array in (*before, np.zeros(sizes, np.float32), *behind):
        if array.ndim != len(sizes):
            node.refuse("joins tensors of different ranks")
        for i, row in enumerate(view.dims):
            if set(row) & set(view.axes[0]):
                if not np.array_equal(array, np.broadcast_to(array.take([0], i), array.shape)):
                    node.refuse("joins constants that differ between examples of the batch")
                array = array.take([0], i)
        parts.append(array)
    joined = np.concatenate(parts, axis)
    width = [sum(a.shape[axis] for a in arrays) for arrays in (before, behind)]
    padded = walker.bordered(node, view, axis, (width[0], width[1]))
    return walker.affine(node, padded, offset=joined) if joined.any() else padded


def _channels_at(walker: Walker, node: Node, view: View, axis: int) -> View:
    """The view, arranged so that one dimension is all of the channels."""
    if view.dims[axis] == view.axes[1] and view.base.output.rank == len(view.dims) - 2:
        return view
    if axis == 1 and view.dims[0] == walker.batch:
        return walker.whole(walker.plain(node, view))
    return _alone(walker, node, view, axis)


def _alone(walker: Walker, node: Node, view: View, axis: int) -> View:
    """One dimension as the channels, the others in their order behind it."""
    rest = [row for i, row in enumerate(view.dims) if i != axis]
    atoms = tuple(atom for row in rest for atom in row if atom not in view.axes[0])
    return walker.as_channels(node, view, view.dims[axis], atoms)


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
    made = [positions(walker, node, view, axis, part) for part in parts]
    if len(set(lengths)) == 1 and len(parts) > 1:
        for number, part in enumerate(made):
            walker.parts_of[part] = view, axis, number, len(parts)
    return made


@operator("Slice")
def slice_(walker: Walker, node: Node) -> View:
    """Channels chosen, borders cut off, positions skipped."""
    view = node.view()
    for axis, kept in enumerate(slices(node, view.sizes)):
        if kept != range(view.sizes[axis]):
            view = positions(walker, node, view, axis, kept)
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
    except UnfitError:
        node.refuse(f"arranges what it chooses as {indices.shape}, which no layer does")


def positions(walker: Walker, node: Node, view: View, axis: int, kept: range) -> View:
    """Some positions along one dimension."""
    if not len(kept):
        node.refuse("leaves nothing of its input")
    row = view.dims[axis]
    places = [i for i, other in enumerate(view.axes) if other and other == row]
    if not row:
        return view
    if not places:
        if 1 < len(view.dims) <= MOST_DIMENSIONS and view.dims[0] == walker.batch:
            plain = walker.whole(walker.plain(node, view))
            if plain.base is not view.base:
                return positions(walker, node, plain, axis, kept)
        return _chosen(walker, node, view, axis, list(kept))
    (place,) = places
    if place == 0:
        node.refuse("chooses examples of the batch")
    if place == 1:
        return _chosen(walker, node, view, axis, list(kept))
    if kept.step < 0:
        return _chosen(walker, node, view, axis, list(kept))
    rank, number = view.base.output.rank, place - 2
    size = view.sizes[axis]
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
        if set(row) & set(view.axes[0]):
            node.refuse("chooses examples of the batch")
        if axis == 1 and view.dims[0] == walker.batch and len(view.dims) <= MOST_DIMENSIONS:
            view = walker.whole(walker.plain(node, view))
        else:
            view = walker.as_channels(node, view, row)
    return _with_channels(view.on(walker.taken(node, view.base, chosen)), axis)
