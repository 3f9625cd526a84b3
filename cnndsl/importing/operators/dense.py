"""Gemm and MatMul: `fc`, or a 1x1 convolution where every position is treated alike."""

from __future__ import annotations

from itertools import chain

import numpy as np

from cnndsl.importing.draft import Array
from cnndsl.importing.nodes import Node
from cnndsl.importing.views import Atom, Row, View, to_axes
from cnndsl.importing.walking import Walker, operator


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
    """x·W along the tensor's last dimension."""
    if isinstance(node.tensor(0), np.ndarray) or isinstance(node.tensor(1), View):
        node.refuse(
            "multiplies what isn't the input by weights, as attention does; nets of the "
            "language have convolutions and dense layers"
        )
    weight = node.floats(1)
    while weight.ndim > 2 and weight.shape[0] == 1:
        weight = weight[0]
    if weight.ndim != 2:
        node.refuse("has weights that are no matrix")
    return _product(walker, node, node.view(), weight, None)


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
        node.refuse("multiplies along a dimension that isn't the channels")
    rank = view.base.output.rank
    matrix = to_axes(contracted, view.axes[1:2], weight).T
    values["weight"] = matrix.reshape([*matrix.shape, *(1,) * rank])
    layer = walker.layer(node, "conv", kernel=(1,) * rank, filters=units, bias=bias is not None)
    base = walker.add(node, layer, view.base, values=values)
    channels: Row = (Atom(units),) if units > 1 else ()
    return View(base, (view.axes[0], channels, *view.axes[2:]), (*view.dims[:-1], channels))
