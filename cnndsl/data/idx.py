"""The files of MNIST and its relatives: a short header with the sizes, then the numbers.

    0 0 type rank, then `rank` sizes of 4 bytes, big-endian, then the values; gzip around it or not

The format is described on the page of the MNIST database (LeCun, Cortes, Burges).
"""

from __future__ import annotations

import gzip
import math
import re
import zlib
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from cnndsl.data.arrays import Array, as_pictures, as_targets
from cnndsl.data.dataset import Arrays, Split
from cnndsl.diagnostics import UsageError
from cnndsl.files import check_ordinary, unpacked_limit

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MOST_RANK = 4
_GZIP = b"\x1f\x8b"

_NAME = re.compile(
    r"(?P<of>.*?)[-_.]?(?P<what>images|labels)[-_.]idx\d[-_.]\w{3,6}?(?:\.gz)?", re.IGNORECASE
)
_SPLITS = {"train": "train", "t10k": "test", "test": "test", "val": "val", "valid": "val"}
"""How a file's name begins, or ends before `images`, and which split it is."""


def read_idx(path: Path) -> Array:
    """The array in an idx file, packed by gzip or not. Raises UsageError.

    Nothing is read before the header's sizes are known to be those of the file, or possible.
    """
    try:
        check_ordinary(path)
        with path.open("rb") as file:
            packed = file.read(2) == _GZIP
            size = file.seek(0, 2)
            file.seek(0)
            if not packed:
                return _read(file, size, exactly=True)
            with gzip.GzipFile(fileobj=file) as unpacked:
                return _read(cast("BinaryIO", unpacked), unpacked_limit(size), exactly=False)
    except (ValueError, EOFError, zlib.error, gzip.BadGzipFile) as e:
        reason = str(e).strip(". ") or "it ends too soon"
        raise UsageError(f"`{path}` is no sound idx file: {reason}") from None
    except OSError as e:
        reason = e.strerror or str(e)
        raise UsageError(f"`{path}` can't be read: {reason}") from None
    except MemoryError:
        raise UsageError(f"`{path}` doesn't fit into memory") from None


def idx_files(folder: Path) -> dict[str, dict[str, Path]]:
    """The files of a folder that are named like idx files, by split and by images and labels."""
    found: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.iterdir()):
        match = _NAME.fullmatch(path.name)
        if match and path.is_file():
            split = _split(match["of"].lower())
            found.setdefault(split, {}).setdefault(match["what"].lower(), path)
    return found


def read_idx_folder(files: dict[str, dict[str, Path]]) -> dict[str, Split]:
    """The splits of a folder that holds idx files. Raises UsageError."""
    splits: dict[str, Split] = {}
    for split, pair in files.items():
        for what in ("images", "labels"):
            if what not in pair:
                other = next(iter(pair.values()))
                raise UsageError(f"beside `{other}` there is no file with its {what}")
        source = f"`{pair['images']}`"
        images = as_pictures(read_idx(pair["images"]), source)
        labels = as_targets(read_idx(pair["labels"]), len(images), f"`{pair['labels']}`")
        splits[split] = Split(split, Arrays(images, split), np.arange(len(images)), labels)
    return splits


def _split(of: str) -> str:
    for word in reversed(re.split(r"[-_.]", of)):
        if word in _SPLITS:
            return _SPLITS[word]
    return "train"


def _read(file: BinaryIO, limit: int, *, exactly: bool) -> Array:
    """From a file that holds `limit` bytes exactly, or may unpack to so many."""
    head = file.read(4)
    if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in TYPES:
        raise ValueError("it doesn't begin as one")
    kind, rank = np.dtype(TYPES[head[2]]), head[3]
    if not 1 <= rank <= MOST_RANK:
        raise ValueError(f"its header speaks of {rank} sizes")
    header = file.read(4 * rank)
    if len(header) < 4 * rank:
        raise ValueError("its header is cut off")
    shape = tuple(int.from_bytes(header[4 * n : 4 * n + 4], "big") for n in range(rank))
    size, rest = math.prod(shape) * kind.itemsize, limit - 4 - len(header)
    said = f"its header says {'x'.join(map(str, shape))}"
    if exactly and size != rest:
        raise ValueError(f"{said}, {size:,} bytes, and {rest:,} follow")
    if size > rest:
        raise ValueError(f"{said}, {size:,} bytes, more than such a file can be meant to hold")
    values = np.empty(size, np.uint8)
    if _filled(file, values) < size or file.read(1):
        raise ValueError(f"{said}, {size:,} bytes, and it holds another number of them")
    return values.view(kind).reshape(shape)


def _filled(file: BinaryIO, values: Array) -> int:
    """How many bytes could be read."""
    view, done = values.data, 0
    while done < len(view):
        count: Any = cast("Any", file).readinto(view[done : done + (1 << 20)])
        if not count:
            break
        done += count
    return done
