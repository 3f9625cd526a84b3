"""Operators whose inputs are all known are computed at once: sizes, shapes, rearranged weights.

Only operators in this table are, each by its own line of numpy, and no result may be much larger
than what the model holds already: a small file can't ask for a large tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from cnndsl.importing.draft import Array
from cnndsl.importing.nodes import Node
from cnndsl.importing.sizes import (
    flat_sizes,
    part_sizes,
    reshape_target,
    slices,
    squeezed,
    unsqueezed,
)

LARGEST = 1 << 22  # values that a result may have beyond those that its inputs have

Fold = Callable[[Node], "Array | Sequence[Array]"]

_TYPES = {
    1: np.float32, 2: np.uint8, 3: np.int8, 4: np.uint16, 5: np.int16, 6: np.int32, 7: np.int64,
    9: np.bool_, 10: np.float32, 11: np.float32, 12: np.uint32, 13: np.uint64, 16: np.float32,
}  # fmt: skip
"""numpy's types by ONNX's numbers; floating-point numbers are float32 throughout."""


def compute(node: Node) -> list[Array] | None:
    """The outputs of a node whose inputs are constants; None for operators not in the table."""
    fold = FOLDS.get(node.kind)
    if fold is None:
        return None
    try:
        with np.errstate(all="ignore"):
            result = fold(node)
    except (ValueError, TypeError, IndexError, OverflowError, ZeroDivisionError):
        node.refuse("can't be computed from the constants that it has: the model is damaged")
    except MemoryError:
        node.refuse("asks for a constant too large for any memory")
    return [np.asarray(a) for a in (result if isinstance(result, list) else [result])]


def _bounded(node: Node, shape: Sequence[int]) -> tuple[int, ...]:
    held = sum(np.asarray(a).size for a in node.inputs if isinstance(a, np.ndarray))
    if any(n < 0 for n in shape) or prod(shape) > held + LARGEST:
        node.refuse(f"asks for a constant of the shape {tuple(shape)}, which is too large")
    return tuple(shape)


def _joined(operation: Callable[..., Any]) -> Fold:
    """An operation on broadcast inputs."""

    def fold(node: Node) -> Array:
        arrays = [node.array(i) for i in range(len(node.inputs))]
        _bounded(node, np.broadcast_shapes(*(a.shape for a in arrays)))
        result = arrays[0]
        for array in arrays[1:]:
            result = operation(result, array)
        kept = result.dtype == np.bool_ or result.dtype.kind in "iu"
        return result if kept else result.astype(np.float32)

    return fold


def _divide(a: Array, b: Array) -> Array:
    if a.dtype.kind in "iu":
        return np.trunc(a / b).astype(a.dtype) if np.any(b == 0) else _truncated(a, b)
    return a / b


def _truncated(a: Array, b: Array) -> Array:
    return np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b))


def _each(operation: Callable[[Array], Array]) -> Fold:
    def fold(node: Node) -> Array:
        return operation(node.array(0))

    return fold


def _cast(node: Node) -> Array:
    kind = _TYPES.get(node.integer("to", 1))
    if kind is None:
        node.refuse("turns a constant into a type that nets don't have")
    return node.array(0).astype(kind)


def _constant_of_shape(node: Node) -> Array:
    shape = _bounded(node, [int(n) for n in node.array(0).reshape(-1)])
    value = np.asarray(node.attributes.get("value", np.float32(0))).reshape(-1)[0]
    return np.full(shape, value)


def _range(node: Node) -> Array:
    arrays = [node.array(i).reshape(()) for i in range(3)]
    start, limit, delta = (a.item() for a in arrays)
    (count,) = _bounded(node, [max(int(np.ceil((limit - start) / delta)), 0)])
    return (start + delta * np.arange(count)).astype(arrays[0].dtype)


def _reshape(node: Node) -> Array:
    return node.array(0).reshape(reshape_target(node, node.array(0).shape))


def _squeeze(node: Node) -> Array:
    shape = node.array(0).shape
    return node.array(0).reshape([shape[i] for i in squeezed(node, shape)])


def _unsqueeze(node: Node) -> Array:
    shape = list(node.array(0).shape)
    for axis in unsqueezed(node, len(shape)):
        shape.insert(axis, 1)
    return node.array(0).reshape(shape)


def _slice(node: Node) -> Array:
    kept = slices(node, node.array(0).shape)
    return node.array(0)[np.ix_(*([*r] for r in kept))]


def _gather(node: Node) -> Array:
    data, indices = node.array(0), node.array(1).astype(np.int64)
    axis = node.from_front(node.integer("axis"), data.ndim)
    _bounded(node, (*data.shape[:axis], *indices.shape, *data.shape[axis + 1 :]))
    return data.take(indices, axis=axis)


def _concat(node: Node) -> Array:
    arrays = [node.array(i) for i in range(len(node.inputs))]
    return np.concatenate(arrays, axis=node.integer("axis", 1))


def _transpose(node: Node) -> Array:
    return node.array(0).transpose(node.integers("perm"))


def _expand(node: Node) -> Array:
    data, shape = node.array(0), [int(n) for n in node.array(1).reshape(-1)]
    return np.broadcast_to(data, _bounded(node, np.broadcast_shapes(data.shape, tuple(shape))))


def _tile(node: Node) -> Array:
    data, repeats = node.array(0), [int(n) for n in node.array(1).reshape(-1)]
    _bounded(node, [n * r for n, r in zip(data.shape, repeats, strict=True)])
    return np.tile(data, repeats)


def _where(node: Node) -> Array:
    arrays = [node.array(i) for i in range(3)]
    _bounded(node, np.broadcast_shapes(*(a.shape for a in arrays)))
    return np.where(*arrays)


def _split(node: Node) -> list[Array]:
    data = node.array(0)
    axis = node.from_front(node.integer("axis"), data.ndim)
    ends = np.cumsum(part_sizes(node, data.shape[axis]))[:-1]
    return list(np.split(data, ends.tolist(), axis=axis))


def _reduce(operation: Callable[..., Any]) -> Fold:
    def fold(node: Node) -> Array:
        axes = node.sizes(1, "axes")
        return operation(node.array(0), axis=axes, keepdims=bool(node.integer("keepdims", 1)))

    return fold


def _matmul(node: Node) -> Array:
    a, b = node.array(0), node.array(1)
    if a.ndim != 2 or b.ndim != 2:
        node.refuse("multiplies constants that are no matrices")
    _bounded(node, (a.shape[0], b.shape[1]))
    return a @ b


def _identity(node: Node) -> Array:
    return node.array(0)


FOLDS: dict[str, Fold] = {
    "Add": _joined(np.add),
    "Sub": _joined(np.subtract),
    "Mul": _joined(np.multiply),
    "Div": _joined(_divide),
    "Pow": _joined(np.power),
    "Max": _joined(np.maximum),
    "Min": _joined(np.minimum),
    "Sum": _joined(np.add),
    "Mod": _joined(np.mod),
    "Equal": _joined(np.equal),
    "Greater": _joined(np.greater),
    "Less": _joined(np.less),
    "And": _joined(np.logical_and),
    "Or": _joined(np.logical_or),
    "Not": _each(np.logical_not),
    "Neg": _each(np.negative),
    "Abs": _each(np.abs),
    "Sqrt": _each(np.sqrt),
    "Exp": _each(np.exp),
    "Log": _each(np.log),
    "Reciprocal": _each(np.reciprocal),
    "Ceil": _each(np.ceil),
    "Floor": _each(np.floor),
    "Round": _each(np.round),
    "Identity": _identity,
    "Dropout": _identity,
    "Cast": _cast,
    "ConstantOfShape": _constant_of_shape,
    "Range": _range,
    "Reshape": _reshape,
    "Flatten": lambda node: node.array(0).reshape(flat_sizes(node, node.array(0).shape)),
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Shape": lambda node: np.asarray(node.array(0).shape, np.int64),
    "Size": lambda node: np.asarray(node.array(0).size, np.int64),
    "Slice": _slice,
    "Gather": _gather,
    "Concat": _concat,
    "Transpose": _transpose,
    "Expand": _expand,
    "Tile": _tile,
    "Where": _where,
    "Split": _split,
    "ReduceProd": _reduce(np.prod),
    "ReduceSum": _reduce(np.sum),
    "ReduceMax": _reduce(np.max),
    "ReduceMin": _reduce(np.min),
    "ReduceMean": _reduce(np.mean),
    "MatMul": _matmul,
}
