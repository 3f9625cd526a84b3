"""Arrays that a program has, as a file: a run that is resumed later finds its data there."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from cnndsl.data.arrays import Array
from cnndsl.data.dataset import SPLITS
from cnndsl.diagnostics import UsageError
from cnndsl.files import replaced


def keep(splits: Mapping[str, tuple[Any, Any]], folder: Path) -> Path:
    """The .npz in a folder with pictures and targets by split; its name tells what is in it.

    Pictures are N×H×W, N×H×W×C or N×C×H×W. Raises UsageError, OSError.
    """
    arrays: dict[str, Array] = {}
    for split, pair in splits.items():
        if split not in SPLITS or len(pair) != 2:
            raise UsageError(
                f"data is (pictures, classes), or such a pair by train, val and test; there is "
                f"`{split}` with {len(pair)} parts"
            )
        for name, values in zip("xy", pair, strict=True):
            array = np.asarray(values)
            if array.dtype.hasobject:
                raise UsageError(f"{name} of split `{split}` holds objects, and numbers are wanted")
            arrays[f"{name}_{split}"] = np.ascontiguousarray(array)
    digest = blake2b(digest_size=8)
    for name, array in arrays.items():
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    path = folder / f"data-{digest.hexdigest()}.npz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with replaced(path) as file:
            np.savez(file, **arrays)  # pyright: ignore[reportArgumentType]
    return path
