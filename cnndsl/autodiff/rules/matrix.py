"""Matrix products: Gemm and MatMul."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from cnndsl.autodiff.backward import Backward, Gradient, rule
from cnndsl.autodiff.rules.elementwise import unbroadcast


@rule("Gemm")
def gemm(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """Y = α·A·B + β·C: dA = α·dY·Bᵀ, dB = α·Aᵀ·dY, dC = β·dY summed where C was broadcast.

    A transposed operand's gradient is the transposed product, with its factors in reverse order.
    """
    (dy,) = cotangents
    a, b, *rest = node.inputs
    assert dy is not None
    alpha, beta = (node.attributes.get_float(n, 1.0) for n in ("alpha", "beta"))
    a_turned, b_turned = (node.attributes.get_int(n, 0) for n in ("transA", "transB"))
    da = db = None
    if back.needs(a):
        if a_turned:
            da = back.op("Gemm", b, dy, transA=b_turned, transB=1, alpha=alpha)
        else:
            da = back.op("Gemm", dy, b, transB=1 - b_turned, alpha=alpha)
    if back.needs(b):
        if b_turned:
            db = back.op("Gemm", dy, a, transA=1, transB=a_turned, alpha=alpha)
        else:
            db = back.op("Gemm", a, dy, transA=1 - a_turned, alpha=alpha)
    gradients: list[Gradient] = [da, db]
    for c in rest:
        if c is None or not back.needs(c):
            gradients.append(None)
            continue
        dc = unbroadcast(back, dy, back.shape(c), back.shape(node.outputs[0]))
        gradients.append(back.op("Mul", dc, back.constant(beta, "float")) if beta != 1 else dc)
    return gradients


@rule("MatMul")
def matmul(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """dA = dY·Bᵀ, dB = Aᵀ·dY, each summed over the batch axes along which it was broadcast.

    A vector is a matrix of one row on the left, of one column on the right.
    """
    (dy,) = cotangents
    a, b = node.inputs
    assert a is not None and b is not None and dy is not None
    a_shape, b_shape = list(back.shape(a)), list(back.shape(b))
    rows = a_shape if len(a_shape) > 1 else [1, *a_shape]
    columns = b_shape if len(b_shape) > 1 else [*b_shape, 1]
    batch = list(back.shape(node.outputs[0]))
    batch = batch[: len(batch) - (len(a_shape) > 1) - (len(b_shape) > 1)]
    whole = [*batch, rows[-2], columns[-1]]
    dy = _reshaped(back, dy, back.shape(node.outputs[0]), whole)
    left, right = _reshaped(back, a, a_shape, rows), _reshaped(back, b, b_shape, columns)
    da = db = None
    if back.needs(a):
        product = back.op("MatMul", dy, _turned(back, right, len(columns)))
        da = unbroadcast(back, product, rows, [*batch, *rows[-2:]])
        da = _reshaped(back, da, rows, a_shape)
    if back.needs(b):
        if len(columns) == 2:  # the batch is contracted with the rows: one product, no sum after
            left = _reshaped(back, left, rows, [-1, rows[-1]])
            dy = _reshaped(back, dy, whole, [-1, columns[-1]])
            db = back.op("Gemm", left, dy, transA=1)
        else:
            product = back.op("MatMul", _turned(back, left, len(rows)), dy)
            db = unbroadcast(back, product, columns, [*batch, *columns[-2:]])
        db = _reshaped(back, db, columns, b_shape)
    return [da, db]


def _turned(back: Backward, value: ir.Value, rank: int) -> ir.Value:
    return back.op("Transpose", value, perm=[*range(rank - 2), rank - 1, rank - 2])


def _reshaped(back: Backward, value: ir.Value, now: Sequence[int], to: Sequence[int]) -> ir.Value:
    if list(now) == list(to):
        return value
    return back.op("Reshape", value, back.constant(list(to)))
