"""Some pictures beside what augmentation makes of them, as one picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cnndsl.data.augmentation import Augmentation
from cnndsl.data.dataset import DataSet, Split
from cnndsl.data.loader import Loader
from cnndsl.data.looking import size_of
from cnndsl.data.randomness import Indices, key, order
from cnndsl.diagnostics import UsageError
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
    times augmented. Of pairs the pictures to answer with stand beside the others.

    Just as a net with that input size (height, width) would see them, before its pixels are
    normalised. Without augmentation each row shows eight pictures of a class. H×W×3 bytes. Raises
    UsageError where no picture can be read.
    """
    channels = 1 if data.shape and data.shape[0] == 1 else 3
    plain = replace(how, scale=1.0, mean=(0.0,), std=(1.0,), order="RGB")
    if data.depth and data.shape:
        channels = data.shape[0]
    picture = PictureInput("", "float32", channels, *size, False, plain, data.depth)
    each = COLUMNS // 2 if data.paired else COLUMNS
    chosen = _rows(data, seed, 1 if augmentation else each)
    numbers = np.concatenate(chosen)
    columns = _seen(data.first, numbers, picture, None, seed, 0)
    if augmentation is None:
        columns = [tiles[n::each] for n in range(each) for tiles in columns]
    else:
        for epoch in range(each - 1):
            columns += _seen(data.first, numbers, picture, augmentation, seed, epoch)
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
) -> list[npt.NDArray[np.float32]]:  # fmt: skip
    """Pictures as the net sees them, of volumes the middle layer, and pictures to answer with:
    N×C×H×W each, 0 to 255.
    """
    chosen = split.part(numbers)
    answer = _answer_input(chosen, picture)
    with Loader(
        chosen, picture, batch=len(chosen), seed=seed, augmentation=augmentation, workers=0,
        cache=0, answer=answer,
    ) as loader:  # fmt: skip
        batch = next(loader.epoch(epoch))
        if picture.depth:  # the middle layer, in colours where it has any
            layer = batch.images[:, :, picture.depth // 2]
            return [layer if layer.shape[1] == 3 else layer[:, :1]]
        return [batch.images, batch.targets] if answer else [batch.images]


def _answer_input(split: Split, picture: PictureInput) -> PictureInput | None:
    """How pictures to answer with are shown: as many times as large as the first one is. None where
    there are none, or they are larger by no whole number.
    """
    if not split.paired or split.answers is None:
        return None
    number = int(split.index[0])
    try:
        (width, _), (larger, _) = (size_of(s, number) for s in (split.source, split.answers))
    except UsageError:
        return picture
    times, rest = divmod(larger, width)
    height, across = picture.sides
    return None if rest else replace(picture, height=times * height, width=times * across)


def _label(data: DataSet, number: int) -> str:
    return data.labels[int(data.first.targets[number])] if data.labels else ""


def _put_together(columns: list[npt.NDArray[np.float32]], labels: list[str]) -> Pixels:
    from cnndsl.data import photos

    height, width = (max(column.shape[axis] for column in columns) for axis in (2, 3))
    times = max(1, -(-SIDE // min(height, width)))
    high, wide = height * times, width * times
    longest = max(len(label) for label in labels)
    left = min(_LETTER * longest + 2 * _GAP, _MOST_MARGIN) if longest else _GAP
    shape = _GAP + len(labels) * (high + _GAP), left + len(columns) * (wide + _GAP), 3
    pixels = np.full(shape, _WHITE, np.uint8)
    for x, column in enumerate(columns):
        for y, tile in enumerate(column):
            larger = high // tile.shape[1]  # pictures to answer with may be larger than others
            enlarged = tile.transpose(1, 2, 0).repeat(larger, 0).repeat(larger, 1)
            top, at = _GAP + y * (high + _GAP), left + x * (wide + _GAP)
            pixels[top : top + high, at : at + wide] = np.rint(np.clip(enlarged, 0, _WHITE))
    tops = [_GAP + y * (high + _GAP) + high // 2 for y in range(len(labels))]
    return photos.written_beside(pixels, list(zip(labels, tops, strict=True)), left - 2 * _GAP)
