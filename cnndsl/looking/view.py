"""What there is to see: a picture for people, and the numbers behind it."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cnndsl.diagnostics import UsageError
from cnndsl.files import replaced

Pixels = npt.NDArray[np.uint8]
Array = npt.NDArray[Any]

MOST_PIXELS = 1 << 25
"""Of one view."""

_ANCHORS = (
    (0, 0, 4), (31, 12, 72), (85, 15, 109), (136, 34, 106), (186, 54, 85), (227, 89, 51),
    (249, 140, 10), (249, 201, 50), (252, 255, 164),
)  # fmt: skip
"""The colour map inferno (Smith, van der Walt 2015) at equal steps: as bright as the number is
large, in grey too, and to eyes that don't tell red from green.
"""

_NEGATIVE, _ZERO, _POSITIVE = (33, 102, 172), (247, 247, 247), (178, 24, 43)
"""The ends and the middle of ColorBrewer's RdBu (Brewer 2003), for numbers about 0."""

_GAP, _WHITE, _GREY = 4, 255, 205
_STRONGEST, _FADE = 0.8, 0.75  # share of the colour where a heat map is hottest, and towards that
_SMALL, _LARGE = 10, 13  # letters, by the tiles' width
_WIDE = 160


@dataclass(frozen=True, eq=False, slots=True)
class View:
    """pixels: H×W×3 bytes. lines: what they show, in words. values: the numbers, by names.
    skipped: why pictures could not be read.
    """

    pixels: Pixels
    lines: tuple[str, ...]
    values: Mapping[str, Array]
    skipped: tuple[str, ...] = ()

    def save(self, path: str | Path) -> None:
        """Write the picture as a PNG. Raises OSError."""
        with replaced(Path(path)) as file:
            file.write(self._repr_png_())

    def _repr_png_(self) -> bytes:
        from cnndsl.runtime.images import write_picture

        file = io.BytesIO()
        write_picture(file, self.pixels)
        return file.getvalue()


@dataclass(frozen=True, eq=False, slots=True)
class Tile:
    """A picture H×W×3 and a line above it."""

    pixels: Pixels
    caption: str = ""


def coloured(values: Array) -> Pixels:
    """Numbers from 0 to 1 in colours: H×W → H×W×3."""
    anchors = np.array(_ANCHORS, np.float64)
    places = np.linspace(0, 1, len(anchors))
    clipped = np.clip(np.nan_to_num(values), 0, 1)
    bands = [np.interp(clipped, places, anchors[:, band]) for band in range(3)]
    return np.rint(np.stack(bands, axis=-1)).astype(np.uint8)


def signed(values: Array) -> Pixels:
    """Numbers from −1 to 1 in colours, blue below 0, white at 0, red above: H×W → H×W×3."""
    share = np.clip(np.nan_to_num(values), -1, 1)[..., None]
    zero = np.array(_ZERO, np.float64)
    ends = np.where(share < 0, np.array(_NEGATIVE), np.array(_POSITIVE))
    return np.rint(zero + np.abs(share) * (ends - zero)).astype(np.uint8)


def overlaid(photo: Pixels, heat: Array) -> Pixels:
    """A photo in grey under a heat map H×W from 0 to 1: the hotter, the more colour."""
    grey = np.repeat(photo.mean(-1, keepdims=True), 3, axis=-1)
    share = _STRONGEST * np.clip(np.nan_to_num(heat), 0, 1)[..., None] ** _FADE
    return np.rint((1 - share) * grey + share * coloured(heat)).astype(np.uint8)


def spread(values: Array) -> Array:
    """From the least to the largest value, as 0 to 1."""
    numbers = np.nan_to_num(np.asarray(values, np.float64))
    least, most = numbers.min(), numbers.max()
    return (numbers - least) / ((most - least) or 1)


def about_zero(values: Array) -> Array:
    """From minus the largest absolute value to the largest, as −1 to 1."""
    numbers = np.nan_to_num(np.asarray(values, np.float64))
    return numbers / (np.abs(numbers).max() or 1)


def enlarged(pixels: Pixels, side: int) -> Pixels:
    """Each pixel as a square of several, so that the longer side has about so many."""
    times = max(1, round(side / max(pixels.shape[:2])))
    return pixels.repeat(times, 0).repeat(times, 1)


def beside_each_other(tiles: Sequence[Pixels]) -> Pixels:
    """Tiles of one size as one, a thin line between them that is seen on any colour."""
    line = np.full((tiles[0].shape[0], 3, 3), _WHITE, np.uint8)
    line[:, 1] = _GREY
    return np.concatenate([part for tile in tiles for part in (tile, line)][:-1], axis=1)


def sheet(tiles: Sequence[Tile], columns: int, *, left: bool = False) -> Pixels:
    """Tiles in rows, each under its caption, or with that at its `left`.

    Raises UsageError where the picture would be too large.
    """
    from cnndsl.data.photos import written_on

    high = max(tile.pixels.shape[0] for tile in tiles)
    wide = max(tile.pixels.shape[1] for tile in tiles)
    size = _LARGE if wide >= _WIDE else _SMALL
    line = size + _GAP if any(tile.caption for tile in tiles) and not left else 0
    gutter = size * max(len(tile.caption) for tile in tiles) if left else 0
    rows = ceil(len(tiles) / columns)
    shape = _GAP + rows * (high + line + _GAP), _GAP + columns * (gutter + wide + _GAP), 3
    if shape[0] * shape[1] > MOST_PIXELS:
        raise UsageError(
            f"{len(tiles)} pictures of {wide}x{high} would make one of {shape[1]}x{shape[0]}, "
            f"which is too large: take fewer or smaller ones"
        )
    pixels = np.full(shape, _WHITE, np.uint8)
    texts: list[tuple[str, int, int, int]] = []
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        top, x = _GAP + row * (high + line + _GAP), _GAP + column * (gutter + wide + _GAP)
        height, width = tile.pixels.shape[:2]
        begin = x + gutter
        pixels[top + line : top + line + height, begin : begin + width] = tile.pixels
        middle = top + (height // 2 if left else line // 2 - 1)
        texts.append((tile.caption, x, middle, gutter or wide))
    return written_on(pixels, texts, size)
