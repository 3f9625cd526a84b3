"""Writing files so that nobody ever sees half of one, and reading none that never ends."""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from tempfile import gettempdir
from typing import BinaryIO, TypeVar

T = TypeVar("T")

PREFIX = "cnndsl-"
"""What folders for temporary files are called."""

_LARGEST_REFERRING = 64 << 20  # bytes: what refers to data is small without it
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def replaced(path: Path) -> Generator[BinaryIO]:
    """A binary file that takes `path`'s place when it is complete, and leaves no trace otherwise.

    It is written beside its place, since renaming is atomic within one file system alone. A link
    stays one, and a file that was there hands on who may read and write it. Raises OSError with
    `path` as its file as the file system does, and for what is there but no file: a device would
    cease to exist.
    """
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "is no ordinary file, so it can't be replaced", str(path))
    if not path.parent.is_dir():
        reason = f"can't be written: there is no folder `{path.parent}`"
        raise FileNotFoundError(errno.ENOENT, reason, str(path))
    true = resolved(path)
    temporary = _beside(true)
    with blamed_on(path, temporary):
        try:
            with temporary.open("xb", buffering=1 << 20) as file:
                yield file
            if true.exists():
                temporary.chmod(true.stat().st_mode & 0o777)
            temporary.replace(true)
        finally:
            temporary.unlink(missing_ok=True)


def replaced_together(
    path: Path, write: Callable[[BinaryIO], T], refer: Callable[[str, T], bytes]
) -> Path:
    """Write a file and the data beside it that it refers to, so that a crash at any moment leaves
    the old file with its own data or the new one with its own; return where the data lies.

    The data goes to `path` and `.data`. `write` writes it; `refer` gives the bytes of a file that
    refers to data of the given name, from what `write` returned. Two files can't be renamed at
    once, so where there is data of that name the new file refers to another one at first. Raises
    OSError.
    """
    path = resolved(path) if path.is_symlink() else path  # its data lies beside the true one
    data = path.with_name(f"{path.name}.data")
    outdated = _other_data(path, data)
    first = data.with_name(f"{data.name}.{token_hex(4)}") if data.exists() else data
    try:
        with replaced(first) as file:
            written = write(file)
        with replaced(path) as file:
            file.write(refer(first.name, written))
    except Exception:
        first.unlink(missing_ok=True)
        raise
    if first != data:
        try:  # a hard link would be quicker, but onnx refuses data that has two names
            data.unlink()
            with first.open("rb") as source, replaced(data) as file:
                shutil.copyfileobj(source, file, 1 << 20)
            with replaced(path) as file:
                file.write(refer(data.name, written))
            outdated.append(first)
        except OSError:  # where there is no room for a copy, the other name stays
            data.unlink(missing_ok=True)
            data = first
    for file in outdated:
        file.unlink(missing_ok=True)
    return data


def _other_data(path: Path, data: Path) -> list[Path]:
    """Data under another name than the usual one, that the file refers to until it is replaced."""
    pattern = re.escape(f"{data.name}.".encode()) + rb"[0-9a-f]{8}"
    if not path.is_file() or path.stat().st_size > _LARGEST_REFERRING:
        return []
    return [data.with_name(name.decode()) for name in set(re.findall(pattern, path.read_bytes()))]


@contextmanager
def blamed_on(path: Path, temporary: Path | None = None) -> Generator[None]:
    """Let errors of the file system name `path`, instead of no file, or the temporary one that will
    take its place.
    """
    try:
        yield
    except OSError as e:
        unnamed = e.filename is None and e.errno in _FULL
        if unnamed or (temporary and e.filename and Path(e.filename) == temporary):
            raise OSError(e.errno, e.strerror, str(path)) from None
        raise


def described(error: OSError) -> str:
    """What the file system refused, and what to do where the disk is full."""
    name = error.filename2 or error.filename  # of a copy, where it goes
    if name is None:
        return error.strerror or str(error)
    if error.errno not in _FULL:
        return f"`{name}`: {error.strerror}"
    temporary = re.match(re.escape(gettempdir()) + r"\W" + PREFIX, str(name))
    if temporary:
        way = "name another folder by TMPDIR"
        return f"`{gettempdir()}` has no room for temporary files: {error.strerror}; {way}"
    return (
        f"`{name}` can't be written: {error.strerror}; make room on the disk, or write to another"
    )


def _beside(path: Path) -> Path:
    """A name for what will take the path's place."""
    return path.with_name(f".{path.name[:100]}.{token_hex(4)}")


def resolved(path: Path) -> Path:
    """Return where a path leads to. Raise OSError for links that lead in a circle."""
    try:
        return path.resolve()
    except RuntimeError:  # what Python before 3.13 raises
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path)) from None


def check_ordinary(path: Path) -> None:
    """Raise OSError for what is no ordinary file: a pipe may be silent, a device without end.

    A link to one is what it leads to.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        kind = errno.EISDIR if path.is_dir() else errno.EINVAL
        raise OSError(kind, "it is no ordinary file", str(path))


def read_bounded(path: Path, most: int, kind: str = "such a file") -> bytes:
    """Read a whole ordinary file of at most so many bytes. Raises OSError for any other; `kind` is
    what its reason calls the file.
    """
    check_ordinary(path)
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"it is larger than {kind} may be ({most:,} bytes)")
    return data


def unpacked_limit(packed: int) -> int:
    """How many bytes a packed file may hold: a hundred times its size, or 256 MiB.

    Pictures pack two- to tenfold, but zeros a thousandfold.
    """
    return max(256 << 20, 100 * packed)
