"""From the numbers of some examples to what the net takes: in memory all at once, or one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from cnndsl.data.arrays import Array
from cnndsl.data.augmentation import Augmentation, Plan, plan
from cnndsl.data.dataset import Arrays, Files, Split
from cnndsl.data.finish import normalised, photometric
from cnndsl.data.fitting import fitted
from cnndsl.data.masks import IGNORED, MaskArrays, MaskFiles
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
"""A picture and what it is to be answered with, where that is a mask or a picture."""


class Pipeline(Protocol):
    """Fills a part of a batch; several threads may call it at once."""

    per_picture: bool
    """Whether pictures are made one by one, so that several threads are of use."""

    skipped: dict[str, str]
    """The names of pictures that can't be read, with the reason."""

    def fill(
        self, numbers: Indices, epoch: int, out: Array, answers: Array | None = None
    ) -> Indices:
        """Make these examples of the split as they are in that epoch.

        `out` is B×C×H×W float32, `answers` B×H×W bytes where the split has masks, B×C×H×W float32
        where pictures are answered with pictures. The numbers of the examples that are there now.
        Raises UsageError.
        """
        ...


class InMemory:
    """Arrays of the net's own size: a batch is made without a loop over its pictures.

    `answers` are pictures to answer with, and how they are prepared: they move as the others do,
    and keep their light.
    """

    per_picture = False

    def __init__(
        self,
        images: Array,
        split: Split,
        picture: PictureInput,
        augmentation: Augmentation | None,
        seed: int,
        answers: tuple[Array, PictureInput] | None = None,
    ):
        self.images, self.index, self.picture = images, split.index, picture
        self.augmentation, self.seed, self.answers = augmentation, seed, answers
        self.skipped: dict[str, str] = {}

    def fill(
        self, numbers: Indices, epoch: int, out: Array, answers: Array | None = None
    ) -> Indices:
        index = self.index[numbers]
        drawn = None
        if self.augmentation:
            drawn = plan(self.augmentation, self.seed, epoch, index)
            drawn = drawn.whole(self.picture.sides) if self.answers else drawn
        pixels = self.images.take(index, axis=0)
        if drawn:
            pixels = photometric(warped(pixels, drawn), drawn)
        normalised(pixels, self.picture.preprocessing, out)
        if self.answers and answers is not None:
            pixels = self.answers[0].take(index, axis=0)
            how = self.answers[1].preprocessing
            normalised(warped(pixels, drawn) if drawn else pixels, how, answers)
        return numbers


class Resized:
    """Resized pictures of a source by their places in it, as many as `most` bytes take; `key` tells
    how they were resized.
    """

    def __init__(self, key: object, most: int):
        self.key = key
        self.pairs: dict[int, _Pair] = {}
        self._left, self._lock = most, Lock()

    def keep(self, place: int, pair: _Pair) -> None:
        """Keep one, where there is room."""
        size = sum(p.width * p.height * (1 if p.mode == "L" else 4) for p in pair if p)
        with self._lock:
            if size <= self._left and place not in self.pairs:
                self.pairs[place] = pair
                self._left -= size


def _resized_of(split: Split, picture: PictureInput, most: int) -> Resized:
    """What was kept of a split's files for an input of the same size, or a new place for it."""
    how, source = picture.preprocessing, split.source
    key = (picture.channels, picture.sides, how.crop, how.resize, how.interpolation, most)
    if isinstance(source, Arrays) or split.answers is not None:
        return Resized(key, most)
    found = source.resized.get(split.name)
    if not isinstance(found, Resized) or found.key != key:
        found = source.resized[split.name] = Resized(key, most)
    return found


class OneByOne:
    """Pictures in files, arrays that have to be resized, those with masks: each is made by Pillow.

    A mask, or a picture to answer with, goes the way of its picture, but for light and noise. A
    picture's resized form is kept for the next epoch, and where it came from a file for the next
    training on the same data, as long as all of them take less than `cache` bytes.
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
        answer: PictureInput | None = None,
    ):
        from cnndsl.data import photos

        self.photos, self.split, self.picture = photos, split, picture
        self.augmentation, self.seed, self.corrupt = augmentation, seed, corrupt
        self.skipped: dict[str, str] = {}
        self._unreadable: set[int] = set()
        self._resized = _resized_of(split, picture, cache)
        self._answer = photos.mask_input(picture) if split.masked else answer

    def fill(
        self, numbers: Indices, epoch: int, out: Array, answers: Array | None = None
    ) -> Indices:
        pictures = [self._example(number) for number in numbers.tolist()]
        found = np.array([number for number, _ in pictures], np.int64)
        index = self.split.index[found]
        drawn = plan(self.augmentation, self.seed, epoch, index) if self.augmentation else None
        drawn = drawn.whole(self.picture.sides) if drawn and self.split.paired else drawn
        pixels = [
            np.zeros(out.shape[1:], np.uint8)
            if pair is None
            else self.photos.pixels_of(
                pair[0], self.picture, drawn.part(place, place + 1) if drawn else None
            )
            for place, (_, pair) in enumerate(pictures)
        ]
        stacked = np.stack(pixels)
        if answers is not None:
            self._fill_answers(answers, [pair for _, pair in pictures], drawn)
        normalised(
            photometric(stacked, drawn) if drawn else stacked, self.picture.preprocessing, out
        )
        return found

    def _fill_answers(
        self, answers: Array, pairs: Sequence[_Pair | None], drawn: Plan | None
    ) -> None:
        """What is beyond a picture's edge is no class of a mask where that is one colour."""
        assert self._answer
        masked = self.split.masked
        if drawn and masked:
            drawn = replace(drawn, augmentation=replace(drawn.augmentation, fill_value=IGNORED))
        for place, pair in enumerate(pairs):
            if pair is None or pair[1] is None:
                continue
            own = drawn.part(place, place + 1) if drawn else None
            pixels = self.photos.pixels_of(pair[1], self._answer, own)
            if masked:
                answers[place] = pixels[0]
            else:
                normalised(pixels[None], self._answer.preprocessing, answers[place : place + 1])

    def _example(self, number: int) -> tuple[int, _Pair | None]:
        """The example, or what stands for it, with its picture and what that is answered with."""
        for candidate in range(number, number + len(self.split)):
            candidate %= len(self.split)
            image = self._covering(candidate)
            if image is not None:
                return candidate, image
            if self.corrupt == "skip":
                return NONE, None
        raise UsageError(nothing_read(len(self.split), self.skipped))

    def _covering(self, number: int) -> _Pair | None:
        """Both resized; None where one of them can't be read, and that is no error."""
        place = int(self.split.index[number])
        image = self._resized.pairs.get(place)
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
        self._resized.keep(place, image)
        return image

    def _read(self, number: int) -> _Pair:
        source, place = self.split.source, int(self.split.index[number])
        answers, photos, picture = self.split.answers, self.photos, self.picture
        image = self._opened(source, place, picture)
        if answers is None or self._answer is None:
            return photos.covering(image, picture), None
        own = self._opened(answers, place, self._answer)
        if unlike := sizes_apart((image.height, image.width), (own.height, own.width), self._sides):
            kind = "mask" if answers.masks else "target"
            raise UsageError(
                f"the {kind} `{answers.name(place)}` is {own.height}x{own.width}, and its picture "
                f"`{source.name(place)}` {image.height}x{image.width}: {unlike}"
            )
        return photos.covering(image, picture), photos.covering(own, self._enlarging(image))

    def _enlarging(self, image: Picture) -> PictureInput:
        """How an answer is prepared: as much larger as the net makes it, before it is cut."""
        assert self._answer
        (taken, given), how = self._sides, self.picture.preprocessing
        as_it_is = how.resize is None and (image.height, image.width) == taken
        if taken == given or how.crop == "stretch" or as_it_is:
            return self._answer
        resize = how.resize_for(*taken) * given[0] // taken[0]
        return replace(self._answer, preprocessing=replace(how, resize=resize))

    @property
    def _sides(self) -> tuple[tuple[int, int], tuple[int, int]]:
        assert self._answer
        return self.picture.sides, self._answer.sides

    def _opened(self, source: Files | Arrays, place: int, picture: PictureInput) -> Picture:
        """A source's picture, or mask, as it is. Raises UsageError."""
        if isinstance(source, MaskFiles | MaskArrays):
            return source.read(place)
        if isinstance(source, Arrays):
            return self.photos.of_pixels(source.images[place], picture)
        return self.photos.opened(source.paths[place], picture.channels)


Sides = tuple[int, int]
"""Height and width."""


def sizes_apart(picture: Sides, answer: Sides, net: tuple[Sides, Sides]) -> str:
    """Why an answer's size doesn't go with its picture's; empty where it does.

    `net` is what the net takes and gives: answers are larger by as much as it makes them.
    """
    if all(
        a * taken == p * given for p, a, taken, given in zip(picture, answer, *net, strict=True)
    ):
        return ""
    if net[0] == net[1]:
        return "they are to be of one size"
    taken, given = ("x".join(map(str, sides)) for sides in net)
    return f"the net makes {given} of {taken}"


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
    answer: PictureInput | None = None,
) -> Pipeline:
    """The way from a split to an input, and to pictures to answer with. Raises UsageError."""
    if isinstance(split.source, Arrays) and not split.masked:
        images = fitted(split.source, picture)
        answers = _fitted_answers(split, picture, answer) if answer else None
        if images is not None and (answers or not answer):
            return InMemory(images, split, picture, augmentation, seed, answers)
    return OneByOne(split, picture, augmentation, seed, corrupt, cache, answer)


def _fitted_answers(
    split: Split, picture: PictureInput, answer: PictureInput
) -> tuple[Array, PictureInput] | None:
    """All pictures to answer with as the net gives them; None where that takes too much memory."""
    assert isinstance(split.source, Arrays) and isinstance(split.answers, Arrays)
    (_, _, *own), (_, _, *given) = split.source.images.shape, split.answers.images.shape
    sides = (own[0], own[1]), (given[0], given[1])
    if unlike := sizes_apart(*sides, (picture.sides, answer.sides)):
        sizes = ("x".join(map(str, side)) for side in sides)
        raise UsageError(f"the pictures are {' and the targets '.join(sizes)}: {unlike}")
    images = fitted(split.answers, answer)
    return None if images is None else (images, answer)
