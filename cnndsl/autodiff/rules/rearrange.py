"""Operators that only give values another shape or order: the gradient takes the way back."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from cnndsl.autodiff.backward import Backward, Gradient, rule
from cnndsl.autodiff.rules.elementwise import unbroadcast


@rule("Reshape", "Flatten", "Squeeze", "Unsqueeze")
def reshape(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """DY in the shape of X; the other inputs are numbers."""
    (dy,), (x, *rest) = cotangents, node.inputs
    assert x is not None
    dx = back.op("Reshape", dy, back.constant(list(back.shape(x))))
    return [dx, *[None for _ in rest]]


@rule("Identity")
def identity(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """DY itself."""
    return cotangents


@rule("Cast")
def cast(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """DY in the type of X; numbers that aren't floating-point have no gradient."""
    (dy,), (x,), (y,) = cotangents, node.inputs, node.outputs
    assert x is not None and x.dtype is not None and y.dtype is not None
    if not (x.dtype.is_floating_point() and y.dtype.is_floating_point()):
        return [None]
    return [dy if x.dtype == y.dtype else back.op("Cast", dy, to=x.dtype)]


@rule("Transpose")
def transpose(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """DY in the inverse permutation."""
    (dy,), (x,) = cotangents, node.inputs
    assert x is not None
    rank = len(back.shape(x))
    perm = node.attributes.get_ints("perm") or range(rank)[::-1]
    return [back.op("Transpose", dy, perm=[list(perm).index(axis) for axis in range(rank)])]


@rule("Expand")
def expand(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """DY summed over the axes along which X was repeated."""
    (dy,), (x, _) = cotangents, node.inputs
    assert x is not None and dy is not None
    return [unbroadcast(back, dy, back.shape(x), back.shape(node.outputs[0])), None]
