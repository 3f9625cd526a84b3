"""PyTorch's files before 1.6, which many published weights still are.

Pickles one behind the other: a magic number, a version, what the machine was, the table of tensors,
and the storages' keys; then, for each key, its count of elements and the elements.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, cast

from cnndsl.weights.formats.archive import whole_read
from cnndsl.weights.formats.elements import ByteOrder, width
from cnndsl.weights.formats.pickled import Entries
from cnndsl.weights.formats.state import flattened
from cnndsl.weights.formats.torch_state import Window, as_tensors, read_state
from cnndsl.weights.tensors import DamagedError, TensorFile

MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001


@dataclass(frozen=True, slots=True)
class _Region:
    """A part of a file."""

    path: Path
    begin: int
    size: int
    compressed: bool = False

    def read(self, begin: int = 0, end: int | None = None) -> bytearray:
        end = self.size if end is None else end
        with self.path.open("rb") as file:
            file.seek(self.begin + begin)
            data = whole_read(file, end - begin)
        if len(data) != end - begin:
            raise DamagedError("is cut off")
        return data


def open_file(path: Path) -> TensorFile:
    """Read the tables, and check every tensor's window. Raises DamagedError."""
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
        magic, position = read_state(data)
        version, position = read_state(data, position)
        machine, position = read_state(data, position)
        types: dict[str, str] = {}  # of all storages, those of tensors left aside too
        root, position = read_state(data, position, types)
        keys, position = read_state(data, position)
        if (magic, version) != (MAGIC, VERSION) or not isinstance(keys, list):
            raise DamagedError("is none of the forms that PyTorch wrote before 1.6")
        windows, notes = flattened(root, Window)
        records = _records(path, data, position, cast("list[Any]", keys), types)
    tensors = as_tensors(windows, records, _byte_order(machine), path.stat().st_size)
    return TensorFile(path, "PyTorch", tensors, notes=notes)


def _records(
    path: Path, data: mmap, position: int, keys: list[Any], types: Mapping[str, str]
) -> dict[str, _Region]:
    """Where each storage's elements are; they follow one another behind their counts."""
    records: dict[str, _Region] = {}
    for key in keys:
        if not isinstance(key, str) or key not in types:
            raise DamagedError("has a storage that its table doesn't refer to")
        size = int.from_bytes(data[position : position + 8], "little") * width(types[key])
        records[key] = _Region(path, position + 8, size)
        position += 8 + size
        if position > len(data):
            raise DamagedError(f"is cut off: the storage `{key[:40]}` lies beyond its end")
    return records


def _byte_order(machine: Any) -> ByteOrder:
    entries = machine if isinstance(machine, Entries) else ()
    return ">" if ("little_endian", False) in entries else "<"
