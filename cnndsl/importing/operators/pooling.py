"""MaxPool, AveragePool and the global ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np

from cnndsl.importing.draft import Step, Value
from cnndsl.importing.elementary import PLACES, Elementary, Lowest
from cnndsl.importing.nodes import Node
from cnndsl.importing.operators.windows import axes, padding, short, written_padding
from cnndsl.importing.views import UnfitError, View
from cnndsl.importing.walking import Walker, operator
from cnndsl.layers.arguments import Padding
from cnndsl.layers.base import ShapeError
from cnndsl.layers.pool import Pooling


@operator("MaxPool", "AveragePool")
def pool(walker: Walker, node: Node) -> View | Sequence[View]:
    """`pool` and `avgpool`; over the whole map `gmp` and `gap`."""
    base = walker.plain(node, node.view())
    x = base.output
    if x.rank == 0:
        node.refuse(f"pools the vector {x}")
    word = "pool" if node.kind == "MaxPool" else "avgpool"
    if node.integers("kernel_shape") is None:
        node.refuse("lacks its kernel_shape: the model is damaged")
    kernel = axes(node, "kernel_shape", x.rank)
    stride, dilation = axes(node, "strides", x.rank), axes(node, "dilations", x.rank)
    pads = padding(node, x, kernel, stride, dilation)
    places = len(node.outputs) > 1 and bool(node.outputs[1])
    if kernel == x.sizes and pads == (0,) and not places:
        return walker.whole(of_whole_map(walker, node, base, word))
    fields: dict[str, Any] = {"kernel": kernel, "padding": pads}
    if stride != kernel:
        fields["stride"] = short(stride)
    if word == "pool":
        fields["dilation"] = short(dilation)
    elif set(dilation) != {1}:
        node.refuse("takes the mean of a dilated window; `avgpool` has none")
    elif node.integer("count_include_pad") and pads != (0,):
        fields["countpad"] = True
    if node.integer("ceil_mode"):
        fields["ceil"] = True
    if word == "pool" and not places and (map_ := _without_border(base)) is not base:
        fields |= {"padding": _whole_padding(walker, node, base, fields), "ceil": False}
        base = map_
    if places and node.integer("storage_order"):
        node.refuse("counts places column by column (storage_order=1); `unpool` goes row by row")
    layer = walker.layer(node, word, **fields)
    for other in _simpler(walker, node, base, layer, fields):
        layer = other
    step = walker.add(node, layer, base)
    if not places:
        return walker.whole(step)
    places = Elementary(kind=PLACES, operator=node.kind)
    return [walker.whole(step), walker.whole(walker.add(node, places, step))]


@operator("LpPool", "GlobalLpPool")
def lp_pool(walker: Walker, node: Node) -> View:
    """The p-th root of the sum of p-th powers: the mean of powers, times the number of values."""
    base, p = walker.plain(node, node.view()), node.number("p", 2.0)
    x = base.output
    if x.rank == 0 or not 1 <= p <= 64 or p != int(p):
        node.refuse(f"takes the {p:g}-norm of {x}")
    if p % 2:
        base = walker.add(node, walker.layer(node, "abs"), base)
    if p > 1:
        base = walker.add(node, walker.layer(node, "power", exponent=p), base)
    kernel = x.sizes
    if node.kind == "GlobalLpPool":
        mean = walker.layer(node, "gap")
    else:
        kernel, stride = axes(node, "kernel_shape", x.rank), axes(node, "strides", x.rank)
        dilation = axes(node, "dilations", x.rank)
        if set(dilation) != {1} or node.integer("ceil_mode"):
            node.refuse("has windows with gaps, or cut off (ceil_mode), which `avgpool` hasn't")
        pads = padding(node, x, kernel, stride, dilation)
        fields = {"kernel": kernel, "stride": stride, "padding": pads, "countpad": pads != (0,)}
        mean = walker.layer(node, "avgpool", **fields)
    view = walker.whole(walker.add(node, mean, base))
    view = walker.affine(node, view, factor=np.asarray(np.prod(kernel), np.float32))
    return walker.elementwise(node, view, "power", exponent=1 / p) if p > 1 else view


@operator("ScatterElements", "MaxUnpool")
def unpool(walker: Walker, node: Node) -> View:
    """Values put back to the places where a pool found them: `unpool`."""
    number = 2 if node.kind == "ScatterElements" else 0
    values, indices = node.view(number), node.view(1)
    pool = indices.base.inputs[0] if isinstance(indices.base, Step) else None
    found = isinstance(indices.base, Step) and getattr(indices.base.layer, "kind", "") == PLACES
    if not found or not isinstance(pool, Step) or values.form != indices.form:
        node.refuse("scatters values by places that no pool gives")
    if number and node.array(0).any():
        node.refuse("scatters values over others than zeros")
    x = pool.inputs[0]
    if not number and _unpooled(node, values) != x.output.sizes:
        node.refuse("makes a map of another size than the pool took in")
    step = walker.whole(walker.add(node, walker.layer(node, "unpool"), values.base, pool, x))
    if not number:
        return step
    try:
        return step.reshaped(node.array(0).shape)
    except UnfitError:
        node.refuse("scatters values over more than the pool took in")


def _without_border(value: Value) -> Value:
    """The map itself where a border was put around it that no maximum sees."""
    if isinstance(value, Step) and isinstance(value.layer, Lowest):
        return value.inputs[0]
    return value


def _whole_padding(walker: Walker, node: Node, border: Value, fields: Mapping[str, Any]) -> Padding:
    """What lies around the map altogether: a border that no maximum sees, and the pool's own."""
    layer: Any = walker.layer(node, "pool", **fields)
    window, x = layer.rounded_down(border.output), _without_border(border).output
    rows = list(zip(cast(Lowest, cast(Step, border).layer).margins(x), window.pads, strict=True))
    pads = (*(a[0] + b[0] for a, b in rows), *(a[1] + b[1] for a, b in rows))
    return written_padding(x, pads, window.kernel, window.stride, window.dilation)


def _unpooled(node: Node, values: View) -> tuple[int, ...]:
    """The size of a MaxUnpool's map: the one that is given, or the smallest that the pool's windows
    cover.
    """
    rank = values.base.output.rank
    if node.has(2):
        return tuple(int(n) for n in node.array(2).reshape(-1))[2:]
    kernel, stride = axes(node, "kernel_shape", rank), axes(node, "strides", rank)
    pads = node.integers("pads") or (0,) * (2 * rank)
    whole = zip(values.base.output.sizes, kernel, stride, pads[:rank], pads[rank:], strict=True)
    return tuple((n - 1) * s + k - before - behind for n, k, s, before, behind in whole)


def _simpler(
    walker: Walker, node: Node, base: Value, layer: Any, fields: dict[str, Any]
) -> Iterator[Pooling]:
    """With `ceil` left out where it changes nothing, or in the place of padding behind the map."""
    x = base.output
    window = layer.window(x)
    try:
        if fields.get("ceil"):
            other: Any = walker.layer(node, layer.word, **(fields | {"ceil": False}))
            if other.shape(x) == layer.shape(x):
                yield other
        elif any(b != a for b, a in window.pads) and not fields.get("countpad"):
            before = short(tuple(b for b, _ in window.pads))
            rounded = fields | {"ceil": True, "padding": before}
            other = walker.layer(node, layer.word, **rounded)
            same_place = other.rounded_down(x).pads == window.pads
            if same_place and other.shape(x) == layer.shape(x):
                yield other
    except ShapeError:
        return


@operator("GlobalAveragePool", "GlobalMaxPool")
def over_all(walker: Walker, node: Node) -> View:
    """`gap` and `gmp`."""
    base = walker.plain(node, node.view())
    if base.output.rank == 0:
        return walker.whole(base)
    word = "pool" if node.kind == "GlobalMaxPool" else "avgpool"
    return walker.whole(of_whole_map(walker, node, base, word))


def of_whole_map(walker: Walker, node: Node, base: Value, word: str) -> Value:
    """`gmp` in the place of a `pool`, `gap` in that of an `avgpool`."""
    if word == "pool":
        return walker.add(node, walker.layer(node, "gmp"), _without_border(base))
    return walker.add(node, walker.layer(node, "gap"), base)
