"""The loop: epochs of steps, an evaluation after each, checkpoints between, an end.

It knows neither files nor the screen: those are told what happens (`Callback`) and asked to keep
what must not be lost (`Checkpointer`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from time import monotonic
from typing import Protocol

from cnndsl.runtime.session import Array
from cnndsl.training.averaging import Average
from cnndsl.training.callbacks import Callback, EpochEnd, StepEnd
from cnndsl.training.interrupts import Interrupts
from cnndsl.training.progress import Epoch, Progress, RunningMetrics, Scores
from cnndsl.training.schedules import LearningRate, Moment
from cnndsl.training.train_step import TrainStep, examples_in

CHECKPOINT_SECONDS = 30.0
CHECKPOINT_SHARE = 0.01
"""The largest part of the time that writing checkpoints between epochs may take."""


class Feed(Protocol):
    """Batches of examples to train on, the same for the same epoch and number."""

    steps: int
    """Steps in an epoch: of as many batches as are accumulated, the last one maybe of fewer."""

    def epoch(self, number: int, start: int) -> Iterator[Mapping[str, Array]]:
        """The batches of an epoch, both counted from 0, from number `start` on."""
        ...


class Checkpointer(Protocol):
    """Keeps what must survive."""

    def checkpoint(self, progress: Progress) -> None:
        """Keep everything that is needed to go on from here."""
        ...

    def epoch(self, progress: Progress) -> None:
        """Keep an epoch's results, and the weights where they are the best so far."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """When to end: after so many epochs, so many seconds, so many epochs without a better one.

    `checkpoint` is how many seconds of work a crash may cost; None leaves it to the loop. `since`
    and `until` are the epochs that are over when the stage begins and ends, None for the last
    stage: patience counts in that one alone.
    """

    epochs: int
    seconds: float | None = None
    patience: int | None = None
    checkpoint: float | None = None
    since: int = 0
    until: int | None = None


class Loop:
    """One training from wherever `progress` stands."""

    def __init__(
        self,
        train_step: TrainStep,
        feed: Feed,
        evaluate: Callable[[], Scores],
        rate: LearningRate,
        limits: Limits,
        progress: Progress,
        checkpointer: Checkpointer,
        callback: Callback,
        average: Average | None = None,
    ):
        self.train_step, self.feed, self.evaluate = train_step, feed, evaluate
        self.rate, self.limits, self.progress = rate, limits, progress
        self.checkpointer, self.callback, self.average = checkpointer, callback, average
        self.accumulate = train_step.settings.accumulate
        self.epoch_steps = feed.steps
        self._kept_at, self._keeping = monotonic(), 0.0

    def run(self, interrupts: Interrupts) -> bool:
        """Train until an end, or that of the stage; whether it was none by interruption.

        Raises NotFiniteError, and what keeping raises.
        """
        while not (self.progress.ended or self._stage_is_over()):
            if not self._train_epoch(interrupts):
                self.checkpointer.checkpoint(self.progress)
                return False
            if self.progress.running_metrics.examples:
                self._finish_epoch()
        return True

    def _train_epoch(self, interrupts: Interrupts) -> bool:
        """The rest of the epoch, up to the time limit or a callback's stop; whether it wasn't
        interrupted before.
        """
        progress, clock = self.progress, _Clock(self.progress)
        number, done = divmod(progress.steps, self.epoch_steps)
        batches = self.feed.epoch(number, done * self.accumulate)
        for step in range(done, self.epoch_steps):
            if interrupts.requested:
                return False
            if self._time_is_over():
                progress.ended = "time"
                return True
            rate = self.rate.at(self._moment())
            group = list(islice(batches, self.accumulate))
            numbers = self.train_step.step(group, rate, progress.steps)
            if self.average is not None:
                self.average.update(progress.steps)
            progress.steps += 1
            examples = sum(map(examples_in, group))
            answers = sum(b["target"].size for b in group if "target" in b) or examples
            progress.running_metrics.add(numbers, examples, answers)
            clock.tick()
            place, epoch = (step + 1, self.epoch_steps), len(progress.epochs) + 1
            end = StepEnd(
                progress.steps, epoch, *place, numbers["loss"], rate, progress.running_metrics
            )
            if self.callback.on_step(end):
                progress.ended = "stopped"
                return True
            if step + 1 < self.epoch_steps:
                self._checkpoint_when_due()
        return True

    def _stage_is_over(self) -> bool:
        until = self.limits.until
        return until is not None and self.progress.steps >= until * self.epoch_steps

    def _patience_is_over(self) -> bool:
        progress, limits = self.progress, self.limits
        if limits.patience is None or limits.until is not None:
            return False
        return min(progress.waited, len(progress.epochs) - limits.since) > limits.patience

    def _moment(self) -> Moment:
        steps = self.limits.epochs * self.epoch_steps
        return Moment(self.progress.steps, steps, self.epoch_steps, self.progress.losses)

    def _time_is_over(self) -> bool:
        limit = self.limits.seconds
        return limit is not None and self.progress.seconds >= limit and self.progress.steps > 0

    def _checkpoint_when_due(self) -> None:
        """Now and then, the more rarely the longer it takes."""
        wait = self.limits.checkpoint
        if wait is None:
            wait = max(CHECKPOINT_SECONDS, self._keeping / CHECKPOINT_SHARE)
        now = monotonic()
        if now - self._kept_at >= wait:
            self.checkpointer.checkpoint(self.progress)
            self._kept_at = monotonic()
            self._keeping = self._kept_at - now

    def _finish_epoch(self) -> None:
        """Evaluate, take note, decide whether to go on."""
        progress, limits = self.progress, self.limits
        self.callback.on_evaluation()
        clock = _Clock(progress)
        training_seconds = progress.epoch_seconds
        scores = self.evaluate()
        clock.tick()
        progress.epochs.append(
            Epoch(
                number=len(progress.epochs) + 1,
                steps=progress.steps,
                rate=self.rate.at(self._moment_before()),
                train=progress.running_metrics.scores(),
                val=scores,
                seconds=progress.epoch_seconds,
                images_per_second=progress.running_metrics.examples / max(training_seconds, 1e-9),
            )
        )
        progress.running_metrics, progress.epoch_seconds = RunningMetrics(), 0.0
        if progress.steps >= limits.epochs * self.epoch_steps:
            progress.ended = "epochs"
        elif not progress.ended and self._patience_is_over():
            progress.ended = "patience"
        elif not progress.ended and self._time_is_over():
            progress.ended = "time"
        self.checkpointer.epoch(progress)
        self.checkpointer.checkpoint(progress)
        self._kept_at = monotonic()
        if self.callback.on_epoch(EpochEnd.of(progress)) and not progress.ended:
            progress.ended = "stopped"

    def _moment_before(self) -> Moment:
        """The moment of the step done last."""
        moment = self._moment()
        return Moment(moment.step - 1, moment.steps, moment.epoch_steps, moment.losses)


class _Clock:
    """Adds the time that passes to the progress."""

    def __init__(self, progress: Progress):
        self._progress, self._last = progress, monotonic()

    def tick(self) -> None:
        now = monotonic()
        self._progress.seconds += now - self._last
        self._progress.epoch_seconds += now - self._last
        self._last = now
