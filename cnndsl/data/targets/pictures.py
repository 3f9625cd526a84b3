"""Another picture for each picture: clean for noisy, in colour for grey, large for small."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from cnndsl.data.arrays import Array
from cnndsl.data.showing import BRIGHTEST, as_bytes, pixels, unnormalised
from cnndsl.data.targets.base import PictureTarget, Pixels, Scorer
from cnndsl.data.targets.likeness import Likeness
from cnndsl.diagnostics import UsageError
from cnndsl.runtime.pictures import PictureInput

TARGET = "target"
"""The graph's input for the pictures that answers are compared with."""


class Pictures(PictureTarget):
    """Answers have the scale of what goes in: from 0 to 1, unless mean and deviation are given."""

    word = "pictures"
    shown = ("psnr", "ssim")

    def __init__(self, picture: PictureInput):
        self.picture = picture

    def describe(self) -> str:
        return "a picture for each picture"

    def answer_input(self, shape: tuple[int, ...]) -> PictureInput | None:
        if len(shape) != 4:
            answer = "x".join(map(str, shape[1:])) or "a number"
            raise UsageError(
                f"the data has a picture for each picture, and the loss compares it with {answer}: "
                f"`loss mse(out, target)` takes an `out` of channels, height and width"
            )
        _, channels, height, width = shape
        how = self.picture.preprocessing
        if (height, width) != self.picture.sides:
            how = replace(how, resize=None)
        sizes = {"channels": channels, "height": height, "width": width}
        return replace(self.picture, name=TARGET, type="float32", preprocessing=how, **sizes)

    def scorer(self) -> Scorer:
        return _Likeness(self)

    def said(self, answer: Array, seen: Array) -> str:
        values = self.unit(answer)
        height, width = answer.shape[1:]
        if not np.isfinite(values).all():
            return "no picture, since the model's values are NaN or infinite"
        return f"{height}x{width}, values from {values.min():.3f} to {values.max():.3f}"

    def drawing(self, answer: Array) -> tuple[Pixels, bytes | None]:
        return as_bytes(answer, self.picture.preprocessing), None

    def drawn(self, answers: Array, examples: Mapping[str, Array]) -> dict[str, list[Pixels]]:
        truth = self.truth(examples)
        seen = {"picture": examples[self.picture.name], "target": truth}
        drawn = self.shown_as({**seen, "answer": answers.reshape(truth.shape)})
        pairs = zip(drawn["picture"], drawn["target"], strict=True)
        return {**drawn, "picture": [_enlarged(image, *like.shape[:2]) for image, like in pairs]}

    def shown_as(self, images: Mapping[str, Array]) -> dict[str, list[Pixels]]:
        """Pictures as the net has them, for people."""
        how = self.picture.preprocessing
        return {title: [pixels(image, how) for image in batch] for title, batch in images.items()}

    def truth(self, examples: Mapping[str, Array]) -> Array:
        """What answers are compared with: B×C×H×W."""
        return examples[TARGET]

    def unit(self, images: Array) -> npt.NDArray[np.float64]:
        """Pictures as the net has them, on the scale of 0 to 1."""
        return unnormalised(images.astype(np.float64), self.picture.preprocessing) / BRIGHTEST


def _enlarged(image: Pixels, height: int, width: int) -> Pixels:
    """In that size, pixel by pixel."""
    rows, columns = (
        np.arange(n) * own // n for n, own in zip((height, width), image.shape, strict=False)
    )
    return image[rows][:, columns]


class _Likeness(Scorer):
    def __init__(self, target: Pictures):
        self._target, self._sums = target, Likeness()

    def add(self, answers: Array, examples: Mapping[str, Array]) -> None:
        truth = self._target.truth(examples)
        unit = self._target.unit
        flat = len(truth), -1, *truth.shape[-2:]  # of volumes layer by layer
        self._sums.add(unit(answers).reshape(flat), unit(truth).reshape(flat))

    def scores(self) -> dict[str, float]:
        return self._sums.scores()
