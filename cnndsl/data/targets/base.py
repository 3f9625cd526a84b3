"""What all kinds of targets have."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from cnndsl.data.arrays import Array
from cnndsl.data.loader import Batch
from cnndsl.runtime.pictures import PictureInput

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Score:
    """How a score is written: its title, and its unit (a `%` is a part of 1). `falls` is whether
    less of it is better.
    """

    title: str
    unit: Literal["", "%", "dB"] = ""
    digits: int = 4
    falls: bool = False

    def text(self, value: float | None) -> str:
        """`91.32 %`, `24.10 dB`, `0.8123`; a dash for none."""
        if value is None or not np.isfinite(value):
            return "–"
        number = 100 * value if self.unit == "%" else value
        return f"{number:.{self.digits}f} {self.unit}".rstrip()


SCORES: Mapping[str, Score] = {
    "top1": Score("top-1", "%", 2),
    "top5": Score("top-5", "%", 2),
    "accuracy": Score("accuracy", "%", 2),
    "iou": Score("mean IoU", "%", 2),
    "dice": Score("mean Dice", "%", 2),
    "mse": Score("MSE", digits=5, falls=True),
    "mae": Score("MAE", digits=5, falls=True),
    "r2": Score("R²"),
    "psnr": Score("PSNR", "dB", 2),
    "ssim": Score("SSIM"),
}
"""Every score by its name in metrics.csv, less `train_` or `val_`."""

_LEADING = ("top1", "iou", "psnr", "r2")


def leading_score(names: Collection[str]) -> str | None:
    """The one of these scores that says most about its kind of target; None where there is none."""
    return next((name for name in (*_LEADING, *SCORES) if name in names), None)


class Scorer(ABC):
    """Takes the answers of a split batch by batch, and says at the end how good they are."""

    @abstractmethod
    def add(self, answers: Array, examples: Mapping[str, Array]) -> None:
        """A batch: the net's output for it, and what went into the graph."""

    @abstractmethod
    def scores(self) -> dict[str, float]:
        """By their names in `SCORES`; empty before the first batch."""


class Target(ABC):
    """A kind of target. `word` is its name in results.json, `shown` the scores that a table shows
    of validation.
    """

    word: ClassVar[str]
    clean: bool = False
    """Whether what goes in isn't what is to come out again."""

    ignoring: bool = False
    """Whether targets may be negative, and don't count then."""

    shown: tuple[str, ...] = ()

    @abstractmethod
    def describe(self) -> str:
        """What the header of a training says; empty where that goes without saying."""

    def examples(self, batch: Batch, epoch: int) -> tuple[Array, Array]:
        """What goes into the net, and what it is to answer with: pictures B×C×H×W, targets B×…."""
        return batch.images, batch.targets

    def answer_input(self, shape: tuple[int, ...]) -> PictureInput | None:
        """How pictures to answer with are prepared for a graph that takes them in that shape, the
        batch first; None where there are none. Raises UsageError.
        """
        return None

    @property
    def legend(self) -> list[tuple[str, tuple[int, int, int]]]:
        """What colours in its pictures mean."""
        return []

    def scorer(self) -> Scorer | None:
        """What takes answers and scores them; None where the graph itself counts what is right."""
        return None


class PictureTarget(Target):
    """A kind whose answers can be looked at."""

    @abstractmethod
    def said(self, answer: Array, seen: Array) -> str:
        """What is said about an answer C×H×W to a picture that went in."""

    @abstractmethod
    def drawing(self, answer: Array) -> tuple[Pixels, bytes | None]:
        """An answer C×H×W as the pixels of a file, and the palette that they are places in."""

    @abstractmethod
    def drawn(self, answers: Array, examples: Mapping[str, Array]) -> dict[str, list[Pixels]]:
        """Pictures for people by what they show, the answers last."""
