"""Pictures of a run's page, and several in one."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

from cnndsl.data.showing import Pixels
from cnndsl.training.report.page import Picture

ACROSS = 8


def png(image: Pixels) -> bytes:
    """The bytes of a PNG file."""
    from cnndsl.runtime.images import write_picture

    file = io.BytesIO()
    write_picture(file, image)
    return file.getvalue()


def picture(image: Pixels, caption: str, wrong: str = "", sure: str = "") -> Picture:
    """A picture of the page."""
    return Picture(png(image), image.shape[1], caption, wrong, sure)


def mosaic(images: Sequence[Pixels], across: int = ACROSS, *, clear: bool = False) -> Pixels:
    """Pictures of one size side by side, in rows of so many, on white, or with a further channel
    that makes it `clear` between them.
    """
    if clear:
        opaque = np.full((*images[0].shape[:2], 1), 255, np.uint8)
        wide = [image if image.ndim == 3 else image[..., None] for image in images]
        images = [np.concatenate([image, opaque], axis=-1) for image in wide]
    height, width, *channels = images[0].shape
    across = min(len(images), across)
    rows = -(-len(images) // across)
    gap = max(1, width // 16)
    size = (rows * (height + gap) - gap, across * (width + gap) - gap, *channels)
    sheet = np.full(size, 0 if clear else 255, np.uint8)
    for number, image in enumerate(images):
        top, left = number // across * (height + gap), number % across * (width + gap)
        sheet[top : top + height, left : left + width] = image
    return sheet
