"""The picture itself: what went in is to come out again."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from cnndsl.data.arrays import Array
from cnndsl.data.loader import Batch
from cnndsl.data.randomness import key, normals
from cnndsl.data.showing import BRIGHTEST, as_bytes, pixels, unnormalised, whole_range
from cnndsl.data.targets.base import SCORES, PictureTarget, Pixels, Scorer
from cnndsl.data.targets.likeness import Likeness
from cnndsl.runtime.pictures import PictureInput

CLEAN = "target"
"""The graph's input for clean pictures, where noise is added to what goes in."""


class PictureItself(PictureTarget):
    """Needs no labels. `noise` is the standard deviation of what is added to pictures that go in, a
    part of their range of 0 to 255; it is drawn by the seed, for validation the same in each epoch.
    """

    word = "itself"
    shown = ("psnr", "ssim")

    def __init__(self, picture: PictureInput, noise: float = 0.0, seed: int = 0):
        self.picture, self.noise, self.seed = picture, noise, seed
        self.clean = noise > 0

    def describe(self) -> str:
        added = f", noise of {self.noise:g} added to what goes in" if self.noise else ""
        return f"the picture itself{added}"

    def examples(self, batch: Batch, epoch: int) -> tuple[Array, Array]:
        if not self.noise:
            return batch.images, batch.targets
        how, images = self.picture.preprocessing, batch.images
        drawn = normals(key(self.seed, epoch, "input noise"), batch.numbers, images[0].size)
        least, most = whole_range(how)
        drawn = drawn.reshape(images.shape) * np.float32(self.noise) * (most - least)
        return np.clip(images + drawn, least, most), images

    def scorer(self) -> Scorer:
        return _Likeness(self)

    def said(self, answer: Array, seen: Array) -> str:
        sums = Likeness()
        sums.add(self.unit(answer.reshape(1, *seen.shape)), self.unit(seen[None]))
        found = sums.scores()
        return ", ".join(f"{SCORES[n].title} {SCORES[n].text(found[n])}" for n in self.shown)

    def drawing(self, answer: Array) -> tuple[Pixels, bytes | None]:
        return as_bytes(answer, self.picture.preprocessing), None

    def drawn(self, answers: Array, examples: Mapping[str, Array]) -> dict[str, list[Pixels]]:
        how, seen = self.picture.preprocessing, examples[self.picture.name]
        noisy = {"picture": examples[CLEAN], "with noise": seen} if self.clean else {}
        shown = {"picture": seen, **noisy, "answer": answers.reshape(seen.shape)}
        return {title: [pixels(image, how) for image in images] for title, images in shown.items()}

    def unit(self, images: Array) -> npt.NDArray[np.float64]:
        """Pictures as the net has them, on the scale of 0 to 1."""
        return unnormalised(images.astype(np.float64), self.picture.preprocessing) / BRIGHTEST


class _Likeness(Scorer):
    def __init__(self, target: PictureItself):
        self._target, self._sums = target, Likeness()

    def add(self, answers: Array, examples: Mapping[str, Array]) -> None:
        truth = examples.get(CLEAN, examples[self._target.picture.name])
        unit = self._target.unit
        self._sums.add(unit(answers.reshape(truth.shape)), unit(truth))

    def scores(self) -> dict[str, float]:
        return self._sums.scores()
