"""Add, Sub, Mul, Div and their like: with constants a `scale`, of values `add` and `mul`."""

from __future__ import annotations

from functools import reduce
from itertools import chain

import numpy as np

from cnndsl.importing.draft import Array, Step, Value
from cnndsl.importing.elementary import Elementary, Uniform
from cnndsl.importing.nodes import Node, Tensor, shortest
from cnndsl.importing.operators.activations import bounded, elementary
from cnndsl.importing.operators.repeating import MOST_DIMENSIONS, stretched
from cnndsl.importing.views import Row, View, size_of
from cnndsl.importing.walking import Walker, operator
from cnndsl.layers.globalpool import GlobalAverage
from cnndsl.layers.rbf import RadialBasis


@operator("Add", "Sum", "Sub", "Mean")
def add(walker: Walker, node: Node) -> View:
    """Sums: `add` of values, an offset of a constant; a mean is a part of a sum."""
    tensors = [_stretched(node, i) for i in range(len(node.inputs))]
    views = [t for t in tensors if isinstance(t, View)]
    if node.kind == "Sub":
        first, second = tensors
        if isinstance(second, View) and isinstance(first, View):
            codes = _codes(walker, node, first, second)
            if codes is not None:
                return codes
            return _merged(walker, node, "sub", [first, second])
        if isinstance(second, View):
            negative = walker.affine(node, second, factor=-1.0)
            tensors = [first, negative]
            views = [t for t in tensors if isinstance(t, View)]
        else:
            tensors = [first, -second]
    offsets = [t for t in tensors if not isinstance(t, View)]
    view = _merged(walker, node, "add", views) if len(views) > 1 else views[0]
    if offsets:
        offset = reduce(np.add, offsets)
        view = walker.affine(node, _reaching(walker, node, view, offset), offset=offset)
    if node.kind == "Mean" and len(tensors) > 1:
        view = walker.affine(node, view, factor=1 / len(tensors))
    return view


def _codes(walker: Walker, node: Node, first: View, second: View) -> View | None:
    """2·x·c − |c|² − |x|²: the distance from the codes of `rbf`."""
    dense, sum_ = first.base, second.base
    if not isinstance(dense, Step) or dense.word != "fc":
        return None
    if _summed_squares(sum_) is not dense.inputs[0]:
        return None
    layer = RadialBasis(classes=dense.output.channels)
    x = dense.inputs[0].output
    codes = np.asarray(layer.codes(x.channels), np.float32)
    bias = dense.values.get("bias")
    if bias is None or np.any(bias != -x.channels):
        return None
    if not np.all(dense.values["weight"] == 2 * codes):
        return None
    return walker.whole(walker.add(node, layer, dense.inputs[0]))


def _summed_squares(value: Value) -> Value | None:
    """What the value is the sum of squares of, over the channels of a vector."""
    match value:
        case Step(
            layer=Uniform(bias=False),
            values={"weight": factors},
            inputs=[
                Step(
                    layer=GlobalAverage(channels=True),
                    inputs=[Step(layer=Elementary(kind="power", numbers=(2.0,)), inputs=[x])],
                )
            ],
        ) if np.all(factors == x.output.channels):
            return x
        case _:
            return None


@operator("Mul", "Div")
def mul(walker: Walker, node: Node) -> View:
    """Products: `mul` of values, a factor of a constant."""
    first, second = _stretched(node, 0), _stretched(node, 1)
    if node.kind == "Div":
        if isinstance(second, View):
            if isinstance(first, View):
                return _merged(walker, node, "div", [first, second])
            inverse = elementary(walker, node, second, "reciprocal")
            return walker.affine(node, inverse, factor=first)
        with np.errstate(all="ignore"):
            second = np.float32(1) / second.astype(np.float32)
    if isinstance(first, View) and isinstance(second, View):
        return _merged(walker, node, "mul", [first, second])
    view, factor = (first, second) if isinstance(first, View) else (second, first)
    assert isinstance(view, View)
    assert not isinstance(factor, View)
    return walker.affine(node, _reaching(walker, node, view, factor), factor=factor)


@operator("atan2")
def angle(walker: Walker, node: Node) -> View:
    """`atan2` of two values, which a model has written out."""
    views = [node.view(i) for i in range(2)]
    return _merged(walker, node, "atan2", views)


def _reaching(walker: Walker, node: Node, view: View, constant: Array) -> View:
    """The view stretched to where a constant reaches beyond it."""
    try:
        sizes = np.broadcast_shapes(view.sizes, constant.shape)
    except ValueError:
        node.refuse(f"joins a tensor of the shape {view.sizes} with one of {constant.shape}")
    view = view.with_dims([()] * (len(sizes) - len(view.dims)) + list(view.dims))
    return view if view.sizes == sizes else stretched(walker, node, view, sizes)


@operator("Neg")
def negative(walker: Walker, node: Node) -> View:
    """Times −1."""
    return walker.affine(node, node.view(), factor=-1.0)


@operator("Pow")
def power(walker: Walker, node: Node) -> View:
    """A part of a norm or activation."""
    exponent = node.floats(1)
    if exponent.size != 1:
        node.refuse("has more than one exponent")
    return elementary(walker, node, node.view(), "power", float(exponent.reshape(-1)[0]))


@operator("Max", "Min")
def extreme(walker: Walker, node: Node) -> View:
    """With a number: a bound. `relu` is Max with 0."""
    numbers = [t for t in node.inputs if not isinstance(t, View) and t is not None]
    views = [t for t in node.inputs if isinstance(t, View)]
    slope = _slope(views) if node.kind == "Max" and len(node.inputs) == len(views) == 2 else None
    if slope is not None:
        return walker.elementwise(node, slope[0], "leaky", slope=slope[1])
    if any(n.size != 1 for n in numbers):
        node.refuse("has bounds that differ from channel to channel, which no layer has")
    view = _merged(walker, node, node.kind.lower(), views) if len(views) > 1 else views[0]
    fold = np.maximum if node.kind == "Max" else np.minimum
    if not numbers:
        return view
    bound = float(reduce(fold, numbers).reshape(-1)[0])
    low, high = (bound, np.inf) if node.kind == "Max" else (-np.inf, bound)
    return bounded(walker, node, view, low, high)


def _slope(views: list[View]) -> tuple[View, float] | None:
    """x and the slope where the two values are x and slope·x."""
    for x, other in (views, views[::-1]):
        step = other.base
        if x.form != other.form or not isinstance(step, Step) or step.word != "scale":
            continue
        slopes, moved = np.unique(step.values["weight"]), np.any(step.values.get("bias", 0))
        if step.inputs == [x.base] and len(slopes) == 1 and 0 < slopes[0] < 1 and not moved:
            return x, shortest(slopes[0])
    return None


def _stretched(node: Node, index: int) -> Tensor:
    """An input; a constant in the shape that old versions' `axis` stretches it to."""
    tensor = node.tensor(index)
    if isinstance(tensor, View) or node.opset >= 7 or not node.integer("broadcast"):
        return tensor
    if "axis" not in node.attributes or tensor.ndim == 0:
        return tensor
    behind = len(node.view(0).dims) - node.axis() - tensor.ndim
    return tensor.reshape([*tensor.shape, *(1,) * max(behind, 0)])


def _merged(walker: Walker, node: Node, word: str, views: list[View]) -> View:
    """Several values as one; their arrangements are made alike where they aren't."""
    rank = max(len(v.dims) for v in views)
    views = [v.with_dims([()] * (rank - len(v.dims)) + list(v.dims)) for v in views]
    most = max(np.prod(v.sizes) for v in views)
    for large in (v for v in views if np.prod(v.sizes) == most):
        rows = [_like(v, large) for v in views]
        if None not in rows:
            bases = [
                walker.arrange(node, v, row or v.axes[1:])
                for v, row in zip(views, rows, strict=True)
            ]
            return large.on(walker.add(node, walker.layer(node, word), *bases))
    if rank > MOST_DIMENSIONS or any(v.dims[0] != walker.batch for v in views):
        return _merged_flat(walker, node, word, views)
    plain = [walker.plain(node, v) for v in views]
    return walker.whole(walker.add(node, walker.layer(node, word), *plain))


def _merged_flat(walker: Walker, node: Node, word: str, views: list[View]) -> View:
    """Several values as one, all of them stretched to the same dimensions and as vectors."""
    sizes = np.broadcast_shapes(*(v.sizes for v in views))
    views = [v if v.sizes == sizes else stretched(walker, node, v, sizes) for v in views]
    places: set[int] = set()
    for view in views:
        atoms = list(chain.from_iterable(view.dims))
        places |= {size_of(tuple(atoms[: atoms.index(atom)])) for atom in view.axes[0]}
    if len(places) > 1:
        node.refuse("joins tensors that have the batch at different places")
    rows = [tuple(a for row in v.dims for a in row if a not in v.axes[0]) for v in views]
    bases = [walker.arrange(node, v, [row]) for v, row in zip(views, rows, strict=True)]
    base = walker.add(node, walker.layer(node, word), *bases)
    return View(base, (views[0].axes[0], rows[0]), views[0].dims)


def _like(view: View, large: View) -> list[Row] | None:
    """How to arrange a view so that its value lies over that of another one; empty where it does.

    A smaller one keeps its dimensions of size 1. None where dimensions don't match axes.
    """
    same_rank = view.base.output.rank == large.base.output.rank
    if same_rank and view.sizes == large.sizes and view.form == large.form:
        return []
    if any(n > m for n, m in zip(view.sizes, large.sizes, strict=True)):
        return None  # both stretch
    wanted: list[Row] = []
    for axis in large.axes[1:]:
        places = [i for i, row in enumerate(large.dims) if row and row == axis]
        if axis and not places:
            return None
        wanted.append(view.dims[places[0]] if axis else ())
    rows = [row for row in large.dims if row]
    if any(row not in large.axes for row in rows):
        return None
    return wanted
