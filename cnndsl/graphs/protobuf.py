"""The wire format of protobuf, in which ONNX models are written: tags, lengths, numbers.

A message is walked without being built, so that a model of gigabytes takes milliseconds and no
memory, and one that lies takes no more.
"""

from __future__ import annotations

import mmap
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

Buffer = bytes | mmap.mmap

VARINT, EIGHT_BYTES, LENGTH_DELIMITED, FOUR_BYTES = 0, 1, 2, 5


class MessageError(Exception):
    """The bytes are no protobuf message."""


class Field(NamedTuple):
    """A field's number, its kind of content, and where the content begins and ends."""

    number: int
    kind: int
    begin: int
    end: int


@contextmanager
def opened(path: Path) -> Generator[Buffer]:
    """A file's bytes without reading them. Raises MessageError for an empty file, and OSError."""
    with path.open("rb") as file:
        if not path.stat().st_size:
            raise MessageError
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as buffer:
            yield buffer


def fields(buffer: Buffer, position: int, end: int) -> Iterator[Field]:
    """The fields of the message between two places. Raises MessageError."""
    while position < end:
        tag, position = varint(buffer, position, end)
        number, kind = tag >> 3, tag & 7
        begin = position
        if kind == VARINT:
            _, position = varint(buffer, position, end)
        elif kind == LENGTH_DELIMITED:
            length, begin = varint(buffer, position, end)
            position = begin + length
        elif kind in (EIGHT_BYTES, FOUR_BYTES):
            position += 8 if kind == EIGHT_BYTES else 4
        else:
            raise MessageError
        if number == 0 or position > end:
            raise MessageError
        yield Field(number, kind, begin, position)


def varint(buffer: Buffer, position: int, end: int) -> tuple[int, int]:
    """A number of up to ten bytes, and where it ends. Raises MessageError."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= end:
            break
        byte = buffer[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise MessageError
