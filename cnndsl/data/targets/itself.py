"""The picture itself: what went in is to come out again."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cnndsl.data.arrays import Array
from cnndsl.data.loader import Batch
from cnndsl.data.randomness import key, normals
from cnndsl.data.showing import whole_range
from cnndsl.data.targets.base import SCORES, Pixels
from cnndsl.data.targets.likeness import Likeness
from cnndsl.data.targets.pictures import TARGET, Pictures
from cnndsl.runtime.pictures import PictureInput


class PictureItself(Pictures):
    """Needs no labels. `noise` is the standard deviation of what is added to pictures that go in, a
    part of their range of 0 to 255; it is drawn by the seed, for validation the same in each epoch.
    Then the clean pictures are the graph's targets.
    """

    word = "itself"

    def __init__(self, picture: PictureInput, noise: float = 0.0, seed: int = 0):
        super().__init__(picture)
        self.noise, self.seed = noise, seed
        self.clean = noise > 0

    def describe(self) -> str:
        added = f", noise of {self.noise:g} added to what goes in" if self.noise else ""
        return f"the picture itself{added}"

    def answer_input(self, shape: tuple[int, ...]) -> PictureInput | None:
        return None

    def examples(self, batch: Batch, epoch: int) -> tuple[Array, Array]:
        if not self.noise:
            return batch.images, batch.targets
        how, images = self.picture.preprocessing, batch.images
        drawn = normals(key(self.seed, epoch, "input noise"), batch.numbers, images[0].size)
        least, most = whole_range(how)
        drawn = drawn.reshape(images.shape) * np.float32(self.noise) * (most - least)
        return np.clip(images + drawn, least, most), images

    def said(self, answer: Array, seen: Array) -> str:
        sums = Likeness()
        sums.add(self.unit(answer.reshape(1, *seen.shape)), self.unit(seen[None]))
        found = sums.scores()
        return ", ".join(f"{SCORES[n].title} {SCORES[n].text(found[n])}" for n in self.shown)

    def drawn(self, answers: Array, examples: Mapping[str, Array]) -> dict[str, list[Pixels]]:
        seen = examples[self.picture.name]
        noisy = {"picture": examples[TARGET], "with noise": seen} if self.clean else {}
        return self.shown_as({"picture": seen, **noisy, "answer": answers.reshape(seen.shape)})

    def truth(self, examples: Mapping[str, Array]) -> Array:
        return examples.get(TARGET, examples[self.picture.name])
