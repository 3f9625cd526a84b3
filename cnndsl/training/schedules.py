"""Schedules: what the learning rate is multiplied by at each step.

All are functions of where the run is and of the epochs' results so far, and keep nothing else, so
that a resumed run goes on exactly as it would have.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi
from typing import Annotated, ClassVar

from pydantic import Field

from cnndsl.training.fields import MOST

Factor = Annotated[float, Field(ge=0)]
Part = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True, slots=True)
class Moment:
    """The step to be done, counted from 0, of how many in all and in an epoch.

    `losses` are the validation losses of the epochs that are over.
    """

    step: int
    steps: int
    epoch_steps: int
    losses: Sequence[float] = ()

    @property
    def epoch(self) -> int:
        """The epoch it lies in, counted from 0."""
        return self.step // self.epoch_steps


@dataclass(frozen=True, kw_only=True)
class Schedule(ABC):
    """A curve over the steps that remain after the warm-up."""

    word: ClassVar[str]

    @abstractmethod
    def factor(self, moment: Moment) -> float:
        """What the learning rate is multiplied by at that step."""


@dataclass(frozen=True, kw_only=True)
class Constant(Schedule):
    """The same learning rate throughout."""

    word: ClassVar[str] = "constant"

    def factor(self, moment: Moment) -> float:
        return 1.0


@dataclass(frozen=True, kw_only=True)
class Step(Schedule):
    """Multiplied by `factor` after every `every` epochs."""

    word: ClassVar[str] = "step"
    every: Annotated[int, Field(ge=1, le=MOST)] = 10
    by: Part = 0.1

    def factor(self, moment: Moment) -> float:
        return self.by ** (moment.epoch // self.every)


@dataclass(frozen=True, kw_only=True)
class Linear(Schedule):
    """A straight line from 1 to `end`."""

    word: ClassVar[str] = "linear"
    end: Factor = 0.0

    def factor(self, moment: Moment) -> float:
        return 1 + (self.end - 1) * moment.step / moment.steps


@dataclass(frozen=True, kw_only=True)
class Cosine(Schedule):
    """Half a cosine from 1 to `end` (Loshchilov, Hutter 2017, arXiv:1608.03983), step by step."""

    word: ClassVar[str] = "cosine"
    end: Factor = 0.0

    def factor(self, moment: Moment) -> float:
        return _between(1, self.end, moment.step / moment.steps)


@dataclass(frozen=True, kw_only=True)
class OneCycle(Schedule):
    """Half a cosine up from `start` to 1 over the first `rise` of all steps, then half a cosine
    down to `end` (Smith, Topin 2019, arXiv:1708.07120).
    """

    word: ClassVar[str] = "one-cycle"
    rise: Part = 0.3
    start: Factor = 0.04
    end: Factor = 4e-6

    def factor(self, moment: Moment) -> float:
        last = max(moment.steps - 1, 1)
        peak = max(self.rise * moment.steps - 1, 0)
        if moment.step <= peak:
            return _between(self.start, 1, moment.step / peak) if peak else 1.0
        return _between(1, self.end, (moment.step - peak) / (last - peak))


@dataclass(frozen=True, kw_only=True)
class Plateau(Schedule):
    """Multiplied by `by` whenever the validation loss has not become smaller (by the part
    `threshold` of itself) for more than `patience` epochs.
    """

    word: ClassVar[str] = "plateau"
    by: Part = 0.1
    patience: Annotated[int, Field(ge=0, le=MOST)] = 5
    threshold: Part = 1e-4

    def factor(self, moment: Moment) -> float:
        factor, best, waited = 1.0, float("inf"), 0
        for loss in moment.losses:
            if loss < best * (1 - self.threshold):
                best, waited = loss, 0
            else:
                waited += 1
            if waited > self.patience:
                factor, waited = factor * self.by, 0
        return factor


SCHEDULES: dict[str, type[Schedule]] = {
    kind.word: kind for kind in (Constant, Step, Linear, Cosine, OneCycle, Plateau)
}


@dataclass(frozen=True, slots=True)
class LearningRate:
    """`peak`, times a schedule's factor; the first `warm_up` steps rise to it in equal parts.

    Each of `stages` (its first epoch, and what multiplies the peak in it) begins anew.
    """

    peak: float
    schedule: Schedule
    warm_up: int = 0
    stages: tuple[tuple[int, float], ...] = ((0, 1.0),)

    def at(self, moment: Moment) -> float:
        """The learning rate of a step."""
        peak, moment = self._in_stage(moment)
        if moment.step < self.warm_up:
            return peak * (moment.step + 1) / self.warm_up
        remaining = Moment(
            moment.step - self.warm_up,
            max(moment.steps - self.warm_up, 1),
            moment.epoch_steps,
            moment.losses,
        )
        return peak * self.schedule.factor(remaining)

    def _in_stage(self, moment: Moment) -> tuple[float, Moment]:
        """The peak, and the moment as if the stage were all there is."""
        first, factor = next(s for s in reversed(self.stages) if s[0] <= moment.epoch)
        ends = [epoch * moment.epoch_steps for epoch, _ in self.stages if epoch > first]
        begin, end = first * moment.epoch_steps, min([moment.steps, *ends])
        within = Moment(moment.step - begin, end - begin, moment.epoch_steps, moment.losses[first:])
        return self.peak * factor, within


def _between(start: float, end: float, progress: float) -> float:
    """From start to end by half a cosine; stays at the end."""
    return end + (start - end) * (1 + cos(pi * min(progress, 1))) / 2
