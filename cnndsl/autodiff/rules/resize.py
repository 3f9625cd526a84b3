"""Resize: a product with a matrix for every axis, so the gradient takes the transposed ones."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import onnx_ir as ir

from cnndsl.autodiff.backward import Backward, Gradient, rule
from cnndsl.autodiff.rules.interpolation import Matrix, Resizing
from cnndsl.diagnostics import UsageError


@rule("Resize")
def resize(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """dX = A₁ᵀ·…·dY·Aₙ; where every value is repeated s times an axis, a sum over blocks.

    The sum is the mean over the block times its size, for which there is AveragePool.
    """
    (dy,), x = cotangents, node.inputs[0]
    assert x is not None and dy is not None
    shape, sizes = back.shape(x), back.shape(node.outputs[0])
    kind = _resizing(node)
    factors = _factors(node, shape, sizes)
    matrices = {
        axis: kind.matrix(n, m, scale)
        for axis, (n, m, scale) in enumerate(zip(shape, sizes, factors, strict=True))
        if n != m or scale != 1
    }
    rest = [None for _ in node.inputs[1:]]
    blocks = [m // n for n, m in zip(shape, sizes, strict=True)]
    if min(matrices, default=2) >= 2 and all(
        _repeats(matrix, blocks[axis]) for axis, matrix in matrices.items()
    ):
        block = blocks[2:]
        mean = back.op("AveragePool", dy, kernel_shape=block, strides=block)
        return [back.op("Mul", mean, back.constant(float(prod(block)), "float")), *rest]
    dx, now = dy, list(sizes)
    for axis, matrix in matrices.items():
        dx = _along(back, dx, now, axis, matrix)
        now[axis] = shape[axis]
    return [dx, *rest]


def _resizing(node: ir.Node) -> Resizing:
    a = node.attributes
    if a.get_int("antialias", 0):
        raise UsageError("there is no gradient with antialias yet")
    return Resizing(
        mode=a.get_string("mode", "nearest"),
        coordinates=a.get_string("coordinate_transformation_mode", "half_pixel"),
        nearest=a.get_string("nearest_mode", "round_prefer_floor"),
        cubic=a.get_float("cubic_coeff_a", -0.75),
        exclude_outside=bool(a.get_int("exclude_outside", 0)),
    )


def _factors(node: ir.Node, shape: Sequence[int], sizes: Sequence[int]) -> list[float]:
    """The factor of every axis: as given, since a size may be rounded down, else by the sizes."""
    scales = node.inputs[2] if len(node.inputs) > 2 else None
    if scales is None or scales.const_value is None or scales.const_value.size == 0:
        return [m / n for n, m in zip(shape, sizes, strict=True)]
    given = [float(s) for s in scales.const_value.numpy()]
    axes = node.attributes.get_ints("axes") or range(len(shape))
    factors = [1.0] * len(shape)
    for axis, factor in zip(axes, given, strict=True):
        factors[axis % len(shape)] = factor
    return factors


def _repeats(matrix: Matrix, count: int) -> bool:
    """Whether each input stands for `count` outputs that follow each other."""
    inputs = matrix.shape[1]
    repeated = np.eye(inputs).repeat(count, 0)
    return matrix.shape == repeated.shape and bool((matrix == repeated).all())


def _along(
    back: Backward, value: ir.Value, shape: Sequence[int], axis: int, matrix: Matrix
) -> ir.Value:
    """The product with the transposed matrix along one axis."""
    last = len(shape) - 1
    if axis == last:
        return back.op("MatMul", value, back.constant(matrix, "float"))
    turned = back.constant(matrix.T, "float")
    if axis == last - 1:
        return back.op("MatMul", turned, value)
    rows = back.constant([prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :])])
    product = back.op("MatMul", turned, back.op("Reshape", value, rows))
    whole = [*shape[:axis], matrix.shape[1], *shape[axis + 1 :]]
    return back.op("Reshape", product, back.constant(whole))
