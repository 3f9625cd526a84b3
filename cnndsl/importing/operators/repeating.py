"""Expand and Tile: values repeated along axes of size 1, which merges do by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np

from cnndsl.importing.elementary import Repeated
from cnndsl.importing.nodes import Node
from cnndsl.importing.views import Atom, View, size_of
from cnndsl.importing.walking import Walker, operator
from cnndsl.shape import Shape

MOST_DIMENSIONS = 5  # of a map, the batch among them


@operator("Expand", "Tile")
def expand(walker: Walker, node: Node) -> View:
    """A repetition, which is left out later on where a merge follows."""
    view = node.view()
    given = tuple(int(n) for n in node.array(1).reshape(-1))
    if node.kind == "Expand":
        sizes = np.broadcast_shapes(view.sizes, given)
    elif len(given) == len(view.dims):
        sizes = tuple(n * m for n, m in zip(view.sizes, given, strict=True))
    else:
        node.refuse(f"repeats {len(view.dims)} dimensions by {len(given)} numbers")
    view = view.with_dims([()] * (len(sizes) - len(view.dims)) + list(view.dims))
    if sizes == view.sizes:
        return view
    if any(m not in (n, 1) for n, m in zip(sizes, view.sizes, strict=True)):
        node.refuse("repeats its input along an axis with several values, which no layer does")
    return stretched(walker, node, view, sizes)


def stretched(walker: Walker, node: Node, view: View, sizes: Sequence[int]) -> View:
    """The view with dimensions of size 1 repeated."""
    rows = {row for row in view.dims if row}
    if rows != {axis for axis in view.axes if axis} or len(view.dims) != len(view.axes):
        if view.dims[0] == walker.batch and len(view.dims) <= MOST_DIMENSIONS:
            view = walker.whole(walker.plain(node, view))
        else:
            return _as_space(walker, node, view, sizes)
    free = iter([i for i, axis in enumerate(view.axes) if not axis])
    axes, dims = list(view.axes), list(view.dims)
    for i, (row, size) in enumerate(zip(view.dims, sizes, strict=True)):
        if row:
            continue
        axis, new = next(free), ((Atom(size),) if size > 1 else ())
        axes[axis] = dims[i] = new
    if axes[0] != view.axes[0]:
        node.refuse("repeats the examples of the batch, which no layer does")
    channels, *space = map(size_of, axes[1:])
    layer = Repeated(target=Shape(channels, tuple(space)))
    return View(walker.add(node, layer, view.base), tuple(axes), tuple(dims))


def _as_space(walker: Walker, node: Node, view: View, sizes: Sequence[int]) -> View:
    """All that is there as channels, what is repeated as space."""
    new = {i: (Atom(size),) for i, size in enumerate(sizes) if size > 1 and not view.dims[i]}
    if len(new) > MOST_DIMENSIONS - 2:
        node.refuse(f"repeats its input along {len(new)} dimensions; maps have at most 3")
    values = view.inner(chain.from_iterable(view.axes))
    base = walker.arrange(node, view, [values, *(() for _ in new)])
    layer = Repeated(target=Shape(size_of(values), tuple(sizes[i] for i in new)))
    dims = tuple(new.get(i, row) for i, row in enumerate(view.dims))
    return View(walker.add(node, layer, base), (view.axes[0], values, *new.values()), dims)
