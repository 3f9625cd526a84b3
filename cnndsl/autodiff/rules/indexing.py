"""Values moved by indices: Gather, GatherElements, ScatterElements, MaxUnpool."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from cnndsl.autodiff.backward import Backward, Gradient, rule
from cnndsl.autodiff.rules.placing import constant_numbers, place
from cnndsl.diagnostics import UsageError


@rule("Gather")
def gather(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """DY added up at the indices; where they aren't constant, by scattering along axis 0."""
    (dy,), (x, indices) = cotangents, node.inputs
    assert x is not None and indices is not None and dy is not None
    shape = list(back.shape(x))
    axis = node.attributes.get_int("axis", 0) % len(shape)
    chosen = constant_numbers(indices)
    picked = list(back.shape(indices))
    if chosen is not None:
        flat = back.constant([*shape[:axis], len(chosen), *shape[axis + 1 :]])
        dy = back.op("Reshape", dy, flat) if len(picked) != 1 else dy
        return [place(back, dy, shape, axis, [i % shape[axis] for i in chosen]), None]
    order = list(range(len(shape) - 1 + len(picked)))
    middle = order[axis : axis + len(picked)]
    front = [*middle, *order[:axis], *order[axis + len(picked) :]]
    rows = back.op("Transpose", dy, perm=front) if axis else dy
    turned = [shape[axis], *shape[:axis], *shape[axis + 1 :]]
    places = back.op("Unsqueeze", indices, back.constant([-1]))
    total = back.op("ScatterND", _zeros(back, turned), places, rows, reduction="add")
    if axis:
        total = back.op(
            "Transpose", total, perm=[*range(1, axis + 1), 0, *range(axis + 1, len(shape))]
        )
    return [total, None]


@rule("GatherElements")
def gather_elements(
    back: Backward, node: ir.Node, cotangents: Sequence[Gradient]
) -> Sequence[Gradient]:
    """DY added up where its values came from."""
    (dy,), (x, indices) = cotangents, node.inputs
    assert x is not None
    zeros = _zeros(back, back.shape(x))
    axis = node.attributes.get_int("axis", 0)
    return [back.op("ScatterElements", zeros, indices, dy, axis=axis, reduction="add"), None]


@rule("ScatterElements")
def scatter_elements(
    back: Backward, node: ir.Node, cotangents: Sequence[Gradient]
) -> Sequence[Gradient]:
    """The updates get dY from their places. The data gets dY where nothing was written over it.

    Where several updates have one place, all but one are lost, but ONNX doesn't say which stays:
    each gets the gradient of the place, as PyTorch's max_unpool does.
    """
    (dy,), (data, indices, updates) = cotangents, node.inputs
    assert updates is not None
    axis = node.attributes.get_int("axis", 0)
    reduction = node.attributes.get_string("reduction", "none")
    if reduction not in ("none", "add"):
        raise UsageError(f"there is no gradient of scattering by {reduction}")
    d_data = dy
    if reduction == "none" and back.needs(data):
        zeros = _zeros(back, back.shape(updates))
        d_data = back.op("ScatterElements", dy, indices, zeros, axis=axis)
    d_updates = back.op("GatherElements", dy, indices, axis=axis) if back.needs(updates) else None
    return [d_data if back.needs(data) else None, None, d_updates]


@rule("MaxUnpool")
def max_unpool(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """dX is dY at the places that X went to; they count through the whole batch."""
    (dy,), (x, indices, *rest) = cotangents, node.inputs
    assert x is not None
    if rest:
        raise UsageError("there is no gradient with an output shape")
    flat = back.constant([-1])
    values, places = back.op("Reshape", dy, flat), back.op("Reshape", indices, flat)
    found = back.op("GatherElements", values, places, axis=0)
    return [back.op("Reshape", found, back.constant(list(back.shape(x)))), None]


def _zeros(back: Backward, shape: Sequence[int]) -> ir.Value:
    zero = ir.tensor(np.zeros(1, back.float_type.numpy()))
    return back.op("ConstantOfShape", back.constant(list(shape)), value=zero)
