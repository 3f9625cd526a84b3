"""Operators that move no values, or only to other places: views of the same value."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np

from cnndsl.importing.draft import Array
from cnndsl.importing.nodes import Node, Tensor
from cnndsl.importing.sizes import flat_sizes, reshape_target, squeezed, unsqueezed
from cnndsl.importing.views import UnfitError, View
from cnndsl.importing.walking import Walker, operator

_INTEGERS = {2, 3, 4, 5, 6, 7, 9, 12, 13}


@operator("Identity")
def identity(walker: Walker, node: Node) -> View:
    """Nothing."""
    return node.view()


@operator("Cast", "CastLike")
def cast(walker: Walker, node: Node) -> Tensor:
    """Floating-point numbers of every width are the same here."""
    given, like = node.tensor(0), node.tensor(1) if node.kind == "CastLike" else None
    if not isinstance(given, View):  # like values of the net
        return given.astype(np.float32)
    whole = node.integer("to", 1) in _INTEGERS
    if whole or (isinstance(like, np.ndarray) and like.dtype.kind != "f"):
        node.refuse("turns values of the net into whole numbers, which no layer does")
    return given


@operator("Dropout")
def dropout(walker: Walker, node: Node) -> View:
    """`dropout`, which does nothing at inference."""
    ratio = node.number("ratio", 0.5)
    if node.has(1):
        ratio = round(float(node.floats(1).reshape(-1)[0]), 6)
    if not 0 < ratio < 1:
        return node.view()
    return walker.elementwise(node, node.view(), "dropout", probability=ratio)


@operator("Shape")
def shape(walker: Walker, node: Node) -> Array:
    """The sizes, which are known."""
    sizes = node.view().sizes
    start, end = node.integer("start"), node.attributes.get("end")
    return np.asarray(sizes[start : end if isinstance(end, int) else None], np.int64)


@operator("Size")
def size(walker: Walker, node: Node) -> Array:
    """The number of values, which is known."""
    return np.asarray(np.prod(node.view().sizes), np.int64)


@operator("Reshape", "Flatten", "Squeeze", "Unsqueeze")
def reshape(walker: Walker, node: Node) -> View:
    """Another shape of the same values; where that is a vector, `flatten`."""
    view = node.view()
    sizes = view.sizes
    if node.kind == "Squeeze":
        return view.with_dims([view.dims[i] for i in squeezed(node, sizes)])
    if node.kind == "Unsqueeze":
        dims = list(view.dims)
        for axis in unsqueezed(node, len(sizes)):
            dims.insert(axis, ())
        return view.with_dims(dims)
    target = flat_sizes(node, sizes) if node.kind == "Flatten" else reshape_target(node, sizes)
    try:
        return _flat(walker, node, view.reshaped(target))
    except UnfitError:
        pass
    try:  # the values in their order
        values = tuple(a for row in view.dims for a in row if a not in view.axes[0])
        return walker.whole(walker.arrange(node, view, [values])).reshaped(target)
    except UnfitError:
        node.refuse(f"can't turn the shape {sizes} into {tuple(target)} one example at a time")


def _flat(walker: Walker, node: Node, view: View) -> View:
    """A map that has become a vector is one from here on."""
    values = tuple(chain.from_iterable(view.axes[1:]))
    rank = view.base.output.rank
    if rank and len(view.dims) == 2 and view.dims == (walker.batch, values):
        return walker.whole(walker.arrange(node, view, view.dims[1:]))
    return view


@operator("Transpose")
def transpose(walker: Walker, node: Node) -> View:
    """Dimensions in another order."""
    view = node.view()
    order = node.integers("perm") or tuple(reversed(range(len(view.dims))))
    if sorted(order) != list(range(len(view.dims))):
        node.refuse(f"reorders {len(view.dims)} dimensions by {order}")
    return view.with_dims([view.dims[i] for i in order])


@operator("DepthToSpace")
def depth_to_space(walker: Walker, node: Node) -> View:
    """`pixelshuffle`, from the channels' order that it wants."""
    n, c, h, w, r = _image(node)
    if c % (r * r):
        node.refuse(f"can't move blocks of {r} by {r} out of {c} channels")
    if node.text("mode", "DCR") == "CRD":
        split, order = (n, c // (r * r), r, r, h, w), (0, 1, 4, 2, 5, 3)
    else:
        split, order = (n, r, r, c // (r * r), h, w), (0, 3, 4, 1, 5, 2)
    return _moved(walker, node, split, order, (n, c // (r * r), h * r, w * r))


@operator("SpaceToDepth")
def space_to_depth(walker: Walker, node: Node) -> View:
    """`pixelunshuffle`, and the channels' order that ONNX has: the place in the square first, or
    behind, as opset 28 can have it.
    """
    n, c, h, w, r = _image(node)
    if h % r or w % r:
        node.refuse(f"can't move blocks of {r} by {r} out of a map of {h} by {w}")
    split, made = (n, c, h // r, r, w // r, r), (n, c * r * r, h // r, w // r)
    channel_first = node.text("mode", "DCR") == "CRD"
    order = (0, 1, 3, 5, 2, 4) if channel_first else (0, 3, 5, 1, 2, 4)
    return _moved(walker, node, split, order, made)


def _image(node: Node) -> tuple[int, int, int, int, int]:
    """The sizes of a batch of images, and those of a block."""
    sizes, r = node.view().sizes, node.integer("blocksize", 1)
    if len(sizes) != 4 or r < 1:
        node.refuse(f"can't move blocks of {r} by {r} in a tensor of the shape {sizes}")
    n, c, h, w = sizes
    return n, c, h, w, r


def _moved(
    walker: Walker, node: Node, split: Sequence[int], order: Sequence[int], made: Sequence[int]
) -> View:
    """Split, transposed and joined again."""
    try:
        parts = node.view().reshaped(split)
        moved = parts.with_dims([parts.dims[i] for i in order]).reshaped(made)
    except UnfitError:
        node.refuse("rearranges its input in a way that no layer does")
    return walker.whole(walker.plain(node, moved))
