"""Normalisations: batch, instance, layer, group, local response."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnndsl.importing.draft import Array
from cnndsl.importing.nodes import Node, shortest
from cnndsl.importing.views import View, size_of, to_axes
from cnndsl.importing.walking import Walker, operator


@operator("BatchNormalization")
def batch_norm(walker: Walker, node: Node) -> View:
    """`bn`; its decay is ONNX's momentum."""
    base = walker.plain(node, node.view())
    weight, bias, mean, variance = (node.floats(i).reshape(-1) for i in range(1, 5))
    if not node.integer("spatial", 1) and base.output.rank:
        node.refuse("normalises every position by itself; `bn` does every channel")
    eps = node.number("epsilon", 1e-5)
    values = {"weight": weight, "bias": bias, "running_mean": mean, "running_var": variance}
    plain = _is_constant(mean, 0) and _is_constant(variance, 1)
    if eps < 1e-12 and plain and weight.shape == bias.shape == (base.output.channels,):
        # what `scale` and the weights of `gn` are lowered to
        scale = walker.layer(node, "scale", bias=True)
        return walker.whole(walker.add(node, scale, base, values={"weight": weight, "bias": bias}))
    keep = node.number("momentum", 0.9)
    layer = walker.layer(node, "bn", eps=max(eps, 1e-12), keep=min(max(keep, 0.0), 1.0))
    return walker.whole(walker.add(node, layer, base, values=values))


@operator("InstanceNormalization")
def instance_norm(walker: Walker, node: Node) -> View:
    """`inorm`; of channels that were reshaped to groups, `gn`."""
    view = node.view()
    weight, bias = node.floats(1).reshape(-1), node.floats(2).reshape(-1)
    eps = node.number("epsilon", 1e-5)
    trivial = _is_constant(weight, 1) and _is_constant(bias, 0)
    groups = _groups(view)
    if groups:
        if not trivial:
            node.refuse("has a weight for a group of channels; `gn` has one for every channel")
        layer = walker.layer(node, "gn", groups=groups, eps=eps, scale=False)
        return view.on(walker.add(node, layer, view.base))
    base = walker.plain(node, view)
    values: dict[str, Array] = {} if trivial else {"weight": weight, "bias": bias}
    layer = walker.layer(node, "inorm", eps=eps, scale=not trivial)
    return walker.whole(walker.add(node, layer, base, values=values))


def _groups(view: View) -> int:
    """In how many groups of channels a view of three or more dimensions splits its value; 0 where
    its second dimension is the channels.
    """
    if len(view.dims) < 3 or view.dims[0] != view.axes[0]:
        return 0
    first, channels = view.dims[1], view.axes[1]
    rest = tuple(a for row in view.dims[2:] for a in row)
    inner = tuple(a for row in view.axes[1:] for a in row)
    if first == channels or (*first, *rest) != inner or channels[: len(first)] != first:
        return 0
    return size_of(first)


@operator("GroupNormalization")
def group_norm(walker: Walker, node: Node) -> View:
    """`gn`, with a weight for a channel (from opset 21 on) or for a group."""
    base = walker.plain(node, node.view())
    groups, channels = node.integer("num_groups", 1), base.output.channels
    weight, bias = node.floats(1).reshape(-1), node.floats(2).reshape(-1)
    if weight.size == groups and groups:
        weight, bias = (np.repeat(a, channels // groups) for a in (weight, bias))
    layer = walker.layer(node, "gn", groups=groups, eps=node.number("epsilon", 1e-5))
    values = {"weight": weight, "bias": bias}
    return walker.whole(walker.add(node, layer, base, values=values))


@operator("LayerNormalization")
def layer_norm(walker: Walker, node: Node) -> View:
    """`ln` over the channels, or over everything."""
    view = node.view()
    axis = node.axis(default=-1)
    over = tuple(a for row in view.dims[axis:] for a in row)
    everything = tuple(a for row in view.axes[1:] for a in row)
    eps = node.number("epsilon", 1e-5)
    sizes = view.sizes[axis:]
    weight = _along(node, node.floats(1), sizes)
    bias = _along(node, node.floats(2), sizes) if node.has(2) else np.zeros_like(weight)
    if over == everything and axis == 1 and view.base.output.rank:
        layer = walker.layer(node, "ln", eps=eps, all=True)
        shape = (view.base.output.channels, *view.base.output.sizes)
        values = {"weight": weight.reshape(shape), "bias": bias.reshape(shape)}
    else:
        if not over or set(over) & set(view.axes[0]):
            node.refuse("normalises over the batch, or a single value, which no layer does")
        view = walker.as_channels(node, view, view.inner(over))
        layer = walker.layer(node, "ln", eps=eps)
        weight, bias = (to_axes(over, view.axes[1:2], a.reshape(-1)) for a in (weight, bias))
        values = {"weight": weight, "bias": bias}
    return view.on(walker.add(node, layer, view.base, values=values))


def _along(node: Node, array: Array, sizes: Sequence[int]) -> Array:
    """A number for each of the values that are normalised together."""
    while array.ndim > len(sizes) and array.shape[0] == 1:
        array = array[0]
    try:
        return np.broadcast_to(array, sizes)
    except ValueError:
        node.refuse(
            f"has weights of the shape {array.shape}, where values of the shape {tuple(sizes)} are "
            f"normalised together"
        )


@operator("LRN")
def local_response(walker: Walker, node: Node) -> View:
    """`lrn`; ONNX divides alpha by the number of neighbours."""
    base = walker.plain(node, node.view())
    size = node.integer("size")
    if size < 1:
        node.refuse(f"normalises over {size} channels")
    alpha = shortest(node.number("alpha", 1e-4) / size)
    layer = walker.layer(
        node,
        "lrn",
        channels=size,
        alpha=alpha,
        beta=node.number("beta", 0.75),
        k=node.number("bias", 1.0),
    )
    return walker.whole(walker.add(node, layer, base))


@operator("LpNormalization")
def unit_length(walker: Walker, node: Node) -> View:
    """`l2norm`, without a least length; by absolute values a quotient."""
    view = node.view()
    axis = node.axis(default=-1)
    if view.dims[axis] != view.axes[1]:
        node.refuse("normalises along another dimension than the channels, as `l2norm` does")
    if node.integer("p", 2) == 2:
        return walker.elementwise(node, view, "l2norm", eps=0.0)
    absolute = walker.add(node, walker.layer(node, "abs"), view.base)
    mean = walker.add(node, walker.layer(node, "gap", channels=True), absolute)
    sum_ = walker.affine(node, walker.whole(mean), factor=float(view.sizes[axis]))
    return view.on(walker.add(node, walker.layer(node, "div"), view.base, sum_.base))


@operator("minmax")
def min_max(walker: Walker, node: Node) -> View:
    """`minmax` over the space, or over channels and space, which a model has written out."""
    view = node.view()
    over = {
        atom for axis in node.integers("axes") or () for atom in view.dims[node.from_front(axis)]
    }
    channels, space = set(view.axes[1]), {a for row in view.axes[2:] for a in row}
    if over not in (space, channels | space) or not over:
        node.refuse("is spread from its minimum to its maximum over axes that no layer takes")
    layer = walker.layer(node, "minmax", all=over != space)
    return view.on(walker.add(node, layer, view.base))


@operator("MeanVarianceNormalization")
def mean_variance(walker: Walker, node: Node) -> View:
    """Without weights: `inorm` over the space, `gn` over groups, `ln` over channels or everything.

    Norms that were written out have become such nodes, with an epsilon.
    """
    view = node.view()
    axes = {node.from_front(axis) for axis in node.integers("axes") or (0, 2, 3)}
    over = {atom for axis in axes for atom in view.dims[axis]}
    channels, space = set(view.axes[1]), {a for row in view.axes[2:] for a in row}
    eps, x = node.number("epsilon", 1e-9), view.base.output
    values: dict[str, Array] = {}
    groups = _groups(view)
    if 0 in axes:
        node.refuse("normalises over the batch, which no layer does")
    if x.rank and over == space:
        layer = walker.layer(node, "inorm", eps=eps, scale=False)
    elif groups and axes == set(range(2, len(view.dims))):
        layer = walker.layer(node, "gn", groups=groups, eps=eps, scale=False)
    elif over == channels | space:
        shape = (x.channels, *x.sizes)
        layer = walker.layer(node, "ln", eps=eps, all=bool(x.rank))
        values = {"weight": np.ones(shape), "bias": np.zeros(shape)}
    else:
        if not over or over & set(view.axes[0]):
            node.refuse("normalises over the batch, or a single value, which no layer does")
        if over != channels:
            view = walker.as_channels(node, view, view.inner(over))
        layer = walker.layer(node, "ln", eps=eps)
        shape = (view.base.output.channels,)
        values = {"weight": np.ones(shape), "bias": np.zeros(shape)}
    return view.on(walker.add(node, layer, view.base, values=values))


def _is_constant(array: Array, number: float) -> bool:
    return bool(np.all(array == number))
