"""PyTorch's files written by hand, an instruction of the pickle at a time, without torch."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
"""How a file of PyTorch's before 1.6 begins."""


def text(value: str) -> bytes:
    data = value.encode()
    return b"X" + len(data).to_bytes(4, "little") + data


def number(value: int) -> bytes:
    return b"J" + value.to_bytes(4, "little", signed=True)


def numbers(*values: int) -> bytes:
    return b"(" + b"".join(map(number, values)) + b"t"


def storage(key: str = "0", count: int = 6, kind: str = "FloatStorage", more: bytes = b"") -> bytes:
    """A reference to a storage; the old form has `more` behind."""
    start = b"(" + text("storage") + b"ctorch\n" + kind.encode() + b"\n"
    return start + text(key) + text("cpu") + number(count) + more + b"tQ"


def tensor(
    place: bytes,
    shape: tuple[int, ...] = (2, 3),
    steps: tuple[int, ...] = (3, 1),
    offset: int = 0,
) -> bytes:
    """A tensor in a storage, as PyTorch describes one."""
    rest = number(offset) + numbers(*shape) + numbers(*steps) + b"\x89N"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + place + rest + b"tR"


def dictionary(**values: bytes) -> bytes:
    return b"}(" + b"".join(text(key) + value for key, value in values.items()) + b"u"


def program(value: bytes) -> bytes:
    return b"\x80\x02" + value + b"."


def write_zip(
    path: Path,
    table: bytes,
    storages: dict[str, bytes] | None = None,
    *,
    compression: int = zipfile.ZIP_STORED,
    **others: bytes,
) -> Path:
    """An archive with a table of tensors, and storages: 0 to 5 as float32 unless given."""
    contents = {"data.pkl": table, **others}
    given = {"0": np.arange(6, dtype="<f4").tobytes()} if storages is None else storages
    contents |= {f"data/{key}": data for key, data in given.items()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in contents.items():
            archive.writestr(f"archive/{name}", data)
    return path


def write_stream(path: Path, table: bytes, keys: bytes, storages: bytes) -> Path:
    """A file as PyTorch wrote it before 1.6."""
    machine = dictionary(little_endian=b"\x88")
    path.write_bytes(
        MAGIC + program(b"M\xe9\x03") + program(machine) + table + program(keys) + storages
    )
    return path
