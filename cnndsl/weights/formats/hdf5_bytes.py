"""The bytes of an HDF5 file, read within bounds, and what all objects in it are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import islice

from cnndsl.weights.formats.hdf5_types import NOWHERE, Cursor
from cnndsl.weights.tensors import DamagedError

MOST_MESSAGES = 1 << 12  # of one object
RE_READ, ALWAYS_READ = 4, 1 << 16
"""Structures read may be four times the file together, and 64 KiB: some are read again."""
PAGE, PAGES = 1 << 14, 16
"""Structures are small and lie together: so many pages of so many bytes are kept."""
MOST_LEVELS = 16  # of a tree that lists a group's members, or a data set's pieces

SPACE, TYPE, LAYOUT, FILTERS = 0x01, 0x03, 0x08, 0x0B
LINK_INFO, LINK, EXTERNAL, ATTRIBUTE = 0x02, 0x06, 0x07, 0x0C
CONTINUATION, SYMBOL_TABLE, ATTRIBUTE_INFO = 0x10, 0x11, 0x15

Message = tuple[int, bytes]
"""A kind, and what it says."""


class Bytes:
    """`read(begin, end)` gives bytes of the file, whose size is `size`."""

    def __init__(self, read: Callable[[int, int], bytes], size: int) -> None:
        self._read, self.size = read, size
        self._allowed = RE_READ * size + ALWAYS_READ
        self._page = lru_cache(PAGES)(self._read_page)

    def check(self, begin: int, count: int) -> None:
        """Raise DamagedError where so many bytes from a place on would go beyond the end."""
        if begin + count > self.size:
            raise DamagedError("is cut off: something in it lies beyond its end")

    def bytes(self, begin: int, count: int) -> bytes:
        """Bytes of any kind."""
        self.check(begin, count)
        return self._read(begin, begin + count)

    def cursor(self, begin: int, count: int) -> Cursor:
        """The bytes of a structure."""
        self.charge(count)
        self.check(begin, count)
        first, last = begin // PAGE, (begin + count - 1) // PAGE
        if last - first > 1:
            return Cursor(self._read(begin, begin + count))
        pages = b"".join(self._page(number) for number in range(first, last + 1))
        return Cursor(pages[begin - first * PAGE : begin - first * PAGE + count])

    def _read_page(self, number: int) -> bytes:
        return self._read(number * PAGE, min((number + 1) * PAGE, self.size))

    def charge(self, count: int) -> None:
        """Count bytes that are read or copied. Raises DamagedError where they become too many."""
        self._allowed -= count
        if self._allowed < 0:
            raise DamagedError("leads to the same places again and again")


def messages(file: Bytes, address: int) -> list[Message]:
    """What the object at an address says. Raises DamagedError for more than MOST_MESSAGES."""
    new = file.cursor(address, 4).data == b"OHDR"
    found = _new_messages(file, address) if new else _old_messages(file, address)
    messages = list(islice(found, MOST_MESSAGES + 1))
    if len(messages) > MOST_MESSAGES:
        raise DamagedError("has a group or data set with too many attributes")
    if any(kind == EXTERNAL for kind, _ in messages):
        raise DamagedError("keeps values in other files, which aren't read")
    return messages


def _old_messages(file: Bytes, address: int) -> Iterator[Message]:
    head = file.cursor(address, 16)
    if head.number(1) != 1:
        raise DamagedError("is damaged: where a group or data set should be there is none")
    head.take(7)
    blocks = [(address + 16, head.number(4))]
    for begin, count in blocks:  # which grows meanwhile
        block = file.cursor(begin, count)
        while block.left() >= 8:
            kind, size, flags, _ = (block.number(n) for n in (2, 2, 1, 3))
            yield from _message(kind, flags, block.take(size), blocks)


def _new_messages(file: Bytes, address: int) -> Iterator[Message]:
    head = file.cursor(address, min(64, file.size - address))
    head.expect(b"OHDR\2", "a group or data set")
    flags = head.number(1)
    head.take((16 if flags & 32 else 0) + (4 if flags & 16 else 0))
    length, number = head.number(1 << (flags & 3)), 2 if flags & 4 else 0
    blocks = [(address + head.place, length + 4)]  # with a checksum
    for begin, count in blocks:
        block = file.cursor(begin, count)
        if begin != blocks[0][0]:
            block.expect(b"OCHK", "the rest of a group or data set")
        while block.left() >= 8 + number:
            kind, size, own, _ = (block.number(n) for n in (1, 2, 1, number))
            yield from _message(kind, own, block.take(size), blocks)


def tree_leaves(
    file: Bytes, address: int, kind: int, key_size: int, level: int | None = None
) -> Iterator[tuple[bytes, int]]:
    """Key and address of each thing that a tree lists, `kind` 0 for names and 1 for pieces."""
    head = file.cursor(address, 24)
    head.expect(b"TREE", "a list")
    found, depth, count = head.number(1), head.number(1), head.number(2)
    if found != kind or depth > MOST_LEVELS or (level is not None and depth != level - 1):
        raise DamagedError("is damaged: a list in it is none, or is in itself")
    entries = file.cursor(address + 24, count * (key_size + 8))
    for _ in range(count):
        key, child = entries.take(key_size), entries.address()
        if depth:
            yield from tree_leaves(file, child, kind, key_size, depth)
        else:
            yield key, child


def _message(
    kind: int, flags: int, data: bytes, blocks: list[tuple[int, int]]
) -> Iterator[Message]:
    """The message, unless it says where more of them are."""
    if kind == CONTINUATION:
        rest = Cursor(data)
        blocks.append((rest.address(), rest.address()))
    elif flags & 2 and kind in (SPACE, TYPE, LAYOUT, FILTERS, ATTRIBUTE):
        raise DamagedError("shares descriptions between its data sets, which isn't read here")
    elif kind == ATTRIBUTE_INFO and kept_elsewhere(data, 2):
        raise DamagedError("keeps attributes in a way that isn't read here")
    else:
        yield kind, data


def kept_elsewhere(data: bytes, count: int) -> bool:
    """Whether links or attributes stand in a heap, and not in messages; `count` is the width of
    the number that may stand before the heap's address.
    """
    cursor = Cursor(data)
    cursor.take(1)
    cursor.take(count if cursor.number(1) & 1 else 0)
    return cursor.address() != NOWHERE
