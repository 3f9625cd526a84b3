"""Expand and Tile: values repeated along axes of size 1, which merges do by themselves."""

from __future__ import annotations

import numpy as np

from cnndsl.importing.elementary import Repeated
from cnndsl.importing.nodes import Node
from cnndsl.importing.views import Atom, View, size_of
from cnndsl.importing.walking import Walker, operator
from cnndsl.shape import Shape


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
    if {row for row in view.dims if row} != {axis for axis in view.axes if axis} or len(
        view.dims
    ) != len(view.axes):
        view = walker.whole(walker.plain(node, view))
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
