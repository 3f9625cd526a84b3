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

_GAP, _WHITE = 4, 255
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
    """From minus the largest absolute value to the largest, as 0 to 1: 0 is in the middle."""
    numbers = np.nan_to_num(np.asarray(values, np.float64))
    return 0.5 + 0.5 * numbers / (np.abs(numbers).max() or 1)


def enlarged(pixels: Pixels, side: int) -> Pixels:
    """Each pixel as a square of several, so that the longer side has about so many."""
    times = max(1, round(side / max(pixels.shape[:2])))
    return pixels.repeat(times, 0).repeat(times, 1)


def sheet(tiles: Sequence[Tile], columns: int) -> Pixels:
    """Tiles in rows, each under its caption. Raises UsageError where that would be too large."""
    from cnndsl.data.photos import written_on

    high = max(tile.pixels.shape[0] for tile in tiles)
    wide = max(tile.pixels.shape[1] for tile in tiles)
    size = _LARGE if wide >= _WIDE else _SMALL
    line = size + _GAP if any(tile.caption for tile in tiles) else 0
    rows = ceil(len(tiles) / columns)
    shape = _GAP + rows * (high + line + _GAP), _GAP + columns * (wide + _GAP), 3
    if shape[0] * shape[1] > MOST_PIXELS:
        raise UsageError(
            f"{len(tiles)} pictures of {wide}x{high} would make one of {shape[1]}x{shape[0]}, "
            f"which is too large: take fewer or smaller ones"
        )
    pixels = np.full(shape, _WHITE, np.uint8)
    texts: list[tuple[str, int, int, int]] = []
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        top, left = _GAP + row * (high + line + _GAP), _GAP + column * (wide + _GAP)
        height, width = tile.pixels.shape[:2]
        pixels[top + line : top + line + height, left : left + width] = tile.pixels
        texts.append((tile.caption, left, top + line // 2 - 1, wide))
    return written_on(pixels, texts, size)
