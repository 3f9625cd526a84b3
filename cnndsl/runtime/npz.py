"""NumPy's .npz: arrays by name in a zip archive, read without pickle and within bounds."""

from __future__ import annotations

import sys
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO, cast

import numpy as np

from cnndsl.diagnostics import UsageError
from cnndsl.files import check_ordinary, unpacked_limit
from cnndsl.runtime.session import Array

MOST_OF_A_REASON = 200


class Archive:
    """The arrays in an .npz by name; each is looked at before it is unpacked."""

    def __init__(self, path: Path):
        self.path = path

    def __enter__(self) -> Archive:
        try:
            check_ordinary(self.path)
            self.left = unpacked_limit(self.path.stat().st_size)
            self.zip = zipfile.ZipFile(self.path)
        except FileNotFoundError:
            raise UsageError(f"there is no file `{self.path}`") from None
        except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError) as e:
            raise self.unreadable(e) from None
        entries = (e for e in self.zip.infolist() if e.filename.endswith(".npy"))
        self.names: Mapping[str, zipfile.ZipInfo] = {e.filename[:-4]: e for e in entries}
        return self

    def __exit__(self, *_: object) -> None:
        self.zip.close()

    def read(self, name: str) -> Array:
        """An array whose header agrees with its size in the archive. Raises UsageError."""
        entry = self.names[name]
        if entry.file_size > self.left:
            raise UsageError(
                f"`{self.path}` unpacks to far more than such a file can be meant to hold"
            )
        self.left -= entry.file_size
        try:
            with self.zip.open(entry) as file:
                stream = cast("BinaryIO", file)
                _check_header(stream, entry.file_size)
                stream.seek(0)
                return _of_characters(np.lib.format.read_array(stream, allow_pickle=False))
        except MemoryError:
            raise UsageError(f"`{self.path}` doesn't fit into memory") from None
        except _DAMAGES as e:
            raise self.unreadable(e, name) from None

    def unreadable(self, error: Exception, name: str = "") -> UsageError:
        """What to say."""
        if isinstance(error, OSError) and error.strerror:
            return UsageError(f"`{self.path}` can't be read: {error.strerror}")
        what = (
            f"`{name}` in `{self.path}` is no sound array" if name else f"`{self.path}` is no npz"
        )
        reason = str(error)[:MOST_OF_A_REASON].strip(". ")  # some quote a name of 64 KiB
        return UsageError(f"{what}: {reason or type(error).__name__}")


_DAMAGES = (
    OSError, ValueError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, SyntaxError,
    TypeError, KeyError, OverflowError, TokenError,
)  # fmt: skip
"""What zipfile, and numpy's reader of headers, raise over damaged files."""


def _check_header(file: BinaryIO, size: int) -> None:
    """Raise ValueError unless an .npy file's header describes numbers of just its size."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0
    if version != (1, 0):
        read = np.lib.format.read_array_header_2_0
    header: Any = read(file)
    shape, _, kind = cast("tuple[tuple[int, ...], bool, np.dtype[Any]]", header)
    if kind.hasobject:
        raise ValueError("it holds Python objects, and only numbers are read")
    count = 1
    for length in shape:
        count *= length
    said = count * kind.itemsize
    if min(shape, default=0) < 0 or said != size - file.tell():
        raise ValueError(f"its header says {said:,} bytes, and {size - file.tell():,} follow")


def _of_characters(array: Array) -> Array:
    """Raise ValueError where a text holds numbers that are no characters: Python trusts them."""
    if array.dtype.kind == "U" and array.nbytes:
        numbers = np.dtype(np.uint32).newbyteorder(array.dtype.byteorder)
        if np.ascontiguousarray(array).reshape(-1).view(numbers).max() > sys.maxunicode:
            raise ValueError("it holds numbers that are no characters")
    return array
