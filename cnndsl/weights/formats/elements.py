"""Elements of tensors: their names, their widths, and how bytes become arrays."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from cnndsl.weights.tensors import Array, DamagedError, Tensor

MOST_DIMENSIONS = 32  # numpy's limit before version 2

ByteOrder = Literal["<", ">"]

_FLOATS = ("float64", "float32", "float16", "bfloat16")
_INTEGERS = tuple(f"{sign}int{bits}" for sign in ("", "u") for bits in (64, 32, 16, 8))
TYPES = (*_FLOATS, *_INTEGERS, "bool")
"""The types that can be read; files of all formats use these names once they are open."""


def width(type_: str) -> int:
    """Bytes an element of one of TYPES."""
    return _stored(type_, "<").itemsize


def checked_shape(shape: object) -> tuple[int, ...]:
    """A shape out of a file. Raises DamagedError unless it is one that an array can have."""
    sizes = cast("Sequence[object]", shape) if isinstance(shape, list | tuple) else None
    if sizes is None or len(sizes) > MOST_DIMENSIONS:
        raise DamagedError(f"has a tensor whose shape is no list of up to {MOST_DIMENSIONS} sizes")
    if not all(type(size) is int and 0 <= size < 1 << 62 for size in sizes):
        raise DamagedError("has a tensor whose shape has a size that is no whole number from 0 on")
    found = cast("tuple[int, ...]", tuple(sizes))
    if prod(size for size in found if size) >= 1 << 62:
        raise DamagedError("has a tensor of a shape that no memory could hold")
    return found


def from_bytes(data: bytes | bytearray, type_: str, order: ByteOrder = "<") -> Array:
    """Elements of one of TYPES as a flat array of the machine's own order."""
    return _values(np.frombuffer(data, _stored(type_, order)), type_)


def in_file(
    path: Path, name: str, type_: str, shape: tuple[int, ...], begin: int, order: ByteOrder = "<"
) -> Tensor:
    """A tensor whose elements lie one after another from the byte `begin` on.

    The caller has checked that they end within the file.
    """
    return Tensor(name, shape, type_, partial(_read_file, path, type_, shape, begin, order))


def _read_file(
    path: Path, type_: str, shape: tuple[int, ...], begin: int, order: ByteOrder
) -> Array:
    with path.open("rb") as file:
        stored = np.fromfile(file, _stored(type_, order), prod(shape), offset=begin)
    return _values(stored, type_).reshape(shape)


def unreadable(name: str, type_: object, shape: tuple[int, ...]) -> Tensor:
    """A tensor of a type that is listed but can't be read."""
    word = str(type_)[:40]

    def read() -> Array:
        raise DamagedError(
            f"has its tensor `{name}` as {word}, which can't be read; known are {', '.join(TYPES)}"
        )

    return Tensor(name, shape, word, read)


def _values(stored: Array, type_: str) -> Array:
    if type_ == "bool":
        return stored != 0
    if type_ == "bfloat16":
        return (stored.astype(np.uint32) << 16).view(np.float32)
    return stored.astype(stored.dtype.newbyteorder("="), copy=False)


def _stored(type_: str, order: ByteOrder) -> np.dtype[Any]:
    return np.dtype({"bfloat16": "uint16", "bool": "uint8"}.get(type_, type_)).newbyteorder(order)
