"""Writing files so that nobody ever sees half of one."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO


@contextmanager
def replaced(path: Path) -> Generator[BinaryIO]:
    """A binary file that takes `path`'s place when it is complete, and leaves no trace otherwise.

    It is written beside its place, since renaming is atomic within one file system alone.
    """
    temporary = path.with_name(f".{path.name}.{token_hex(4)}")
    try:
        with temporary.open("xb", buffering=1 << 20) as file:
            yield file
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
