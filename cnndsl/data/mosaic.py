"""Some pictures beside what augmentation makes of them, as one picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cnndsl.data.augmentation import Augmentation
from cnndsl.data.dataset import DataSet, Split
from cnndsl.data.loader import Loader
from cnndsl.data.randomness import Indices, key, order
from cnndsl.files import replaced
from cnndsl.preprocessing import Preprocessing
from cnndsl.runtime.pictures import PictureInput

Pixels = npt.NDArray[np.uint8]

ROWS, COLUMNS = 8, 8
SIDE = 96
"""Pixels that a tile's shorter side has at least."""

_GAP = 4
_LETTER, _MOST_MARGIN = 7, 140  # pixels for the classes' names
_WHITE = 255


def mosaic(
    data: DataSet, augmentation: Augmentation | None, size: tuple[int, int], how: Preprocessing,
    seed: int = 0,
) -> Pixels:  # fmt: skip
    """Eight pictures of different classes, to train on if there are such: as they are, and seven
    times augmented.

    Just as a net with that input size (height, width) would see them, before its pixels are
    normalised. Without augmentation each row shows eight pictures of a class. H×W×3 bytes. Raises
    UsageError where no picture can be read.
    """
    channels = 1 if data.shape and data.shape[0] == 1 else 3
    plain = replace(how, scale=1.0, mean=(0.0,), std=(1.0,), order="RGB")
    picture = PictureInput("", "float32", channels, *size, False, plain)
    chosen = _rows(data, seed, 1 if augmentation else COLUMNS)
    if augmentation is None:
        tiles = _seen(data.first, np.concatenate(chosen), picture, None, seed, 0)
        columns = [tiles[n::COLUMNS] for n in range(COLUMNS)]
    else:
        numbers = np.concatenate(chosen)
        columns = [_seen(data.first, numbers, picture, None, seed, 0)]
        for epoch in range(COLUMNS - 1):
            columns.append(_seen(data.first, numbers, picture, augmentation, seed, epoch))
    labels = [_label(data, int(row[0])) for row in chosen]
    return _put_together(columns, labels)


def write_mosaic(pixels: Pixels, path: Path) -> None:
    """Write it as a PNG. Raises OSError."""
    from cnndsl.runtime.images import write_picture

    with replaced(path) as file:
        write_picture(file, pixels)


def _rows(data: DataSet, seed: int, each: int) -> list[Indices]:
    """The examples of each row: of one class, or any where there are none."""
    shuffled = order(key(seed, "mosaic"), len(data.first))
    of_classes = [shuffled[data.first.targets[shuffled] == n] for n in range(data.classes)]
    of_classes = [numbers for numbers in of_classes if len(numbers)] or [shuffled]
    rows: list[Indices] = []
    for row in range(ROWS):
        numbers = of_classes[row % len(of_classes)]
        start = row // len(of_classes) * each
        rows.append(np.take(numbers, np.arange(start, start + each), mode="wrap"))
    return rows


def _seen(
    split: Split, numbers: Indices, picture: PictureInput, augmentation: Augmentation | None,
    seed: int, epoch: int,
) -> npt.NDArray[np.float32]:  # fmt: skip
    """Pictures as the net sees them: N×C×H×W, 0 to 255."""
    chosen = split.part(numbers)
    with Loader(
        chosen, picture, batch=len(chosen), seed=seed, augmentation=augmentation, workers=0, cache=0
    ) as loader:
        return next(loader.epoch(epoch)).images


def _label(data: DataSet, number: int) -> str:
    return data.labels[int(data.first.targets[number])] if data.labels else ""


def _put_together(columns: list[npt.NDArray[np.float32]], labels: list[str]) -> Pixels:
    from cnndsl.data import photos

    _, _, height, width = columns[0].shape
    times = max(1, -(-SIDE // min(height, width)))
    high, wide = height * times, width * times
    longest = max(len(label) for label in labels)
    left = min(_LETTER * longest + 2 * _GAP, _MOST_MARGIN) if longest else _GAP
    shape = _GAP + len(labels) * (high + _GAP), left + len(columns) * (wide + _GAP), 3
    pixels = np.full(shape, _WHITE, np.uint8)
    for x, column in enumerate(columns):
        for y, tile in enumerate(column):
            enlarged = tile.transpose(1, 2, 0).repeat(times, 0).repeat(times, 1)
            top, at = _GAP + y * (high + _GAP), left + x * (wide + _GAP)
            pixels[top : top + high, at : at + wide] = np.rint(np.clip(enlarged, 0, _WHITE))
    tops = [_GAP + y * (high + _GAP) + high // 2 for y in range(len(labels))]
    return photos.written_beside(pixels, list(zip(labels, tops, strict=True)), left - 2 * _GAP)
