"""Writing files so that nobody ever sees half of one, and reading none that never ends."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO


@contextmanager
def replaced(path: Path) -> Generator[BinaryIO]:
    """A binary file that takes `path`'s place when it is complete, and leaves no trace otherwise.

    It is written beside its place, since renaming is atomic within one file system alone. A link
    stays one, and a file that was there hands on who may read and write it. Raises OSError as the
    file system does, and for what is there but no file: a device would cease to exist.
    """
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "is no ordinary file, so it can't be replaced", str(path))
    path = resolved(path)
    temporary = path.with_name(f".{path.name[:100]}.{token_hex(4)}")
    try:
        with temporary.open("xb", buffering=1 << 20) as file:
            yield file
        if path.exists():
            temporary.chmod(path.stat().st_mode & 0o777)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


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
