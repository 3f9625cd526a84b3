"""Who is told how a training goes: the screen, and whoever else asks to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cnndsl.training.progress import Progress, RunningMetrics


@dataclass(frozen=True, slots=True)
class RunBegin:
    """A training in the folder `run`, of so many `epochs` in all, after `step` steps done before.

    `lines` say to people what was found and chosen, `facts` to programs.
    """

    run: Path
    epochs: int
    step: int
    lines: Sequence[str]
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StepEnd:
    """A step: the `step`th of the training, and the `place`th of the `steps` of its `epoch`, all
    counted from 1. `running_metrics` are sums over the epoch so far; its `scores()` are their
    means.
    """

    step: int
    epoch: int
    place: int
    steps: int
    loss: float
    learning_rate: float
    running_metrics: RunningMetrics


@dataclass(frozen=True, slots=True)
class EpochEnd:
    """An epoch, counted from 1: `metrics` by the names of metrics.csv (`train_loss`, `lr` …), and
    whether it is the best so far.
    """

    epoch: int
    metrics: Mapping[str, float]
    best: bool

    @classmethod
    def of(cls, progress: Progress) -> EpochEnd:
        """The epoch that was the last."""
        last = progress.epochs[-1]
        return cls(last.number, last.row(), progress.best is last)


@dataclass(frozen=True, slots=True)
class RunEnd:
    """The end of the training in the folder `run`. `results` are the content of results.json and
    `lines` say them to people; both are empty where `signal` interrupted it.
    """

    run: Path
    lines: Sequence[str]
    results: Mapping[str, Any]
    signal: int | None = None


class Callback:
    """Is told how a training goes: a class made from it has those methods that it needs.

    `on_step` and `on_epoch` end the training by returning True: its best weights are judged, and
    `cnndsl.resume` goes on with it. What a method raises ends it too, and leaves the run as of its
    last checkpoint; `on_end` isn't called then.
    """

    def on_begin(self, begin: RunBegin, /) -> None:
        """Training begins, or goes on."""

    def on_step(self, step: StepEnd, /) -> bool | None:
        """A step was done."""

    def on_evaluation(self) -> None:
        """An evaluation begins."""

    def on_epoch(self, epoch: EpochEnd, /) -> bool | None:
        """An epoch is over and kept, evaluation included."""

    def on_note(self, text: str, /) -> None:
        """There is something to say to people."""

    def on_end(self, end: RunEnd, /) -> None:
        """Training came to an end, or was interrupted."""


class Callbacks(Callback):
    """Several, told in their order."""

    def __init__(self, *callbacks: Callback):
        for callback in callbacks:
            if not isinstance(callback, Callback):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise TypeError(
                    f"{callback!r} isn't an object of a class made from cnndsl.Callback"
                )
        self.callbacks = callbacks

    def on_begin(self, begin: RunBegin, /) -> None:
        for callback in self.callbacks:
            callback.on_begin(begin)

    def on_step(self, step: StepEnd, /) -> bool:
        answers = [callback.on_step(step) for callback in self.callbacks]
        return any(answers)

    def on_evaluation(self) -> None:
        for callback in self.callbacks:
            callback.on_evaluation()

    def on_epoch(self, epoch: EpochEnd, /) -> bool:
        answers = [callback.on_epoch(epoch) for callback in self.callbacks]
        return any(answers)

    def on_note(self, text: str, /) -> None:
        for callback in self.callbacks:
            callback.on_note(text)

    def on_end(self, end: RunEnd, /) -> None:
        for callback in self.callbacks:
            callback.on_end(end)
