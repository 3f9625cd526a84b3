"""What follows when pixels are at their places: light, noise, erasing, and the net's own scale."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cnndsl.data.augmentation import Plan
from cnndsl.data.randomness import Floats, normals
from cnndsl.data.scratch import scratch
from cnndsl.data.warp import Pixels
from cnndsl.preprocessing import Preprocessing

_BRIGHTEST = 255


def photometric(pixels: Pixels, plan: Plan) -> Pixels:
    """Pictures in another light, with noise and with a part erased; B×C×H×W as `pixels`.

    They are in scratch memory, or `pixels` itself where nothing changes.
    """
    a = plan.augmentation
    if not (a.brightness or a.contrast or a.noise or a.erase):
        return pixels
    result: Floats = scratch.take("photometric", pixels.shape, np.float32)
    if a.brightness or a.contrast or a.noise:
        _light(pixels, plan, result)
    else:
        np.copyto(result, pixels)
    if a.erase:
        _erase(result, plan)
    return result


def normalised(pixels: Pixels, how: Preprocessing, out: npt.NDArray[Any] | None = None) -> Floats:
    """`(x / scale − mean) / std`, in the very steps of `cnndsl.runtime.images.prepare`.

    `out` is where the result goes, float32 of the same shape.
    """
    if how.order == "BGR" and pixels.shape[1] == 3:
        pixels = pixels[:, ::-1]
    result: Floats = np.divide(pixels, np.float32(how.scale), out=out, dtype=np.float32)
    result -= np.asarray(how.mean, np.float32).reshape(-1, 1, 1)
    result /= np.asarray(how.std, np.float32).reshape(-1, 1, 1)
    return result


def _light(pixels: Pixels, plan: Plan, result: Floats) -> None:
    """`((x − m)·contrast + m)·brightness + noise`, m being the picture's mean."""
    old, new = pixels.reshape(len(pixels), -1), result.reshape(len(pixels), -1)
    np.multiply(old, (plan.brightness * plan.contrast)[:, None], out=new, dtype=np.float32)
    if plan.augmentation.contrast:
        mean = old.mean(axis=1, dtype=np.float32)
        new += (mean * (1 - plan.contrast) * plan.brightness)[:, None]
    if plan.augmentation.noise:
        noise = normals(plan.noise_key, plan.indices, new.shape[1])
        noise *= np.float32(plan.augmentation.noise * _BRIGHTEST)
        new += noise
    np.clip(new, 0, _BRIGHTEST, out=new)


def _erase(pixels: Floats, plan: Plan) -> None:
    """Fill each picture's rectangle: the pixels whose middle lies in it."""
    height, width = pixels.shape[2:]
    corners = np.rint(plan.erased * (width, height, width, height)).astype(int).tolist()
    for picture, (left, top, right, bottom) in zip(pixels, corners, strict=True):
        picture[:, top:bottom, left:right] = plan.augmentation.fill_value
