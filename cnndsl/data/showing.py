"""Pictures as the net was given them, turned back into pixels that people can look at."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cnndsl.preprocessing import Preprocessing

Pixels = npt.NDArray[np.uint8]

BRIGHTEST = 255
LARGEST = 128


def unnormalised(images: npt.NDArray[Any], how: Preprocessing) -> npt.NDArray[Any]:
    """Pictures …×C×H×W as the net takes them, on the scale of 0 to 255."""
    kind = np.float64 if images.dtype == np.float64 else np.float32
    values = images.astype(kind) * np.asarray(how.std, kind).reshape(-1, 1, 1)
    return (values + np.asarray(how.mean, kind).reshape(-1, 1, 1)) * kind(how.scale)


def whole_range(how: Preprocessing) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """What 0 and 255 are for the net, C×1×1 each."""
    ends = (
        (end / how.scale - np.asarray(how.mean)) / np.asarray(how.std) for end in (0, BRIGHTEST)
    )
    least, most = (end.astype(np.float32).reshape(-1, 1, 1) for end in ends)
    return least, most


def pixels(image: npt.NDArray[Any], how: Preprocessing) -> Pixels:
    """C×H×W as the net takes it → H×W×3 or H×W, at most 128 wide and high; the first channel
    alone of what is neither grey nor colour, the middle layer of volumes C×D×H×W.
    """
    if image.ndim == 4:
        image = image[:, image.shape[1] // 2]
    factor = shrinking(*image.shape[1:])
    if factor > 1:
        channels, height, width = image.shape
        image = image[:, : height // factor * factor, : width // factor * factor]
        parts = image.reshape(channels, height // factor, factor, width // factor, factor)
        image = parts.astype(np.float32).mean(axis=(2, 4))
    return as_bytes(image, how)


def as_bytes(image: npt.NDArray[Any], how: Preprocessing) -> Pixels:
    """The same in its own size."""
    values = unnormalised(image, how)
    if how.order == "BGR":
        values = values[::-1]
    rounded = np.rint(np.clip(np.nan_to_num(values), 0, BRIGHTEST)).astype(np.uint8)
    return rounded.transpose(1, 2, 0) if len(rounded) == 3 else rounded[0]


def shrinking(height: int, width: int) -> int:
    """By which whole number a picture is made smaller to be shown."""
    return -(-max(height, width) // LARGEST)
