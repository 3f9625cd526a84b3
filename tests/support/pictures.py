"""Pictures for tests, and inputs that take them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cnndsl.preprocessing import Preprocessing
from cnndsl.runtime.pictures import PictureInput

PLAIN = Preprocessing(scale=1)


def wanted(
    height: int | None = None,
    width: int | None = None,
    *,
    channels: int = 3,
    last: bool = False,
    kind: str = "float32",
    how: Preprocessing = PLAIN,
) -> PictureInput:
    """An input named `image`."""
    return PictureInput("image", kind, channels, height, width, last, how)


def gradient(width: int, height: int) -> Image.Image:
    """A picture in which every pixel is different."""
    y, x = np.mgrid[:height, :width]
    pixels = np.stack([x * 255 // width, y * 255 // height, (x + y) % 256], axis=-1)
    return Image.fromarray(pixels.astype(np.uint8))


def written(folder: Path, image: Image.Image, name: str = "a.png", **options: Any) -> Path:
    """A picture in a file."""
    image.save(folder / name, **options)
    return folder / name
