"""PyTorch's files since 1.6 (.pt, .pth, .th, .bin), TorchScript's among them.

A zip archive with one folder, in it a pickle `data.pkl` that describes tensors, and the storages
`data/0`, `data/1`, … that they are windows into.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cnndsl.weights.formats.archive import Member, members
from cnndsl.weights.formats.elements import ByteOrder
from cnndsl.weights.formats.pickled import LARGEST_PICKLE
from cnndsl.weights.formats.state import flattened
from cnndsl.weights.formats.torch_state import Window, as_tensors, read_state
from cnndsl.weights.tensors import DamagedError, TensorFile

TABLE = "data.pkl"
LARGEST_PACKED_TABLE = 1 << 19  # bytes, of one that is compressed, which PyTorch's never is


def open_file(path: Path) -> TensorFile:
    """Read the table, and check every tensor's window. Raises DamagedError."""
    archive = members(path)
    folder = _folder(archive)
    order = _byte_order(archive, folder)
    table = archive[folder + TABLE]
    if table.size > (LARGEST_PACKED_TABLE if table.compressed else LARGEST_PICKLE):
        raise DamagedError(f"has a table of tensors of {table.size:,} bytes: that can't be meant")
    windows, notes = flattened(read_state(table.read())[0], Window)
    prefix = f"{folder}data/"
    records = {n.removeprefix(prefix): m for n, m in archive.items() if n.startswith(prefix)}
    tensors = as_tensors(windows, records, order, path.stat().st_size)
    return TensorFile(path, "PyTorch", tensors, notes=notes)


def _folder(archive: Mapping[str, Member]) -> str:
    """The archive's one folder, with its slash."""
    found = [name for name in archive if name.endswith(f"/{TABLE}") and name.count("/") == 1]
    if len(found) != 1:
        raise DamagedError(f"has {len(found)} tables of tensors; PyTorch writes one")
    return found[0].removesuffix(TABLE)


def _byte_order(archive: Mapping[str, Member], folder: str) -> ByteOrder:
    member = archive.get(f"{folder}byteorder")
    word = b"little" if member is None else member.read(0, min(member.size, 10))
    if word not in (b"little", b"big"):
        raise DamagedError("has an order of bytes that is neither little nor big")
    return "<" if word == b"little" else ">"
