"""The values of an HDF5 file's data sets: in a row, or in pieces that may be compressed."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import numpy as np

from cnndsl.weights.formats.elements import from_bytes, unreadable
from cnndsl.weights.formats.hdf5 import File, Node
from cnndsl.weights.formats.hdf5_bytes import FILTERS, LAYOUT, SPACE, TYPE, tree_leaves
from cnndsl.weights.formats.hdf5_types import ADDRESS, NOWHERE, Cursor, Type, read_shape, read_type
from cnndsl.weights.tensors import Array, DamagedError, Tensor

DEFLATE, SHUFFLE, CHECKSUM = 1, 2, 3
MOST_AROUND = 4  # pieces may stick out of the tensor by so many times its size
ALWAYS_AROUND = 1 << 20


def shape_of(node: Node) -> tuple[int, ...]:
    """The shape of a data set. Raises DamagedError for what is none."""
    space = node.message(SPACE)
    if space is None:
        raise DamagedError("has a group where a data set should be")
    return read_shape(space)


def stored(node: Node, name: str, reopened: Callable[[], File]) -> Tensor:
    """The data set that a node describes; its values are read from the file opened anew."""
    messages = [node.message(kind) for kind in (TYPE, SPACE, LAYOUT)]
    if None in messages:
        raise DamagedError(f"has an object `{name[:80]}` that is neither a group nor a data set")
    type_, shape = read_type(messages[0] or b""), read_shape(messages[1] or b"")
    layout, filters = Cursor(messages[2] or b""), node.message(FILTERS)
    version, kind = layout.number(1), layout.number(1)
    if kind == 3:
        raise DamagedError("has a virtual data set, whose values may be those of other files")
    if version not in (3, 4) or kind > 2 or (version == 4 and kind == 2):
        raise DamagedError(f"keeps `{name[:80]}` in a way that isn't read here")
    if type_.kind != "number":
        return unreadable(name, type_.name, shape)
    count = prod(shape) * type_.width
    if kind == 2:
        return _pieces(name, type_, shape, layout, filters, reopened)
    if filters is not None:
        raise DamagedError(f"says that `{name[:80]}` is both compressed and in a row")
    if kind == 0:
        data = layout.take(layout.number(2))
        whole = Tensor(name, shape, type_.name, lambda: _array(data, type_, shape))
        return _checked(whole, len(data), count)
    place, size = layout.address(), layout.address()
    if count and place == NOWHERE:
        raise DamagedError(f"has no values for `{name[:80]}`: they were never written")
    if count:
        node.file.check(place, size)

    def read() -> Array:
        return _array(reopened().bytes(place, count) if count else b"", type_, shape)

    return _checked(Tensor(name, shape, type_.name, read), size if count else 0, count)


def _checked(tensor: Tensor, size: int, count: int) -> Tensor:
    if size != count:
        raise DamagedError(
            f"gives `{tensor.name[:80]}` {size:,} bytes, where its shape needs {count:,}"
        )
    return tensor


def _array(data: bytes, type_: Type, shape: tuple[int, ...]) -> Array:
    return from_bytes(data, type_.name, type_.order).reshape(shape)


@dataclass(frozen=True, slots=True)
class _Filter:
    kind: int
    values: tuple[int, ...]


def _pieces(
    name: str,
    type_: Type,
    shape: tuple[int, ...],
    layout: Cursor,
    filters: bytes | None,
    reopened: Callable[[], File],
) -> Tensor:
    """A tensor in pieces of one shape, found through a tree."""
    rank = layout.number(1) - 1
    tree = layout.address()
    piece = tuple(layout.number(4) for _ in range(rank))
    if rank != len(shape) or layout.number(4) != type_.width or not all(piece):
        raise DamagedError(f"has pieces of `{name[:80]}` that don't fit it")
    size = prod(piece) * type_.width
    if size > MOST_AROUND * prod(shape) * type_.width + ALWAYS_AROUND:
        raise DamagedError(f"has pieces of `{name[:80]}` that are far larger than it")
    chain = _filters(filters) if filters is not None else []

    def read() -> Array:
        whole, file = np.zeros(shape, from_bytes(b"", type_.name).dtype), reopened()
        left = prod(-(-n // p) for n, p in zip(shape, piece, strict=True))
        for key, place in tree_leaves(file, tree, 1, 8 + ADDRESS * (rank + 1)) if left else ():
            left -= 1
            entry = Cursor(key)
            count, skipped = entry.number(4), entry.number(4)
            start = [entry.address() for _ in range(rank)]
            if left < 0 or any(
                n % p or n >= m for n, p, m in zip(start, piece, shape, strict=True)
            ):
                raise DamagedError(
                    f"has a piece of `{name[:80]}` that lies outside of it, or twice"
                )
            data = file.bytes(place, count)
            for number, step in reversed(list(enumerate(chain))):
                data = data if skipped >> number & 1 else _undone(step, data, size, type_.width)
            target = tuple(slice(n, n + p) for n, p in zip(start, piece, strict=True))
            inside = tuple(slice(0, m - n) for n, m in zip(start, shape, strict=True))
            whole[target] = _array(data, type_, piece)[inside]
        if left:
            raise DamagedError(f"lacks {left} pieces of `{name[:80]}`")
        return whole

    return Tensor(name, shape, type_.name, read)


def _filters(data: bytes) -> list[_Filter]:
    """A filter pipeline message."""
    cursor = Cursor(data)
    version, count = cursor.number(1), cursor.number(1)
    cursor.take(6 if version == 1 else 0)
    chain: list[_Filter] = []
    for _ in range(count):
        kind = cursor.number(2)
        named = cursor.number(2) if version == 1 or kind >= 256 else 0
        _, values = cursor.number(2), cursor.number(2)
        cursor.padded(named, 8 if version == 1 else 1)
        chain.append(_Filter(kind, tuple(cursor.number(4) for _ in range(values))))
        cursor.take(4 if version == 1 and values % 2 else 0)
        if kind not in (DEFLATE, SHUFFLE, CHECKSUM):
            raise DamagedError(f"is compressed by a method that isn't read here (filter {kind})")
    return chain


def _undone(step: _Filter, data: bytes, size: int, width: int) -> bytes:
    """What a piece was before a step; `size` is that of the whole piece."""
    if step.kind == CHECKSUM:
        return data[:-4]
    if step.kind == SHUFFLE:
        return np.frombuffer(data, np.uint8).reshape(width, -1).T.tobytes()
    unpacker = zlib.decompressobj()
    found = unpacker.decompress(data, size + 4)  # a checksum may be inside
    if unpacker.unconsumed_tail:
        raise DamagedError("has a compressed piece that is larger than it says")
    return found
