"""Gemm and MatMul: `fc`, or a 1x1 convolution where every position is treated alike; two values of
the net are multiplied by `mul`, and added up over the channels.
"""

from __future__ import annotations

from itertools import chain

import numpy as np

from cnndsl.importing.draft import Array
from cnndsl.importing.nodes import MixedExamplesError, Node
from cnndsl.importing.views import Atom, Row, View, size_of, to_axes
from cnndsl.importing.walking import Walker, operator

MOST_PRODUCTS = 1 << 27  # of two values, an example


@operator("Gemm")
def gemm(walker: Walker, node: Node) -> View:
    """alpha·x·W + beta·bias."""
    if node.integer("transA"):
        node.refuse("transposes its input, so that it would mix the examples of a batch")
    weight = node.floats(1) * np.float32(node.number("alpha", 1.0))
    if weight.ndim != 2:
        node.refuse("has weights that are no matrix")
    weight = weight.T if node.integer("transB") else weight
    bias = node.floats(2) * np.float32(node.number("beta", 1.0)) if node.has(2) else None
    if bias is not None and not bias.any() and not node.number("beta", 1.0):
        bias = None
    return _product(walker, node, node.view(), weight, bias)


@operator("MatMul")
def matmul(walker: Walker, node: Node) -> View:
    """x·W along the tensor's last dimension; x·y of two values."""
    first, second = node.tensor(0), node.tensor(1)
    if isinstance(first, View) and isinstance(second, View):
        return _of_values(walker, node, first, second)
    if isinstance(first, View):
        return _product(walker, node, first, _matrix(node, node.floats(1)), None)
    assert isinstance(second, View)
    weight = _matrix(node, node.floats(0))
    if len(second.dims) < 2:
        node.refuse("multiplies weights by a vector")
    made = _product(walker, node, _transposed(second), weight.T, None)
    return _transposed(made)


def _matrix(node: Node, weight: Array) -> Array:
    while weight.ndim > 2 and weight.shape[0] == 1:
        weight = weight[0]
    if weight.ndim != 2:
        node.refuse("has weights that are no matrix")
    return weight


def _transposed(view: View) -> View:
    """The last two dimensions in the other order."""
    *rest, rows, columns = view.dims
    return view.with_dims([*rest, columns, rows])


def _of_values(walker: Walker, node: Node, first: View, second: View) -> View:
    """Σ x·y: all products, of which there are rows by columns by those that are added up."""
    rank = max(len(first.dims), len(second.dims))
    if min(len(first.dims), len(second.dims)) < 2:
        node.refuse("multiplies by a vector of the net, which no layer does")
    views = [v.with_dims([()] * (rank - len(v.dims)) + list(v.dims)) for v in (first, second)]
    (*_, rows, inner), (*_, other, columns) = (view.dims for view in views)
    groups: list[Row] = []
    for view, own in zip(views, (inner, other), strict=True):
        groups.append(tuple(a for row in view.dims[:-2] for a in row if a not in view.axes[0]))
        if any(a in view.axes[0] for row in view.dims[-2:] for a in row):
            raise MixedExamplesError(
                f"the model's {node.kind} `{node.name}` multiplies examples of the batch with one "
                f"another; in a net they never meet"
            )
        if view.axes[0] != walker.batch or size_of(own) != size_of(inner):
            node.refuse(f"multiplies tensors of the shapes {first.sizes} and {second.sizes}")
    sizes = [v.sizes[:-2] for v in views]
    if sizes[0] != sizes[1] and all(map(size_of, groups)) and groups[0] and groups[1]:
        node.refuse(f"multiplies tensors of the shapes {first.sizes} and {second.sizes}")
    group = groups[0] or groups[1]
    count = size_of((*group, *rows, *columns)) * size_of(inner)
    if count > MOST_PRODUCTS:
        node.refuse(f"multiplies two values of the net, which are {count:,} products")
    wanted = (inner, groups[0], rows, ()), (other, groups[1], (), columns)
    if not group:
        wanted = (inner, rows, ()), (other, (), columns)
    bases = [walker.arrange(node, v, want) for v, want in zip(views, wanted, strict=True)]
    product = walker.add(node, walker.layer(node, "mul"), *bases)
    mean = walker.add(node, walker.layer(node, "gap", channels=True), product)
    # Both may have the same atoms, as where a value is multiplied by itself
    leading = views[0 if groups[0] else 1].dims[:-2]
    new = {atom: Atom(atom.size) for atom in group}
    leading = [tuple(new.get(atom, atom) for atom in row) for row in leading]
    rows, columns = (tuple(Atom(atom.size) for atom in row) for row in (rows, columns))
    space = (tuple(new.values()), rows, columns) if group else (rows, columns)
    made = View(mean, (walker.batch, (), *space), (*leading, rows, columns))
    return walker.affine(node, made, factor=float(size_of(inner)))


def _product(walker: Walker, node: Node, view: View, weight: Array, bias: Array | None) -> View:
    """The last dimension times a matrix (in, out)."""
    if not view.dims or view.sizes[-1] != weight.shape[0]:
        node.refuse(f"multiplies a tensor of the shape {view.sizes} by weights of {weight.shape}")
    units, contracted = weight.shape[1], view.dims[-1]
    values: dict[str, Array] = {}
    if bias is not None:
        if bias.size not in (1, units):
            node.refuse(f"has {bias.size} biases for {units} units")
        values["bias"] = np.broadcast_to(bias.reshape(-1), (units,))
    inner = set(chain.from_iterable(view.axes[1:]))
    if set(contracted) == inner and walker.batch == tuple(chain.from_iterable(view.dims[:-1])):
        values["weight"] = to_axes(contracted, view.axes[1:], weight).T
        layer = walker.layer(node, "fc", units=units, bias=bias is not None)
        made = walker.whole(walker.add(node, layer, view.base, values=values))
        return made.with_dims((*view.dims[:-1], made.axes[1]))
    if set(contracted) != set(view.axes[1]):
        view = walker.as_channels(node, view, view.inner(contracted))
    rank = view.base.output.rank
    matrix = to_axes(contracted, view.axes[1:2], weight).T
    values["weight"] = matrix.reshape([*matrix.shape, *(1,) * rank])
    layer = walker.layer(node, "conv", kernel=(1,) * rank, filters=units, bias=bias is not None)
    base = walker.add(node, layer, view.base, values=values)
    channels: Row = (Atom(units),) if units > 1 else ()
    return View(base, (view.axes[0], channels, *view.axes[2:]), (*view.dims[:-1], channels))
