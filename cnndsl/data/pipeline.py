"""From the numbers of some examples to what the net takes: in memory all at once, or one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from cnndsl.data.arrays import Array
from cnndsl.data.augmentation import Augmentation, Plan, plan
from cnndsl.data.dataset import Arrays, Split
from cnndsl.data.finish import normalised, photometric
from cnndsl.data.fitting import fitted
from cnndsl.data.masks import IGNORED
from cnndsl.data.randomness import Indices
from cnndsl.data.warp import warped
from cnndsl.diagnostics import UsageError
from cnndsl.runtime.pictures import PictureInput

if TYPE_CHECKING:  # arrays of the right size do without Pillow
    from cnndsl.data.photos import Picture

Corrupt = Literal["replace", "skip", "error"]
"""What becomes of a picture that can't be read: the next one that can takes its place, it is left
out, or it is an error."""

NONE = -1
"""The number of an example that was left out."""


_Pair = tuple["Picture", "Picture | None"]
"""A picture and its mask, if there are masks."""


class Pipeline(Protocol):
    """Fills a part of a batch; several threads may call it at once."""

    per_picture: bool
    """Whether pictures are made one by one, so that several threads are of use."""

    skipped: dict[str, str]
    """The names of pictures that can't be read, with the reason."""

    def fill(self, numbers: Indices, epoch: int, out: Array, masks: Array | None = None) -> Indices:
        """Make these examples of the split as they are in that epoch.

        `out` is B×C×H×W float32, `masks` B×H×W bytes where the split has masks. The numbers of the
        examples that are there now. Raises UsageError.
        """
        ...


class InMemory:
    """Arrays of the net's own size: a batch is made without a loop over its pictures."""

    per_picture = False

    def __init__(
        self,
        images: Array,
        split: Split,
        picture: PictureInput,
        augmentation: Augmentation | None,
        seed: int,
    ):
        self.images, self.index, self.how = images, split.index, picture.preprocessing
        self.augmentation, self.seed = augmentation, seed
        self.skipped: dict[str, str] = {}

    def fill(self, numbers: Indices, epoch: int, out: Array, masks: Array | None = None) -> Indices:
        index = self.index[numbers]
        pixels = self.images.take(index, axis=0)
        if self.augmentation:
            drawn = plan(self.augmentation, self.seed, epoch, index)
            pixels = photometric(warped(pixels, drawn), drawn)
        normalised(pixels, self.how, out)
        return numbers


class OneByOne:
    """Pictures in files, arrays that have to be resized, those with masks: each is made by Pillow.

    A mask goes the way of its picture, but for light and noise. A picture's resized form is kept
    for the next epoch, as long as all of them take less than `cache` bytes.
    """

    per_picture = True

    def __init__(
        self,
        split: Split,
        picture: PictureInput,
        augmentation: Augmentation | None,
        seed: int,
        corrupt: Corrupt,
        cache: int,
    ):
        from cnndsl.data import photos

        self.photos, self.split, self.picture = photos, split, picture
        self.augmentation, self.seed, self.corrupt = augmentation, seed, corrupt
        self.skipped: dict[str, str] = {}
        self._unreadable: set[int] = set()
        self._kept: dict[int, _Pair] = {}
        self._mask_input = photos.mask_input(picture)
        self._left, self._lock = cache, Lock()

    def fill(self, numbers: Indices, epoch: int, out: Array, masks: Array | None = None) -> Indices:
        pictures = [self._example(number) for number in numbers.tolist()]
        found = np.array([number for number, _ in pictures], np.int64)
        index = self.split.index[found]
        drawn = plan(self.augmentation, self.seed, epoch, index) if self.augmentation else None
        pixels = [
            np.zeros(out.shape[1:], np.uint8)
            if pair is None
            else self.photos.pixels_of(
                pair[0], self.picture, drawn.part(place, place + 1) if drawn else None
            )
            for place, (_, pair) in enumerate(pictures)
        ]
        stacked = np.stack(pixels)
        if masks is not None:
            self._fill_masks(masks, [pair for _, pair in pictures], drawn)
        normalised(
            photometric(stacked, drawn) if drawn else stacked, self.picture.preprocessing, out
        )
        return found

    def _fill_masks(self, masks: Array, pairs: Sequence[_Pair | None], drawn: Plan | None) -> None:
        """What is beyond a picture's edge is no class where that is one colour."""
        if drawn:
            drawn = replace(drawn, augmentation=replace(drawn.augmentation, fill_value=IGNORED))
        for place, pair in enumerate(pairs):
            if pair is None or pair[1] is None:
                continue
            own = drawn.part(place, place + 1) if drawn else None
            masks[place] = self.photos.pixels_of(pair[1], self._mask_input, own)[0]

    def _example(self, number: int) -> tuple[int, _Pair | None]:
        """The example, or what stands for it, with its picture and mask."""
        for candidate in range(number, number + len(self.split)):
            candidate %= len(self.split)
            image = self._covering(candidate)
            if image is not None:
                return candidate, image
            if self.corrupt == "skip":
                return NONE, None
        raise UsageError(nothing_read(len(self.split), self.skipped))

    def _covering(self, number: int) -> _Pair | None:
        """The resized picture and mask; None where it can't be read, and that is no error."""
        image = self._kept.get(number)
        if image is not None or number in self._unreadable:
            return image
        try:
            image = self._read(number)
        except UsageError as e:
            if self.corrupt == "error":
                raise
            self._unreadable.add(number)
            self.skipped[self.split.name_of(number)] = str(e)
            return None
        size = image[0].width * image[0].height * (1 if image[0].mode == "L" else 4)
        size += image[1].width * image[1].height if image[1] else 0
        with self._lock:
            if size <= self._left and number not in self._kept:
                self._kept[number] = image
                self._left -= size
        return image

    def _read(self, number: int) -> _Pair:
        source, place = self.split.source, int(self.split.index[number])
        masks, photos, picture = self.split.masks, self.photos, self.picture
        if isinstance(source, Arrays):
            image = photos.of_pixels(source.images[place], picture)
        else:
            image = photos.opened(source.paths[place], picture.channels)
        if masks is None:
            return photos.covering(image, picture), None
        mask = masks.read(place)
        if mask.size != image.size:
            sizes = [f"{found.height}x{found.width}" for found in (mask, image)]
            raise UsageError(
                f"the mask `{masks.name(place)}` is {sizes[0]}, and its picture "
                f"`{source.name(place)}` {sizes[1]}: they are to be of one size"
            )
        return photos.covering(image, picture), photos.covering(mask, self._mask_input)


def nothing_read(count: int, skipped: Mapping[str, str]) -> str:
    """Say that no picture can be read, and why the first one can't."""
    reason = next(iter(skipped.values()), "")
    return f"none of the {count:,} pictures can be read{reason and f'; the first: {reason}'}"


def open_pipeline(
    split: Split,
    picture: PictureInput,
    augmentation: Augmentation | None,
    seed: int,
    corrupt: Corrupt,
    cache: int,
) -> Pipeline:
    """The way from a split to an input. Raises UsageError."""
    if isinstance(split.source, Arrays) and split.masks is None:
        images = fitted(split.source, picture)
        if images is not None:
            return InMemory(images, split, picture, augmentation, seed)
    return OneByOne(split, picture, augmentation, seed, corrupt, cache)
