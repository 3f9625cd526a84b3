"""HDF5 files: their tree of groups and data sets, and the texts that are attributes of these.

After the HDF5 File Format Specification, version 3.0. The HDF5 library isn't used, because it
crashes, hangs or takes gigabytes over damaged files (docs/decisions/0019). What h5py writes by
default is understood. What can lead out of the file is refused: links other than plain ones,
external storage, virtual data sets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

from cnndsl.weights.formats.hdf5_bytes import (
    ATTRIBUTE,
    LINK,
    LINK_INFO,
    SYMBOL_TABLE,
    Bytes,
    Message,
    kept_elsewhere,
    messages,
    tree_leaves,
)
from cnndsl.weights.formats.hdf5_types import NOWHERE, Cursor, read_shape, read_type
from cnndsl.weights.tensors import DamagedError

SIGNATURE = b"\x89HDF\r\n\x1a\n"

MOST_OBJECTS = 1 << 16  # groups and data sets, counted by the ways that lead to them
ALWAYS_OBJECTS, BYTES_AN_OBJECT = 1 << 9, 1 << 6
"""Or fewer: 512, and one for every 64 bytes of the file, of which each takes more."""

_LINKS = "has a link to another place or file in the place of a group, which isn't followed"


class File(Bytes):
    """An HDF5 file: `read(begin, end)` gives bytes of it, and `size` is how many it has."""

    def __init__(self, read: Callable[[int, int], bytes], size: int) -> None:
        super().__init__(read, size)
        self._objects = min(MOST_OBJECTS, ALWAYS_OBJECTS + size // BYTES_AN_OBJECT)
        self._heaps: dict[int, dict[int, bytes]] = {}
        self._nodes: dict[int, Node] = {}

    def root(self) -> Node:
        """The group that everything is in."""
        head = self.cursor(0, min(self.size, 96))
        head.expect(SIGNATURE, "the mark of an HDF5 file")
        version = head.number(1)
        if version > 3:
            raise DamagedError(f"is an HDF5 file of a version that isn't known ({version})")
        head.take(4 if version < 2 else 0)
        widths = head.number(1), head.number(1)
        head.take((9, 13, 1, 1)[version])
        base, _, end = (head.address() for _ in range(3))
        if widths != (8, 8) or base != 0:
            raise DamagedError("is an HDF5 file with unusual addresses, which isn't read here")
        if end > self.size:
            raise DamagedError(f"is cut off: of {end:,} bytes it has {self.size:,}")
        if version < 2:
            if head.address() != NOWHERE:
                raise DamagedError(
                    "is one of several files that belong together, which aren't read"
                )
            head.address()
        return self.node(head.address())

    def node(self, address: int) -> Node:
        """The group or data set at an address."""
        self._objects -= 1
        if self._objects < 0:
            raise DamagedError(
                "has too many groups and data sets for its size, or the same ones often"
            )
        if address not in self._nodes:
            self._nodes[address] = Node(self, messages(self, address))
        return self._nodes[address]

    def long_text(self, heap: int, index: int, length: int) -> bytes:
        """A text that is kept in a heap of many."""
        self.charge(length)
        if heap not in self._heaps:
            head = self.cursor(heap, 16)
            head.expect(b"GCOL", "a heap of texts")
            head.take(4)
            self._heaps[heap] = dict(_heap_entries(self.cursor(heap + 16, head.address() - 16)))
        return self._heaps[heap][index][:length]


class Node:
    """A group or a data set, as its messages describe it."""

    def __init__(self, file: File, said: list[Message]) -> None:
        self.file, self._messages = file, said

    def message(self, wanted: int) -> bytes | None:
        """The first message of a kind."""
        return next((data for kind, data in self._messages if kind == wanted), None)

    def member(self, name: str) -> Node | None:
        """The group or data set of that name."""
        address = self.members.get(name)
        return None if address is None else self.file.node(address)

    @property
    def is_group(self) -> bool:
        """Whether it has members, or could have some."""
        return any(kind in (SYMBOL_TABLE, LINK_INFO) for kind, _ in self._messages)

    @cached_property
    def members(self) -> dict[str, int]:
        """Addresses by name, in the order of the file's own list."""
        info, table = self.message(LINK_INFO), self.message(SYMBOL_TABLE)
        if info is not None and kept_elsewhere(info, 8):
            raise DamagedError("lists its groups in a way that isn't read here")
        links = dict(_link(data) for kind, data in self._messages if kind == LINK)
        if table is not None:
            cursor = Cursor(table)
            tree, heap = cursor.address(), cursor.address()
            links.update(_Names(self.file, heap).links(tree))
        return links

    @cached_property
    def texts(self) -> dict[str, list[str]]:
        """The attributes that are texts, each a list; one text is a list of one."""
        found = [_attribute(self.file, d) for kind, d in self._messages if kind == ATTRIBUTE]
        return {name: values for name, values in found if values is not None}


class _Names:
    """The list of a group's members: a tree whose leaves point into a heap of names."""

    def __init__(self, file: File, heap: int) -> None:
        head = file.cursor(heap, 32)
        head.expect(b"HEAP", "a list of names")
        head.take(4)
        size, _, place = (head.address() for _ in range(3))
        self.file, self.names = file, file.cursor(place, size).data

    def links(self, tree: int) -> Iterator[tuple[str, int]]:
        """Name and address of each member."""
        for leaf in tree_leaves(self.file, tree, kind=0, key_size=8):
            head = self.file.cursor(leaf[1], 8)
            head.expect(b"SNOD", "a part of a list of names")
            head.take(2)
            entries = self.file.cursor(leaf[1] + 8, 40 * head.number(2))
            while entries.left():
                name, address, cached, _ = (entries.number(n) for n in (8, 8, 4, 20))
                if cached == 2:
                    raise DamagedError(_LINKS)
                text = self.names[name : self.names.find(b"\0", name)]
                self.file.charge(len(text))
                yield _text(text), address


def _link(data: bytes) -> tuple[str, int]:
    """A link message."""
    cursor = Cursor(data)
    cursor.take(1)
    flags = cursor.number(1)
    if flags & 8 and cursor.number(1):
        raise DamagedError(_LINKS)
    cursor.take((8 if flags & 4 else 0) + (1 if flags & 16 else 0))
    name = cursor.take(cursor.number(1 << (flags & 3)))
    return _text(name), cursor.address()


def _attribute(file: File, data: bytes) -> tuple[str, list[str] | None]:
    """An attribute message; None for what isn't made of texts."""
    cursor = Cursor(data)
    version, flags = cursor.number(1), cursor.number(1)
    if version not in (1, 2, 3):
        raise DamagedError(f"has attributes of a version that isn't known ({version})")
    sizes = [cursor.number(2) for _ in range(3)]
    cursor.take(1 if version == 3 else 0)
    name, type_, space = (cursor.padded(n, 8 if version == 1 else 1) for n in sizes)
    label = _text(name.split(b"\0", 1)[0])
    if flags & 3 and version > 1:
        raise DamagedError("shares descriptions between its attributes, which isn't read here")
    element, shape = read_type(type_), read_shape(space)
    if element.kind not in ("text", "long text") or len(shape) > 1 or not element.width:
        return label, None
    values: list[str] = []
    for _ in range(shape[0] if shape else 1):
        if element.kind == "text":
            values.append(_text(cursor.take(element.width).split(b"\0", 1)[0]))
        else:
            length, heap, index = cursor.number(4), cursor.address(), cursor.number(4)
            values.append(_text(file.long_text(heap, index, length)) if length else "")
    return label, values


def _heap_entries(cursor: Cursor) -> Iterator[tuple[int, bytes]]:
    while cursor.left() >= 16:
        index, _, size = cursor.number(2), cursor.number(6), cursor.address()
        if not index:
            return
        yield index, cursor.padded(size)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
