"""Locks that the system takes back from a process that ends, however it ends.

On systems without them nothing is locked, and a search has one worker (decision 0048).
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import BinaryIO

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None


CAN_LOCK = fcntl is not None


class FileLock:
    """A file that one holder at a time has; others wait, in this process too."""

    def __init__(self, path: Path):
        self.path = path
        self._file: BinaryIO | None = None

    def acquire(self) -> bool:
        """Wait until it is free, and take it. Raises OSError."""
        self._file = self.path.open("ab")
        if fcntl:
            fcntl.flock(self._file, fcntl.LOCK_EX)
        return True

    def release(self) -> None:
        """Give it back."""
        if self._file:
            self._file.close()
            self._file = None

    def __enter__(self) -> FileLock:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    @property
    def is_held(self) -> bool:
        """Whether anybody has it at this moment."""
        if fcntl is None or not self.path.is_file():
            return False
        with self.path.open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return True
        return False
