"""The parts that HDF5's structures are made of: numbers in a row, element types, sizes."""

from __future__ import annotations

from dataclasses import dataclass

from cnndsl.weights.formats.elements import ByteOrder, checked_shape
from cnndsl.weights.tensors import DamagedError

ADDRESS = 8  # bytes of an address or a length, as every writer of today has them
NOWHERE = (1 << 8 * ADDRESS) - 1

_FLOATS = {(8, 11): "float64", (4, 8): "float32", (2, 5): "float16", (2, 8): "bfloat16"}
"""Bytes, and bits of the exponent."""

_CLASSES = {
    2: "times", 4: "bit fields", 5: "opaque bytes", 6: "compounds", 7: "references",
    8: "enumerations", 9: "lists", 10: "arrays",
}  # fmt: skip


class Cursor:
    """Bytes taken one after another; raises DamagedError behind their end."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def take(self, count: int) -> bytes:
        """The next so many bytes."""
        end = self.place + count
        if end > len(self.data):
            raise DamagedError("is cut off, or has a part that is shorter than it says")
        start, self.place = self.place, end
        return self.data[start:end]

    def number(self, count: int) -> int:
        """The next so many bytes as a whole number."""
        return int.from_bytes(self.take(count), "little")

    def address(self) -> int:
        """A place in the file, or a length."""
        return self.number(ADDRESS)

    def padded(self, count: int, to: int = 8) -> bytes:
        """So many bytes, and what fills them up to a multiple of `to`."""
        return self.take(-(-count // to) * to)[:count]

    def expect(self, mark: bytes, what: str) -> None:
        """Take a structure's mark."""
        if self.take(len(mark)) != mark:
            raise DamagedError(f"is damaged: where {what} should be there is none")

    def left(self) -> int:
        """How many bytes weren't taken."""
        return len(self.data) - self.place


@dataclass(frozen=True, slots=True)
class Type:
    """An element: `kind` is "number", "text" (padded to its width), "long text" (kept elsewhere),
    or "other". `name` is numpy's for numbers, a word for others.
    """

    kind: str
    name: str
    width: int
    order: ByteOrder = "<"


def read_type(data: bytes) -> Type:
    """A datatype message."""
    cursor = Cursor(data)
    first, bits, width = cursor.number(1), cursor.number(3), cursor.number(4)
    class_, order = first & 15, ">" if bits & 1 else "<"
    if class_ == 0:
        offset, precision = cursor.number(2), cursor.number(2)
        if (offset, precision) == (0, 8 * width) and width in (1, 2, 4, 8):
            sign = "" if bits & 8 else "u"
            return Type("number", f"{sign}int{precision}", width, order)
    if class_ == 1:
        cursor.take(5)
        name = _FLOATS.get((width, cursor.number(1)))
        if name and not bits & 64:
            return Type("number", name, width, order)
    if class_ == 3:
        return Type("text", "text", width)
    if class_ == 5 and width == 2:
        return Type("number", "bfloat16", width)  # as Keras keeps it
    if class_ == 9 and bits & 15 == 1:
        return Type("long text", "text", width)
    return Type("other", _CLASSES.get(class_, "unusual numbers"), width)


def read_shape(data: bytes) -> tuple[int, ...]:
    """A dataspace message; of one number it is ()."""
    cursor = Cursor(data)
    version, rank, _ = cursor.number(1), cursor.number(1), cursor.number(1)
    if version == 1:
        cursor.take(5)
    elif version != 2:
        raise DamagedError(f"has sizes in a way that isn't known (version {version})")
    elif cursor.number(1) == 2:
        return (0,)  # it says that there is nothing
    return checked_shape([cursor.address() for _ in range(rank)])
