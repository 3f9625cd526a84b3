"""Operators with their shapes worked out: what the algorithms are put together from.

Every value made here knows its shape, so that an algorithm's time can be predicted from its nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from cnndsl.graphs.writer import Writer


def make(
    write: Writer, kind: str, shape: Sequence[int], *inputs: ir.Value | None, **attributes: Any
) -> ir.Value:
    """A node with one output of this shape."""
    value = write.op(kind, *inputs, **attributes)
    value.shape, value.type = ir.Shape(shape), ir.TensorType(write.float_type)
    return value


def reshape(write: Writer, value: ir.Value, shape: Sequence[int]) -> ir.Value:
    """The same numbers in another shape; no node where it is the same."""
    if write.shape(value) == tuple(shape):
        return value
    return make(write, "Reshape", shape, value, write.constant(list(shape)))


def transpose(write: Writer, value: ir.Value, order: Sequence[int]) -> ir.Value:
    """The axes in another order."""
    shape = write.shape(value)
    return make(write, "Transpose", [shape[i] for i in order], value, perm=list(order))


def turn(write: Writer, value: ir.Value) -> ir.Value:
    """The last two axes exchanged. ONNX Runtime makes it a flag of the product that reads it."""
    rank = len(write.shape(value))
    return transpose(write, value, [*range(rank - 2), rank - 1, rank - 2])


def matmul(write: Writer, a: ir.Value, b: ir.Value) -> ir.Value:
    """The matrix product over the last two axes; those before are broadcast."""
    one, other = write.shape(a), write.shape(b)
    batch = np.broadcast_shapes(one[:-2], other[:-2])
    return make(write, "MatMul", [*batch, one[-2], other[-1]], a, b)


def total(write: Writer, value: ir.Value, axes: Sequence[int]) -> ir.Value:
    """The sum over some axes, which go.

    Over the first one by a product with a row of ones: ReduceSum takes two to ten times as long.
    """
    if not axes:
        return value
    if list(axes) == [0]:
        count, *rest = write.shape(value)
        ones = write.constant([[1.0] * count], "float")
        return reshape(write, matmul(write, ones, reshape(write, value, (count, prod(rest)))), rest)
    shape = [n for i, n in enumerate(write.shape(value)) if i not in axes]
    return make(write, "ReduceSum", shape, value, write.constant(list(axes)), keepdims=0)


def first_total(write: Writer, value: ir.Value) -> ir.Value:
    """The sum over the first axis, as a row of ones times the rest.

    ReduceSum takes 10 to 30 times as long where only leading axes are summed (32 x 55296: 1.3 ms
    on one thread and 1.4 on two, against 0.09).
    """
    count, *rest = write.shape(value)
    ones = write.constant([[1.0] * count], "float")
    whole = matmul(write, ones, reshape(write, value, (count, prod(rest))))
    return reshape(write, whole, rest)


def gather(
    write: Writer, value: ir.Value, indices: Sequence[int] | npt.NDArray[np.int64], axis: int
) -> ir.Value:
    """Entries along an axis; index n is a zero where the axis has n of them."""
    shape = list(write.shape(value))
    if np.max(indices) == shape[axis]:
        value = pad(write, value, [0] * len(shape), [int(i == axis) for i in range(len(shape))])
    shape[axis] = len(indices)
    return make(write, "Gather", shape, value, write.constant(indices), axis=axis)


def pad(write: Writer, value: ir.Value, before: Sequence[int], after: Sequence[int]) -> ir.Value:
    """Zeros around."""
    rows = zip(before, write.shape(value), after, strict=True)
    constant = write.constant([*before, *after])
    return make(write, "Pad", [sum(row) for row in rows], value, constant)


def window(
    write: Writer,
    value: ir.Value,
    axes: Sequence[int],
    starts: Sequence[int],
    sizes: Sequence[int],
) -> ir.Value:
    """`sizes` entries from `starts` on along some axes; beyond the value's ends, zeros.

    No node is made along axes that are taken whole.
    """
    shape = list(write.shape(value))
    rows = list(zip(axes, starts, sizes, strict=True))
    cuts = [(a, max(s, 0), min(s + n, shape[a])) for a, s, n in rows]
    cuts = [(a, s, e) for a, s, e in cuts if (s, e) != (0, shape[a])]
    before, after = [0] * len(shape), [0] * len(shape)
    for a, s, n in rows:
        before[a], after[a] = max(-s, 0), max(s + n - shape[a], 0)
    if cuts:
        for a, s, e in cuts:
            shape[a] = e - s
        which, first, last = (write.constant(list(column)) for column in zip(*cuts, strict=True))
        value = make(write, "Slice", shape, value, first, last, which)
    return pad(write, value, before, after) if any(before) or any(after) else value


def steps(write: Writer, value: ir.Value, axes: Sequence[int], strides: Sequence[int]) -> ir.Value:
    """Every so many-th entry along some axes; with −1, the axis backwards."""
    shape = list(write.shape(value))
    rows = [(a, s) for a, s in zip(axes, strides, strict=True) if s != 1]
    if not rows:
        return value
    starts = [0 if s > 0 else shape[a] - 1 for a, s in rows]
    ends = [shape[a] if s > 0 else -shape[a] - 1 for a, s in rows]
    for a, s in rows:
        shape[a] = -(-shape[a] // abs(s))
    lists = (starts, ends, [a for a, _ in rows], [s for _, s in rows])
    return make(write, "Slice", shape, value, *(write.constant(list(x)) for x in lists))


def concat(write: Writer, values: Sequence[ir.Value], axis: int) -> ir.Value:
    """The values one after the other."""
    shape = list(write.shape(values[0]))
    shape[axis] = sum(write.shape(v)[axis] for v in values)
    return make(write, "Concat", shape, *values, axis=axis) if len(values) > 1 else values[0]
