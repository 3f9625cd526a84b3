"""Volumes that a model is asked about: arrays in files, and clips as folders of frames, prepared as
they were for its training.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cnndsl.diagnostics import UsageError

if TYPE_CHECKING:
    from cnndsl.runtime import Model, Samples
    from cnndsl.runtime.pictures import PictureInput
    from cnndsl.runtime.samples import Arrays, Unreadable
    from cnndsl.runtime.session import Array


def gather_volumes(model: Model, inputs: Sequence[str], picture: PictureInput) -> Samples:
    """What the inputs hold, each that can't be read with the reason."""
    from cnndsl.data.clips import clips_below
    from cnndsl.runtime.samples import Samples, Unreadable

    parts: list[Path | Arrays | Unreadable] = []
    for path in map(Path, inputs):
        try:
            clips = clips_below(path) if path.is_dir() else {}
        except UsageError as e:
            parts.append(Unreadable(str(path), str(e)))
            continue
        for source, frames in clips.items() or [(path, [])]:
            try:
                parts.append(_read(source, frames, picture))
            except UsageError as e:
                parts.append(Unreadable(str(source), str(e)))
    return Samples(model, tuple(parts), unreadable=[])


def _read(path: Path, frames: Sequence[Path], picture: PictureInput) -> Arrays:
    """The volumes of a .npy, or the clip of these frames. Raises UsageError."""
    from cnndsl.data.arrays import as_images
    from cnndsl.data.clips import read_clip
    from cnndsl.data.finish import normalised
    from cnndsl.runtime.arrays import read_npy
    from cnndsl.runtime.samples import Arrays

    height, width = picture.sides
    volume = picture.channels // picture.depth, picture.depth, height, width
    if frames:
        given: Array = read_clip(frames, volume)[None]
    elif path.suffix.lower() == ".npy":
        given = _several(read_npy(path), volume[0])
    else:
        raise UsageError(
            f"`{path}` is no volume: give an .npy of {volume[0]} channels, or a folder of frames"
        )
    images, depth = as_images(given, f"`{path}`", volume)
    if (images.shape[1], depth, *images.shape[2:]) != (picture.channels, *volume[1:]):
        found, wanted = ("x".join(map(str, sizes)) for sizes in (given.shape[1:], volume))
        raise UsageError(f"`{path}` is {found}, and input `{picture.name}` takes {wanted}")
    values = normalised(images, picture.preprocessing, np.empty(images.shape, np.float32))
    return Arrays(str(path), {picture.name: picture.shaped(values)}, len(images), whole=False)


def _several(array: Array, channels: int) -> Array:
    """One volume or several as several: D×H×W of one channel, C×D×H×W, or with N in front."""
    single = array.ndim == 3 or (array.ndim == 4 and (channels > 1 or array.shape[0] == 1))
    return array[None] if single else array
