"""One tensor of an ONNX model: the fields of onnx.proto's TensorProto, and where its numbers are.

They are raw bytes, or in a file beside the model, or in fields of protobuf's numbers. Reading the
latter takes up to ten times the bytes that they have in the file.
"""

from __future__ import annotations

from functools import partial
from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cnndsl.graphs.protobuf import Buffer, Field, fields, opened, varint
from cnndsl.graphs.safety import beside
from cnndsl.weights.formats.elements import checked_shape, from_bytes, in_file, unreadable, width
from cnndsl.weights.tensors import Array, DamagedError, Tensor

_TYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64",
    9: "bool", 10: "float16", 11: "float64", 12: "uint32", 13: "uint64", 16: "bfloat16",
}  # fmt: skip
_DIMS, _TYPE, _NAME, _RAW, _EXTERNAL, _LOCATION = 1, 2, 8, 9, 13, 14
_FLOATS = {"float32": 4, "float64": 10}
"""The fields of numbers that have a fixed width; the others take as many bytes as they need."""
_INTEGERS = {"int64": 7, "uint32": 11, "uint64": 11}
_SMALL_INTEGERS = 5  # the field of all other types
_IN_A_FILE = 1  # the value of data_location
_LONGEST_NUMBER = 10  # bytes


def read_tensor(
    path: Path, buffer: Buffer, message: Field, files: set[Path], name: str = ""
) -> Tensor:
    """The tensor that a message describes; `name` stands for its own.

    To `files` that one is added which its numbers lie in, where it isn't the model. Raises
    DamagedError, MessageError, and UsageError where they lie outside the model's folder.
    """
    parts: dict[int, list[Field]] = {}
    for field in fields(buffer, message.begin, message.end):
        parts.setdefault(field.number, []).append(field)
    if not name and _NAME in parts:
        last = parts[_NAME][-1]
        name = buffer[last.begin : last.end].decode("utf-8", "replace")
    dims = b"".join(buffer[f.begin : f.end] for f in parts.get(_DIMS, ()))
    shape = checked_shape(varints(dims).view(np.int64).tolist())
    type_ = _TYPES.get(_number(buffer, parts, _TYPE))
    if type_ is None:
        return unreadable(name, f"type {_number(buffer, parts, _TYPE)} of ONNX", shape)
    if _number(buffer, parts, _LOCATION) == _IN_A_FILE:
        words = _words(buffer, parts.get(_EXTERNAL, []))
        file = beside(path, words.get("location", ""))
        files.add(file)
        return _elsewhere(file, words, name, type_, shape)
    if _RAW in parts:
        raw = parts[_RAW][-1]
        if raw.end - raw.begin != prod(shape) * width(type_):
            raise DamagedError(
                f"gives `{name}` {raw.end - raw.begin:,} bytes, which don't fit its shape"
            )
        return in_file(path, name, type_, shape, raw.begin)
    number = _FLOATS.get(type_) or _INTEGERS.get(type_, _SMALL_INTEGERS)
    return _in_fields(path, name, type_, shape, parts.get(number, []))


def _in_fields(
    path: Path, name: str, type_: str, shape: tuple[int, ...], parts: list[Field]
) -> Tensor:
    places = [(field.begin, field.end) for field in parts]
    least = width(type_) if type_ in _FLOATS else 1
    most = width(type_) if type_ in _FLOATS else _LONGEST_NUMBER
    size = sum(end - begin for begin, end in places)
    if not least * prod(shape) <= size <= most * prod(shape):
        raise DamagedError(f"gives `{name}` {size:,} bytes of numbers, which don't fit its shape")

    return Tensor(name, shape, type_, partial(_read_fields, path, places, type_, shape))


def _read_fields(
    path: Path, places: list[tuple[int, int]], type_: str, shape: tuple[int, ...]
) -> Array:
    with opened(path) as buffer:
        data = b"".join(buffer[begin:end] for begin, end in places)
    if type_ not in _FLOATS:
        data = varints(data).astype(f"<u{width(type_)}").tobytes()
    return from_bytes(bytearray(data), type_).reshape(shape)


def _elsewhere(
    file: Path, words: dict[str, str], name: str, type_: str, shape: tuple[int, ...]
) -> Tensor:
    """A tensor in a file beside the model."""
    begin = _count(words.get("offset", "0"))
    size = prod(shape) * width(type_)
    if begin + size > file.stat().st_size or _count(words.get("length", str(size))) != size:
        raise DamagedError(f"says that `{name}` is in `{file.name}`, where it doesn't fit")
    return in_file(file, name, type_, shape, begin)


def _words(buffer: Buffer, entries: list[Field]) -> dict[str, str]:
    """Texts by name, each an entry of a key and a value."""
    words: dict[str, str] = {}
    for entry in entries:
        texts = {
            f.number: buffer[f.begin : f.end].decode("utf-8", "replace")
            for f in fields(buffer, entry.begin, entry.end)
        }
        words[texts.get(1, "")] = texts.get(2, "")
    return words


def varints(data: bytes) -> npt.NDArray[np.uint64]:
    """Numbers of protobuf that follow one another; of negative ones the two's complement."""
    stored = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(stored < 0x80) + 1
    if len(stored) and (not len(ends) or ends[-1] != len(stored)):
        raise DamagedError("has a number that is cut off")
    begins = np.concatenate(([0], ends[:-1])).astype(np.intp)[: len(ends)]
    if (ends - begins).max(initial=0) > _LONGEST_NUMBER:
        raise DamagedError("has a number of more than ten bytes")
    values = np.zeros(len(ends), np.uint64)
    for place in range((ends - begins).max(initial=0)):
        longer = np.flatnonzero(ends - begins > place)
        piece = (stored[begins[longer] + place] & 0x7F).astype(np.uint64)
        values[longer] |= piece << np.uint64(7 * place)
    return values


def _number(buffer: Buffer, parts: dict[int, list[Field]], number: int) -> int:
    """The last value of a field of whole numbers; 0 where it is missing."""
    found = parts.get(number)
    return varint(buffer, found[-1].begin, found[-1].end)[0] if found else 0


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise DamagedError("says where a tensor is by something that is no number")
    return int(text)
