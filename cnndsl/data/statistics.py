"""The mean and deviation of each channel, by which pictures are normalised."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cnndsl.data.dataset import DataSet, Split
from cnndsl.data.loader import Loader
from cnndsl.data.pipeline import nothing_read
from cnndsl.data.randomness import key, order
from cnndsl.diagnostics import UsageError
from cnndsl.preprocessing import Preprocessing
from cnndsl.runtime.pictures import PictureInput

PHOTOS = 500
"""So many photos are looked at: more of them change the mean by less than a percent."""

_BATCH = 256
_DIGITS = 4
_SCALE = 255.0
_LEAST = 1e-3  # a deviation, of pictures that are all alike


def whole_or_middle(data: DataSet) -> Preprocessing:
    """How pictures are fitted into a net's input where nobody says more: all of those of one size,
    and the middle of photos, whose proportions differ.
    """
    return Preprocessing(crop="centre" if data.shape is None else "stretch")


def measured(split: Split, picture: PictureInput, seed: int = 0) -> Preprocessing:
    """The input's preprocessing, with such numbers that pictures have mean 0 and deviation 1.

    On the scale of 0 to 1, for each channel, rounded to four digits: of all pictures of the split
    that are in memory, of 500 photos in files, drawn by the seed. Raises UsageError where no
    picture can be read.
    """
    how = picture.preprocessing
    plain = replace(how, scale=1.0, mean=(0.0,), std=(1.0,))
    if not split.in_memory:
        split = split.part(np.sort(order(key(seed, "statistics"), len(split))[:PHOTOS]))
    count, first, second = 0, np.zeros(picture.channels), np.zeros(picture.channels)
    seen = replace(picture, type="float32", channels_last=False, preprocessing=plain, depth=0)
    with Loader(split, seen, batch=_BATCH, corrupt="skip") as loader:
        for batch in loader.epoch():
            values = batch.images.astype(np.float64)
            count += values[:, 0].size
            first += values.sum(axis=(0, 2, 3))
            second += np.square(values, out=values).sum(axis=(0, 2, 3))
    if not count:
        raise UsageError(nothing_read(len(split), loader.skipped))
    if picture.depth:  # one mean for all layers
        first, second = first.mean(keepdims=True), second.mean(keepdims=True)
    mean = first / count
    deviation = np.sqrt(np.maximum(second / count - mean**2, (_LEAST * _SCALE) ** 2))
    return replace(
        how,
        scale=_SCALE,
        mean=tuple(round(n / _SCALE, _DIGITS) for n in mean.tolist()),
        std=tuple(round(n / _SCALE, _DIGITS) for n in deviation.tolist()),
    )
