"""What files hold, as digests; those of large data sets are remembered.

A data set is recognised by its pictures' bytes, so that one which was swapped or turned is noticed
even where its size stays the same. Reading all of them takes as long as the disk does, so in the
user's cache there is a file of digests for each folder of pictures: of each picture, by its name,
size and times, as the system last saw it. A changed picture has another time, and is read again.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from time import time_ns
from typing import Any

import numpy as np
import numpy.typing as npt

from cnndsl.files import replaced
from cnndsl.resources import cache_folder
from cnndsl.runtime.session import available_cores

Digests = npt.NDArray[np.uint8]
"""N×16."""

REMEMBERED = 1 << 26
"""From so many bytes on it pays to remember digests."""
MOST_FOLDERS = 64
"""So many folders are remembered; of more those that weren't used for the longest time go."""
MOST_BYTES = 1 << 28
SETTLED = 2_000_000_000
"""Nanoseconds after a change in which a file may change again without another time."""

_WIDTH = 16
_HEAD = b"cnndsl contents 1\n"
_UNREADABLE = bytes(_WIDTH)


def contents(paths: Sequence[Path], root: Path) -> Digests:
    """Each file's digest, 0 where it can't be read; `root` is the folder that is remembered."""
    stamps, sizes, settled = _stamps(paths, root)
    memory = _memory(root) if int(sizes.sum()) >= REMEMBERED else None
    known, digests = _read(memory)
    places = np.minimum(np.searchsorted(known, stamps), max(len(known) - 1, 0))
    missing = known[places] != stamps if len(known) else np.ones(len(stamps), np.bool_)
    found = np.zeros((len(paths), _WIDTH), np.uint8)
    found[~missing] = digests[places[~missing]]
    unknown = np.flatnonzero(missing).tolist()
    with ThreadPoolExecutor(available_cores()) as pool:
        read = pool.map(_digest, [paths[number] for number in unknown])
        for number, digest in zip(unknown, read, strict=True):
            found[number] = np.frombuffer(digest, np.uint8)
    if memory is not None:
        keep = settled & found.any(axis=1)
        _write(memory, stamps[keep], found[keep], bool(unknown) or len(known) != keep.sum())
    return found


def _stamps(
    paths: Sequence[Path], root: Path
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """A number for each file's name, size and times; its size, and whether it has stayed so.

    The time of the last change of its entry counts too: a file that is moved to another's place
    keeps the time of its content.
    """
    now, start = time_ns(), len(str(root))
    stamps, sizes, settled = [0] * len(paths), [0] * len(paths), [False] * len(paths)
    for number, path in enumerate(paths):
        name = str(path)
        with suppress(OSError):
            status = path.stat()
            times = (status.st_mtime_ns, status.st_ctime_ns)
            text = f"{name[start:]}\0{status.st_size}\0{times[0]}\0{times[1]}"
            digest = blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).digest()
            stamps[number] = int.from_bytes(digest, "little")
            sizes[number], settled[number] = status.st_size, now - max(times) > SETTLED
    return (
        np.array(stamps, np.uint64),
        np.array(sizes, np.int64),
        np.array(settled, np.bool_),
    )


def _digest(path: Path) -> bytes:
    try:
        return blake2b(path.read_bytes(), digest_size=_WIDTH).digest()
    except OSError:
        return _UNREADABLE


def _memory(root: Path) -> Path | None:
    """Where the digests of a folder are kept; None where there is no place for them."""
    try:
        name = blake2b(os.fsencode(root.resolve()), digest_size=16).hexdigest()
        return cache_folder() / "contents" / f"{name}.bin"
    except (OSError, RuntimeError):  # no home, or links in a circle
        return None


def _read(memory: Path | None) -> tuple[npt.NDArray[np.uint64], Digests]:
    """Stamps in order and digests; none where the file is missing or damaged."""
    data = b""
    if memory is not None:
        with suppress(OSError):
            if memory.stat().st_size <= MOST_BYTES:
                data = memory.read_bytes()
    count, rest = divmod(len(data) - len(_HEAD), 8 + _WIDTH)
    if not data.startswith(_HEAD) or rest:
        return np.zeros(0, np.uint64), np.zeros((0, _WIDTH), np.uint8)
    stamps: Any = np.frombuffer(data, "<u8", count, len(_HEAD))
    digests = np.frombuffer(data, np.uint8, offset=len(_HEAD) + 8 * count)
    return stamps.astype(np.uint64), digests.reshape(count, _WIDTH)


def _write(
    memory: Path, stamps: npt.NDArray[np.uint64], digests: Digests, has_changed: bool
) -> None:
    """Keep them, if that is possible; what is remembered longest and unused goes."""
    with suppress(OSError):
        if not has_changed:
            os.utime(memory)
            return
        memory.parent.mkdir(parents=True, exist_ok=True)
        sorted_ = np.argsort(stamps)
        with replaced(memory) as file:
            file.write(_HEAD)
            file.write(stamps[sorted_].astype("<u8").tobytes())
            file.write(digests[sorted_].tobytes())
        others = sorted(memory.parent.glob("*.bin"), key=lambda path: path.stat().st_mtime_ns)
        for path in others[:-MOST_FOLDERS]:
            path.unlink(missing_ok=True)
