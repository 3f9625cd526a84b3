"""Watching what happens while a file is read that somebody else has chosen."""

from __future__ import annotations

import os
import sys
import tracemalloc
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import process_time

from cnndsl.diagnostics import UsageError
from cnndsl.weights.opening import open_tensors

MULTIPLE, BESIDE = 80, 64 << 20
"""The memory that opening may take: so many times the file's size, and so many bytes beside."""

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_FORBIDDEN = (
    "exec", "pickle.", "marshal.", "subprocess.", "socket.", "urllib.", "ctypes.", "code.",
    "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.remove", "os.rename",
    "os.mkdir", "os.link", "os.symlink", "os.chmod", "os.truncate", "shutil.", "tempfile.",
)  # fmt: skip

_watching: list[list[str]] = []


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if not _watching:
        return
    if event == "open":
        flags = arguments[2] if len(arguments) > 2 else 0
        if isinstance(flags, int) and flags & _WRITING:
            _watching[-1].append(f"open for writing: {arguments[0]}")
    elif event.startswith(_FORBIDDEN):
        _watching[-1].append(f"{event}: {arguments}")


sys.addaudithook(_hook)


@contextmanager
def watched() -> Generator[list[str]]:
    """What Python saw done that reading weights never does: code run, files written, …"""
    events: list[str] = []
    _watching.append(events)
    try:
        yield events
    finally:
        _watching.remove(events)


def opened_safely(path: Path, most_seconds: float = 5) -> bool:
    """Open a file and read all its tensors; whether it was a sound one.

    Fails where anything but a UsageError is raised, code is run, a file written, or more memory or
    time taken than is promised.
    """
    before = sorted(path.parent.iterdir())
    with suppress(UsageError):
        open_tensors(path)  # once unwatched: modules that are imported late run code, too
    sound, size = True, path.stat().st_size
    tracemalloc.start()
    try:
        with watched() as events:
            try:
                found = open_tensors(path)
                opening = tracemalloc.get_traced_memory()[1]
                for tensor in found.tensors.values():
                    tracemalloc.reset_peak()
                    held = tracemalloc.get_traced_memory()[0]
                    try:
                        values = tensor.read()
                    except UsageError as e:
                        _is_a_sentence(e)
                        sound = False
                        continue
                    assert values.shape == tensor.shape
                    reading = tracemalloc.get_traced_memory()[1] - held
                    assert reading <= 10 * values.nbytes + size + (1 << 20), "reading a tensor"
                    del values
            except UsageError as e:
                opening, sound = tracemalloc.get_traced_memory()[1], False
                _is_a_sentence(e)
    finally:
        tracemalloc.stop()
    assert not events, events
    assert sorted(path.parent.iterdir()) == before
    assert opening <= MULTIPLE * size + BESIDE, f"{opening:,} bytes for a file of {size:,}"
    start = process_time()  # once more, as tracing takes most of the time
    with suppress(UsageError):
        for tensor in open_tensors(path).tensors.values():
            with suppress(UsageError):
                tensor.read()
    assert process_time() - start < most_seconds
    return sound


def _is_a_sentence(error: UsageError) -> None:
    text = str(error)
    assert text.isprintable() and len(text) < 1000
