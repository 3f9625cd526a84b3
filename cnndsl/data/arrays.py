"""Arrays of any usual layout and type as pictures: N×C×H×W, bytes if they can be, 0 to 255."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from cnndsl.diagnostics import UsageError

Array = npt.NDArray[Any]

Volume = tuple[int, int, int, int]
"""Channels, layers, height and width that a net takes."""

COLOURS = (1, 3)
MOST_CHANNELS = 64
MOST_CLASSES = 1 << 20

_CHUNK = 1 << 24  # bytes that are looked at together
_SIXTEEN_BITS = 257  # 65535 / 255
_LARGEST = 1e15  # squared and summed up, more than that leaves the range of float32
_CLOSE = 1e-3  # to a whole number: what float32 and a division by 255 leave of one


def as_images(array: Array, source: str, volume: Volume | None = None) -> tuple[Array, int]:
    """Pictures, or volumes as pictures whose channels are those of all their layers; and how many
    layers volumes have, 0 of pictures. Raises UsageError.

    Volumes are N×C×D×H×W or N×D×H×W×C; where a net takes `volume`s, N×D×H×W, too.
    """
    shape = "x".join(map(str, array.shape))
    if volume and array.ndim == 4:
        if volume[0] != 1:
            raise UsageError(
                f"{source} is {shape}, and volumes of {volume[0]} channels are NxCxDxHxW"
            )
        array = array[:, None]
    if array.ndim != 5 or not array.size:
        return as_pictures(array, source), 0
    wanted = (volume[0],) if volume else COLOURS
    if array.shape[1] not in wanted and array.shape[4] in wanted:
        array = array.transpose(0, 4, 1, 2, 3)
    count, channels, depth, height, width = array.shape
    if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:
        raise UsageError(f"{source} holds {array.dtype}, which are no values of volumes")
    check_room(4 * array.size, source)
    return _scaled(array.reshape(count, channels * depth, height, width), source), depth


def check_room(size: int, what: str) -> None:
    """Raise UsageError where so many bytes are more than half of the machine's memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if size > memory // 2:
        raise UsageError(
            f"{what} would take {size / 2**30:.3g} GiB in memory, and the machine has "
            f"{memory / 2**30:.3g}: make volumes smaller, or fewer"
        )


def as_pictures(array: Array, source: str) -> Array:
    """N×H×W, N×H×W×C or N×C×H×W as pictures. Raises UsageError.

    Channels are where fewer of them are. Numbers from 0 to 1 are taken for parts of 255, integers
    of 16 bits for parts of 65,535; other numbers stay as they are. What is whole numbers up to 255
    then becomes bytes.
    """
    shape = "x".join(map(str, array.shape))
    if array.ndim not in (3, 4) or not array.size:
        raise UsageError(
            f"{source} is {shape or 'one number'}; pictures are NxHxW (grey), NxHxWxC or NxCxHxW"
        )
    if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:
        raise UsageError(f"{source} holds {array.dtype}, which are no pixels")
    if array.ndim == 3:
        array = array[:, None]
    elif array.shape[3] < array.shape[1]:
        array = array.transpose(0, 3, 1, 2)
    if array.shape[1] > MOST_CHANNELS:
        raise UsageError(f"{source} is {shape}, pictures of {array.shape[1]} channels")
    return _scaled(array, source)


def _scaled(array: Array, source: str) -> Array:
    """On the scale of 0 to 255, as bytes if they can be."""
    factor, whole = _scale(array, source)
    if array.dtype == np.uint8 and factor == 1:
        return np.ascontiguousarray(array)
    pictures = np.empty(array.shape, np.uint8 if whole else np.float32)
    for part in _parts(array):
        values = array[part] * np.float64(factor)
        pictures[part] = np.rint(values) if whole else values
    return pictures


def as_targets(array: Array, count: int, source: str) -> Array:
    """Class numbers as int64, or numbers to answer with as float32. Raises UsageError."""
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    check_count(array, count, source)
    if array.dtype.kind == "f" or (array.ndim > 1 and array.dtype.kind in "iub"):
        targets = array.astype(np.float32)
        if not np.isfinite(targets).all():
            raise UsageError(f"{source} has entries that are no numbers (NaN or infinite)")
        return targets
    if array.dtype.kind not in "iub":
        raise UsageError(f"{source} holds {array.dtype}; classes are numbered from 0")
    least, most = (int(array.min()), int(array.max())) if count else (0, 0)
    if least < 0 or most >= MOST_CLASSES:
        raise UsageError(
            f"{source} has numbers from {least} to {most}; classes are numbered from 0"
        )
    return array.astype(np.int64)


def check_count(array: Array, count: int, source: str) -> None:
    """Raise UsageError unless there is an entry for each picture."""
    if array.ndim < 1 or len(array) != count:
        found = len(array) if array.ndim else 1
        raise UsageError(f"{source} has {found:,} entries for {count:,} pictures")


def _scale(array: Array, source: str) -> tuple[float, bool]:
    """What values are multiplied by, and whether whole numbers up to 255 come of it."""
    if array.dtype == np.uint8:
        return 1, True
    if array.dtype.kind == "b":
        return 255, True
    least, most = _extent(array, source)
    if array.dtype.kind in "iu":
        if least >= 0 and most <= 255:
            return 1, True
        deep = array.dtype.itemsize == 2 and least >= 0
        return (1 / _SIXTEEN_BITS if deep else 1), False
    factor = 255 if least >= 0 and most <= 1 else 1
    within = least >= 0 and most * factor <= 255 + _CLOSE
    return factor, within and all(_are_whole(array[part], factor) for part in _parts(array))


def _extent(array: Array, source: str) -> tuple[float, float]:
    least, most = math.inf, -math.inf
    for part in _parts(array):
        low, high = float(array[part].min()), float(array[part].max())
        if not math.isfinite(low) or not math.isfinite(high):
            raise UsageError(f"{source} has values that are no numbers (NaN or infinite)")
        if max(-low, high) > _LARGEST:
            raise UsageError(f"{source} has a value of {max(low, high, key=abs):.3g}, no pixel's")
        least, most = min(least, low), max(most, high)
    return least, most


def _are_whole(values: Array, factor: float) -> bool:
    scaled = cast("Array", values * np.float64(factor))
    return bool((np.abs(scaled - np.rint(scaled)) < _CLOSE).all())


def _parts(array: Array) -> Iterator[slice]:
    """Slices of the first axis, so that no large temporary is needed."""
    step = max(1, _CHUNK // max(1, 8 * math.prod(array.shape[1:])))
    for start in range(0, len(array), step):
        yield slice(start, start + step)
