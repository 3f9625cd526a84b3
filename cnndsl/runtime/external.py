"""Is it an ONNX model at all, and do its weights lie where they may?

A model can name other files that hold its weights. ONNX Runtime before 1.24 reads whatever file is
named, so a model from somewhere else could show what lies anywhere on the disk; cnndsl looks first.
The file is walked as protobuf's wire format, of which only the tags and lengths are read: a model
of gigabytes takes milliseconds and no memory.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

from cnndsl.diagnostics import UsageError

Buffer = bytes | mmap.mmap
Field = tuple[int, int, int]
"""Field number, and where its content begins and ends."""

MOST_NESTED = 64
MOST_FIELDS = 10_000_000  # a net of 10,000 layers has under a million

# Which fields of onnx.proto's messages lead to a tensor, by number.
_CHILDREN: dict[str, dict[int, str]] = {
    "Model": {7: "Graph", 20: "Training", 25: "Function"},
    "Training": {1: "Graph", 2: "Graph"},
    "Function": {7: "Node", 11: "Attribute"},
    "Graph": {1: "Node", 5: "Tensor", 15: "Sparse"},
    "Sparse": {1: "Tensor", 2: "Tensor"},
    "Node": {5: "Attribute"},
    "Attribute": {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "Sparse", 23: "Sparse"},
    "Tensor": {13: "Entry"},
}
_MODEL_GRAPH, _ENTRY_KEY, _ENTRY_VALUE = 7, 1, 2
_VARINT, _EIGHT_BYTES, _LENGTH_DELIMITED, _FOUR_BYTES = 0, 1, 2, 5


class _Damaged(Exception):
    """The bytes are no protobuf message."""


def check_model(model: Path | bytes) -> None:
    """Raise UsageError unless it is an ONNX model whose weights lie in its folder or below it.

    A model in memory has no folder, so its weights must be inside it.
    """
    name = f"`{model}`" if isinstance(model, Path) else "the model"
    try:
        locations = external_locations(model)
    except (_Damaged, UnicodeDecodeError):
        raise UsageError(f"{name} is no ONNX model, or a damaged one") from None
    for location in sorted(locations):
        if not isinstance(model, Path):
            raise UsageError(f"{name} keeps its weights in a file `{location}`: give its path")
        if not _stays_inside(location, model):
            raise UsageError(
                f"{name} wants to read `{location}`, which lies outside its folder; "
                f"a model's weights belong beside it"
            )
        if not (model.parent / location).is_file():
            raise UsageError(f"{name} keeps its weights in `{location}`, which isn't beside it")


def external_locations(model: Path | bytes) -> set[str]:
    """The files that a model names for its weights, as it writes them."""
    if isinstance(model, bytes):
        return _locations(model)
    try:
        with model.open("rb") as file:
            if not model.stat().st_size:
                raise _Damaged
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as buffer:
                return _locations(buffer)
    except OSError as e:
        raise UsageError(f"`{model}` can't be read: {e.strerror or e}") from None


def _stays_inside(location: str, model: Path) -> bool:
    """Whether a location, and what it links to, is the model's folder's.

    A model that is itself a link, as in a download cache, may have its weights beside its target.
    """
    if "\\" in location or "\0" in location or PureWindowsPath(location).drive:
        return False
    target = (model.parent / location).resolve()
    folders = (model.parent.resolve(), model.resolve().parent)
    return not PurePosixPath(location).is_absolute() and any(map(target.is_relative_to, folders))


def _locations(buffer: Buffer) -> set[str]:
    found: set[str] = set()
    if not any(number == _MODEL_GRAPH for number, _, _ in _fields(buffer, 0, len(buffer))):
        raise _Damaged
    todo, count = [("Model", 0, len(buffer), 0)], 0
    while todo:
        kind, begin, end, depth = todo.pop()
        if kind == "Entry":
            found |= _location(buffer, begin, end)
            continue
        children = _CHILDREN[kind]
        for number, start, stop in _fields(buffer, begin, end):
            count += 1
            if depth > MOST_NESTED or count > MOST_FIELDS:
                raise _Damaged
            if number in children:
                todo.append((children[number], start, stop, depth + 1))
    return found


def _location(buffer: Buffer, begin: int, end: int) -> set[str]:
    entry = {n: buffer[start:stop] for n, start, stop in _fields(buffer, begin, end)}
    if entry.get(_ENTRY_KEY) != b"location":
        return set()
    return {entry.get(_ENTRY_VALUE, b"").decode()}


def _fields(buffer: Buffer, position: int, end: int) -> Iterator[Field]:
    """The fields of a message that have a length; numbers are stepped over."""
    while position < end:
        tag, position = _varint(buffer, position, end)
        number, kind = tag >> 3, tag & 7
        length = 0
        if kind == _VARINT:
            _, position = _varint(buffer, position, end)
        elif kind == _LENGTH_DELIMITED:
            length, position = _varint(buffer, position, end)
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            length = 8 if kind == _EIGHT_BYTES else 4
        else:
            raise _Damaged
        if number == 0 or position + length > end:
            raise _Damaged
        if kind == _LENGTH_DELIMITED:
            yield number, position, position + length
        position += length


def _varint(buffer: Buffer, position: int, end: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= end:
            break
        byte = buffer[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise _Damaged
