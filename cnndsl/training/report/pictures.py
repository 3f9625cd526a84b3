"""Pictures as the net was given them, turned back into pixels that people can look at."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cnndsl.preprocessing import Preprocessing
from cnndsl.training.report.page import Picture

Pixels = npt.NDArray[np.uint8]

LARGEST = 128
ACROSS = 8


def pixels(image: npt.NDArray[Any], how: Preprocessing) -> Pixels:
    """C×H×W as the net takes it → H×W×3 or H×W, at most 128 wide and high; the first channel
    alone of what is neither grey nor colour.
    """
    values = image.astype(np.float32)
    values = values * np.asarray(how.std, np.float32).reshape(-1, 1, 1)
    values = (values + np.asarray(how.mean, np.float32).reshape(-1, 1, 1)) * np.float32(how.scale)
    if how.order == "BGR":
        values = values[::-1]
    factor = -(-max(values.shape[1:]) // LARGEST)
    if factor > 1:
        channels, height, width = values.shape
        values = values[:, : height // factor * factor, : width // factor * factor]
        parts = values.reshape(channels, height // factor, factor, width // factor, factor)
        values = parts.mean(axis=(2, 4))
    rounded = np.rint(np.clip(values, 0, 255)).astype(np.uint8)
    return rounded.transpose(1, 2, 0) if len(rounded) == 3 else rounded[0]


def png(image: Pixels) -> bytes:
    """The bytes of a PNG file."""
    from cnndsl.runtime.images import write_picture

    file = io.BytesIO()
    write_picture(file, image)
    return file.getvalue()


def picture(image: Pixels, caption: str, wrong: str = "", sure: str = "") -> Picture:
    """A picture of the page."""
    return Picture(png(image), image.shape[1], caption, wrong, sure)


def mosaic(images: Sequence[Pixels]) -> Pixels:
    """Pictures of one size side by side, in rows of eight, on white."""
    height, width, *channels = images[0].shape
    rows, across = -(-len(images) // ACROSS), min(len(images), ACROSS)
    gap = max(1, width // 16)
    size = (rows * (height + gap) - gap, across * (width + gap) - gap, *channels)
    sheet = np.full(size, 255, np.uint8)
    for number, image in enumerate(images):
        top, left = number // ACROSS * (height + gap), number % ACROSS * (width + gap)
        sheet[top : top + height, left : left + width] = image
    return sheet
