"""CIFAR-10 in its binary version: a byte for the class, then 32x32 pixels red, green and blue.

The format is described on the data set's page (Krizhevsky: Learning Multiple Layers of Features
from Tiny Images, 2009).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cnndsl.data.dataset import Arrays, Split
from cnndsl.diagnostics import UsageError

TRAIN = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST = "test_batch.bin"
FILES = (*TRAIN, TEST)
SHAPE = 3, 32, 32
RECORD = 1 + 3 * 32 * 32
MOST_RECORDS = 1 << 20


def is_cifar_folder(folder: Path) -> bool:
    """Whether the binary version lies there, or a part of it."""
    return any((folder / name).is_file() for name in FILES)


def read_cifar_folder(folder: Path) -> dict[str, Split]:
    """The splits; training files that are missing are left out. Raises UsageError."""
    files = {"train": [folder / name for name in TRAIN], "test": [folder / TEST]}
    splits: dict[str, Split] = {}
    for name, paths in files.items():
        records = [_read(path) for path in paths if path.is_file()]
        if not records:
            continue
        joined = np.concatenate(records)
        images = np.ascontiguousarray(joined[:, 1:]).reshape(-1, *SHAPE)
        targets = joined[:, 0].astype(np.int64)
        splits[name] = Split(name, Arrays(images, name), np.arange(len(images)), targets)
    return splits


def _read(path: Path) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    try:
        size = path.stat().st_size
        if not size or size % RECORD or size > MOST_RECORDS * RECORD:
            raise UsageError(
                f"`{path}` has {size:,} bytes, which are no whole number of pictures of {RECORD:,}"
            )
        return np.fromfile(path, np.uint8).reshape(-1, RECORD)
    except OSError as e:
        raise UsageError(f"`{path}` can't be read: {e.strerror or e}") from None
