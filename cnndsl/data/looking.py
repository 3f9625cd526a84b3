"""Every picture of a data set looked at once: whether it can be read, what it is like."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from cnndsl.data.arrays import Array
from cnndsl.data.dataset import Arrays, Files, Split
from cnndsl.data.masks import MaskArrays, MaskFiles
from cnndsl.data.near_duplicates import SIDE, Small
from cnndsl.diagnostics import UsageError
from cnndsl.runtime.session import available_cores

LEAST_SIDE = 32
"""Pixels along the shorter side of pictures that are looked at for likeness: smaller ones, letters
and the like, resemble each other by nature."""

_DIGEST = 16
_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Look:
    """What a picture is like. `small` is it as 16×16 grey, None where it is too small for that."""

    reason: str = ""
    """Why it can't be read; empty where it can."""

    digest: bytes | None = None
    format: str = ""
    mode: str = ""
    width: int = 0
    height: int = 0
    bytes: int = 0
    small: Small | None = None


def look(split: Split, progress: Callable[[int], None] | None = None) -> list[Look]:
    """A look at each example of a split, in its order.

    `progress` is called with the number of those that were looked at since the last call.
    """
    source = split.source
    looks: list[Look] = []
    with ThreadPoolExecutor(available_cores(), "data") as pool:
        for start in range(0, len(split), _AT_ONCE):
            numbers = split.index[start : start + _AT_ONCE].tolist()
            if isinstance(source, Arrays):
                looks += [_at_array(source.images[number]) for number in numbers]
            else:
                looks += pool.map(_at_file, [source.paths[number] for number in numbers])
            if split.answers:
                answered = partial(_with_answer, split.answers)
                looks[-len(numbers) :] = pool.map(answered, numbers, looks[-len(numbers) :])
            if progress:
                progress(len(numbers))
    return looks


def _with_answer(answers: Files | Arrays, number: int, found: Look) -> Look:
    """The look at a picture whose mask, or picture to answer with, is of no use says why."""
    if found.reason:
        return found
    try:
        width, height = size_of(answers, number)
    except UsageError as e:
        return replace(found, reason=str(e))
    own, seen = (
        sorted((width, height)),
        sorted((found.width, found.height)),
    )  # it may lie on its side
    larger = own[0] * seen[1] == own[1] * seen[0]
    if own == seen or (larger and not answers.masks):
        return found
    kind = "mask" if answers.masks else "target"
    sizes = f"{height}x{width}, and its picture {found.height}x{found.width}"
    return replace(found, reason=f"the {kind} `{answers.name(number)}` is {sizes}")


def size_of(source: Files | Arrays, number: int) -> tuple[int, int]:
    """The width and height of a picture or mask. Raises UsageError."""
    if isinstance(source, MaskFiles | MaskArrays):
        return source.read(number).size
    if isinstance(source, Arrays):
        height, width = source.images.shape[2:]
        return width, height
    from cnndsl.data import photos

    return photos.opened(source.paths[number], 3).size


def _at_array(image: Array) -> Look:
    channels, height, width = image.shape
    small = None
    if min(height, width) >= LEAST_SIDE:
        grey = image.mean(axis=0, dtype=np.float32) if channels > 1 else image[0]
        small = _squeezed(grey)
    digest = hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=_DIGEST).digest()
    return Look("", digest, "", str(image.dtype), width, height, image.nbytes, small)


def _at_file(path: Path) -> Look:
    from cnndsl.data import photos

    size = 0
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=_DIGEST))
        image = photos.opened(path, 3)
        kind, mode, width, height = photos.header(path)
    except (UsageError, OSError) as e:
        reason = str(e) if isinstance(e, UsageError) else e.strerror or str(e)
        return Look(reason.replace(f"`{path}` ", ""), bytes=size)
    small = photos.small_grey(image, SIDE) if min(image.size) >= LEAST_SIDE else None
    return Look("", digest.digest(), kind, mode, width, height, size, small)


def _squeezed(grey: Array) -> Small:
    """The mean of each of 16×16 parts."""
    height, width = grey.shape
    rows, columns = np.arange(SIDE) * height // SIDE, np.arange(SIDE) * width // SIDE
    sums = np.add.reduceat(np.add.reduceat(grey.astype(np.float32), rows, 0), columns, 1)
    areas = np.outer(np.diff([*rows, height]), np.diff([*columns, width]))
    return np.rint(np.clip(sums / areas, 0, 255)).astype(np.uint8)
