"""Reductions over axes: `gap` and `gmp`, of the space or the channels, and sums of parts."""

from __future__ import annotations

from itertools import chain

import numpy as np

from cnndsl.importing.nodes import MixedExamplesError, Node
from cnndsl.importing.operators.activations import elementary
from cnndsl.importing.operators.pooling import of_whole_map
from cnndsl.importing.views import Atom, Row, View, size_of
from cnndsl.importing.walking import Walker, operator

MOST_MERGED = 4  # parts of the channels that are taken apart; more are reordered


@operator("ReduceMean", "ReduceMax", "ReduceMin")
def reduce(walker: Walker, node: Node) -> View:
    """A mean or a maximum; a minimum is the maximum of the negatives."""
    view, axes = node.view(), _axes(node)
    if node.kind != "ReduceMin":
        return _reduced(walker, node, view, axes, "mean" if node.kind == "ReduceMean" else "max")
    most = _reduced(walker, node, walker.affine(node, view, factor=-1.0), axes, "max")
    return walker.affine(node, most, factor=-1.0)


@operator("ReduceSum", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSum")
def total(walker: Walker, node: Node) -> View:
    """A sum, which is the mean times the number of values: of the values, or a function of them."""
    view, axes = node.view(), _axes(node)
    if node.kind == "ReduceL1":
        view = elementary(walker, node, view, "abs")
    elif node.kind in ("ReduceL2", "ReduceSumSquare"):
        view = elementary(walker, node, view, "power", 2.0)
    count = int(np.prod([size_of(view.dims[axis]) for axis in axes]))
    view = _reduced(walker, node, view, axes, "mean")
    view = walker.affine(node, view, factor=float(count)) if count > 1 else view
    if node.kind == "ReduceL2":
        return elementary(walker, node, view, "sqrt")
    return elementary(walker, node, view, "log") if node.kind == "ReduceLogSum" else view


def _axes(node: Node) -> set[int]:
    """The dimensions that go."""
    given = node.sizes(1, "axes")
    if not given and not node.integer("noop_with_empty_axes"):
        given = tuple(range(len(node.view().dims)))
    return {node.from_front(axis) for axis in given or ()}


def _reduced(walker: Walker, node: Node, view: View, axes: set[int], over: str) -> View:
    """The mean or maximum over some dimensions, which stay with size 1 if the node says so."""
    atoms = set(chain.from_iterable(view.dims[axis] for axis in axes))
    view = _over(walker, node, view, atoms, over)
    if node.integer("keepdims", 1):
        return view
    return view.with_dims([row for axis, row in enumerate(view.dims) if axis not in axes])


def _over(walker: Walker, node: Node, view: View, atoms: set[Atom], over: str) -> View:
    """The mean or maximum over some atoms."""
    view = _within_channels(walker, node, view, atoms, over)
    base, x = view.base, view.base.output
    gone = [i for i, axis in enumerate(view.axes) if axis and set(axis) <= atoms]
    parts = atoms - set(chain.from_iterable(view.axes[i] for i in gone))
    if parts.isdisjoint(view.axes[0]) and parts.intersection(chain.from_iterable(view.axes)):
        view = walker.as_channels(node, view, view.inner(atoms))
        return _over(walker, node, view, atoms, over)
    if 0 in gone or parts.intersection(view.axes[0]):
        raise MixedExamplesError(
            f"the model's {node.kind} `{node.name}` takes the examples of the batch together, so "
            f"that they depend on each other; in a net they never do"
        )
    kernel = tuple(n if i + 2 in gone else 1 for i, n in enumerate(x.sizes))
    # Axes of size 1 have no atoms; where all the rest of the space goes, they go along.
    if set(kernel) - {1}:
        word = "pool" if over == "max" else "avgpool"
        if kernel == x.sizes:
            base = of_whole_map(walker, node, base, word)
        else:
            base = walker.add(node, walker.layer(node, word, kernel=kernel), base)
    if 1 in gone:
        layer = walker.layer(node, "gmp" if over == "max" else "gap", channels=True)
        base = walker.add(node, layer, base)
    axes = tuple(() if i in gone else axis for i, axis in enumerate(view.axes))
    dims = tuple(tuple(a for a in row if a not in atoms) for row in view.dims)
    return View(base, axes, dims)


def _within_channels(walker: Walker, node: Node, view: View, atoms: set[Atom], over: str) -> View:
    """Where a part of the channels goes, groups of them or every k-th: the parts are merged."""
    channels = view.axes[1]
    taken = [atom for atom in channels if atom in atoms]
    if not taken or len(taken) == len(channels):
        return view
    if size_of(tuple(taken)) > MOST_MERGED:
        return walker.as_channels(node, view, view.inner(atoms))
    bases = walker.parts(node, view, taken)
    base = walker.add(node, walker.layer(node, "max" if over == "max" else "add"), *bases)
    rest: Row = tuple(atom for atom in channels if atom not in atoms)
    axes = (view.axes[0], rest, *view.axes[2:])
    dims = tuple(tuple(a for a in row if a not in taken) for row in view.dims)
    view = View(base, axes, dims)
    if over == "max":
        return view
    return walker.affine(node, view, factor=1 / len(bases))
