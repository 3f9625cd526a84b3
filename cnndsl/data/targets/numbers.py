"""Numbers that the data gives for each picture: regression."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cnndsl.data.arrays import Array
from cnndsl.data.targets.base import Scorer, Target

TARGET = "target"


class Numbers(Target):
    """One number or several for each picture."""

    word = "numbers"
    shown = ("mae", "r2")

    def describe(self) -> str:
        return "numbers"

    def scorer(self) -> Scorer:
        return _Distances()


class _Distances(Scorer):
    """`mse` and `mae` over all numbers; `r2` is 1 − Σ(answer − number)² / Σ(number − mean)² of each
    of an example's numbers, and the mean of those that aren't the same for all examples.
    """

    def __init__(self) -> None:
        self._answers: list[Array] = []
        self._numbers: list[Array] = []

    def add(self, answers: Array, examples: Mapping[str, Array]) -> None:
        count = len(answers)
        self._answers.append(answers.reshape(count, -1).astype(np.float64))
        self._numbers.append(examples[TARGET].reshape(count, -1).astype(np.float64))

    def scores(self) -> dict[str, float]:
        if not self._answers:
            return {}
        answers, numbers = np.concatenate(self._answers), np.concatenate(self._numbers)
        squares = np.square(answers - numbers)
        found = {"mse": float(squares.mean()), "mae": float(np.abs(answers - numbers).mean())}
        spread = np.square(numbers - numbers.mean(axis=0)).sum(axis=0)
        varied = spread > 0
        if varied.any():
            found["r2"] = float((1 - squares.sum(axis=0)[varied] / spread[varied]).mean())
        return found
