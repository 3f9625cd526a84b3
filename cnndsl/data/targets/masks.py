"""Masks: a class for each pixel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cnndsl.data.arrays import Array
from cnndsl.data.showing import pixels, shrinking
from cnndsl.data.targets.base import PictureTarget, Pixels, Scorer
from cnndsl.runtime.pictures import PictureInput

Counts = npt.NDArray[np.int64]
Colour = tuple[int, int, int]

COLOURS: Sequence[Colour] = (
    (86, 180, 233), (230, 159, 0), (0, 158, 115), (213, 94, 0), (204, 121, 167), (240, 228, 66),
    (0, 114, 178), (140, 86, 75), (127, 127, 127), (148, 103, 189), (188, 189, 34), (23, 190, 207),
    (255, 152, 150), (197, 176, 213), (152, 223, 138), (255, 187, 120),
)  # fmt: skip
"""Of classes, again from the first where they are more: Okabe's and Ito's, then Tableau's."""

TARGET = "target"
_SHARE = 0.55  # of a class's colour over the picture


@dataclass(frozen=True, slots=True)
class RegionScores:
    """How well one class's region was met. `pixels` are those of the class, iou and dice None where
    neither masks nor answers have any.
    """

    label: str
    pixels: int
    iou: float | None
    dice: float | None


class Masks(PictureTarget):
    """Pixels of no class (−1) count in neither loss nor scores. A net has an output for each class,
    or, of two classes, one output for the second.
    """

    word = "masks"
    shown = ("accuracy", "iou")
    ignoring = True

    def __init__(self, picture: PictureInput, labels: Sequence[str]):
        self.picture, self.labels = picture, tuple(labels)

    @property
    def legend(self) -> list[tuple[str, Colour]]:
        return [
            (label, COLOURS[number % len(COLOURS)])
            for number, label in enumerate(self.labels)
            if number not in self._plain
        ]

    @property
    def _plain(self) -> tuple[int, ...]:
        """Classes without a colour: the background, where there is only one other class."""
        return (0,) if len(self.labels) == 2 else ()

    def describe(self) -> str:
        return f"a class for each pixel, {len(self.labels)} in all"

    def scorer(self) -> RegionScorer:
        return RegionScorer(self.labels)

    def said(self, answer: Array, seen: Array) -> str:
        """The classes by the part of the picture that they have, largest first."""
        found = classes_of(answer[None])
        parts = [((found == n).mean(), self._label(n)) for n in range(max(2, len(answer)))]
        shown = [f"{label} {100 * part:.1f} %" for part, label in sorted(parts)[::-1] if part]
        return ", ".join(shown) or "no answer, since the model's values are NaN"

    def _label(self, number: int) -> str:
        return self.labels[number] if number < len(self.labels) else f"class {number}"

    def drawing(self, answer: Array) -> tuple[Pixels, bytes | None]:
        """Class numbers, and 255 where there is no answer, in the colours of the page."""
        found = classes_of(answer[None])[0]
        colours = [COLOURS[n % len(COLOURS)] for n in range(256)]
        for number in self._plain:
            colours[number] = (0, 0, 0)
        palette = bytes(part for colour in colours for part in colour)
        return np.where(found < 0, 255, found).astype(np.uint8), palette

    def drawn(self, answers: Array, examples: Mapping[str, Array]) -> dict[str, list[Pixels]]:
        truth = examples[TARGET].astype(np.int64)
        truth = truth.reshape(len(truth), *truth.shape[-2:])
        photos = [
            pixels(image, self.picture.preprocessing) for image in examples[self.picture.name]
        ]
        factor = shrinking(*truth.shape[1:])
        laid = {
            title: [
                self._over(photo, mask[::factor, ::factor])
                for photo, mask in zip(photos, masks, strict=True)
            ]
            for title, masks in {"mask": truth, "answer": classes_of(answers)}.items()
        }
        return {"picture": [_coloured(photo).astype(np.uint8) for photo in photos], **laid}

    def _over(self, photo: Pixels, mask: Counts) -> Pixels:
        """The picture with classes in colours over it; what is no class stays as it is."""
        shown = _coloured(photo)
        mask = mask[: shown.shape[0], : shown.shape[1]]
        for number in range(len(self.labels)):
            if number not in self._plain:
                chosen, colour = mask == number, COLOURS[number % len(COLOURS)]
                shown[chosen] = (1 - _SHARE) * shown[chosen] + _SHARE * np.array(colour, np.float64)
        return np.rint(shown).astype(np.uint8)


class RegionScorer(Scorer):
    """`accuracy`: the part of pixels that are right. `iou` and `dice`: means over the classes that
    masks or answers have, of |A∩B| / |A∪B| and of 2·|A∩B| / (|A| + |B|), over all pixels of the
    split together. A NaN is no answer.
    """

    def __init__(self, labels: Sequence[str]):
        self.labels = tuple(labels)
        self.counts = np.zeros((len(labels), len(labels) + 1), np.int64)

    def add(self, answers: Array, examples: Mapping[str, Array]) -> None:
        truth = examples[TARGET].astype(np.int64).reshape(-1)
        classes, width = len(self.labels), len(self.labels) + 1
        found = classes_of(answers).reshape(-1)
        found = np.where((found >= 0) & (found < classes), found, classes)
        counting = (truth >= 0) & (truth < classes)
        places = truth[counting] * width + found[counting]
        self.counts += np.bincount(places, minlength=classes * width).reshape(classes, width)

    def scores(self) -> dict[str, float]:
        total, hits = int(self.counts.sum()), np.diag(self.counts[:, :-1])
        if not total:
            return {}
        found = self.by_class()
        return {
            "accuracy": float(hits.sum() / total),
            "iou": float(np.mean([s.iou for s in found if s.iou is not None])),
            "dice": float(np.mean([s.dice for s in found if s.dice is not None])),
        }

    def by_class(self) -> list[RegionScores]:
        """Of every class."""
        hits, truth = np.diag(self.counts[:, :-1]), self.counts.sum(axis=1)
        both = truth + self.counts[:, :-1].sum(axis=0)
        return [
            RegionScores(label, int(t), h / (b - h), 2 * h / b)
            if b
            else RegionScores(label, 0, None, None)
            for label, h, t, b in zip(
                self.labels, hits.tolist(), truth.tolist(), both.tolist(), strict=True
            )
        ]


def classes_of(answers: Array) -> Counts:
    """B×C×H×W as the best class of each pixel, B×H×W; −1 where a value is NaN. One channel is the
    probability of the second class.
    """
    lost = np.isnan(answers).any(axis=1)
    best = answers[:, 0] >= 0.5 if answers.shape[1] == 1 else answers.argmax(axis=1)
    return np.where(lost, -1, best)


def _coloured(photo: Pixels) -> npt.NDArray[np.float64]:
    wide = photo if photo.ndim == 3 else np.stack([photo] * 3, axis=-1)
    return wide.astype(np.float64)
