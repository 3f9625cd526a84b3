"""A training of the toy net with its checkpoints, as a module and as a program that can be killed.

python -m tests.training.toy_loop FOLDER
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from time import sleep
from typing import Any

import numpy as np

from cnndsl.training.averaging import Average
from cnndsl.training.callbacks import Callback, EpochEnd, StepEnd
from cnndsl.training.checkpoint import load_checkpoint, save_checkpoint
from cnndsl.training.interrupts import Interrupts
from cnndsl.training.loop import Limits, Loop
from cnndsl.training.optimisers import Adamw
from cnndsl.training.progress import Progress, Scores
from cnndsl.training.schedules import Cosine, LearningRate
from cnndsl.training.train_step import StepSettings
from tests.training import toy


class ToyFeed:
    batches = 6

    def __init__(self, accumulate: int = 1):
        self.steps = -(-self.batches // accumulate)

    def epoch(self, number: int, start: int) -> Iterator[Mapping[str, Any]]:
        return (toy.batch(100 * number + i) for i in range(start, self.batches))


class Silent(Callback):
    """A callback and a checkpointer; `after` is called after each step."""

    def __init__(self, path: Path | None = None, after: Callable[[Progress], None] | None = None):
        self.path, self.after = path, after or (lambda progress: None)
        self.events: list[str] = []

    def on_step(self, step: StepEnd, /) -> None:
        self.events.append(f"step {step.place} of {step.steps}")
        self.after(self.training.progress)

    def on_evaluation(self) -> None:
        self.events.append("evaluating")

    def on_epoch(self, epoch: EpochEnd, /) -> None:
        self.events.append("epoch")

    def epoch(self, progress: Progress) -> None:
        self.events.append("epoch")

    def checkpoint(self, progress: Progress) -> None:
        self.events.append("checkpoint")
        if self.path:
            save_checkpoint(self.path, self.training.train_step, self.training.average, progress)


class Toy:
    """The loop, its parts, and where it stands; continues from a checkpoint where there is one."""

    def __init__(self, observer: Silent, limits: Limits, *, accumulate: int = 1):
        self.train_step = toy.train_step(StepSettings(seed=3, accumulate=accumulate), Adamw())
        self.average = Average(self.train_step.weights, 0.9)
        self.progress, self.observer = Progress(), observer
        observer.training = self
        if observer.path and observer.path.exists():
            self.progress = load_checkpoint(observer.path, self.train_step, self.average)
        self.loop = Loop(
            self.train_step,
            ToyFeed(accumulate),
            self.evaluate,
            LearningRate(0.05, Cosine(), warm_up=3),
            limits,
            self.progress,
            observer,
            observer,
            self.average,
        )

    def evaluate(self) -> Scores:
        """Cross-entropy of the averaged weights on one batch."""
        batch = toy.batch(99_999)
        weights = {**self.train_step.weights.read(), **self.average.read()}
        x = batch["x"] - weights["norm.running_mean"]
        logits = x @ weights["fc.weight"].T + weights["fc.bias"]
        logs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        chosen = logs[np.arange(len(x)), batch["target"]]
        hits = logits.argmax(1) == batch["target"]
        return {"loss": -float(chosen.mean()), "top1": float(hits.mean())}

    def result(self) -> dict[str, Any]:
        """All that two equal trainings have in common: weights, averages, scores."""
        arrays = {**self.train_step.weights.read()}
        arrays |= {f"average/{n}": v for n, v in self.average.read().items()}
        scores = [(e.number, e.steps, e.rate, e.train, e.val) for e in self.progress.epochs]
        return {**{n: v.tobytes() for n, v in arrays.items()}, "scores": scores}


def main(folder: Path) -> None:
    """Train slowly, with a checkpoint after each step; print the result's digest at the end."""
    observer = Silent(folder / "checkpoint.safetensors", lambda progress: sleep(0.005))
    training = Toy(observer, Limits(4, checkpoint=0.0))
    with Interrupts() as interrupts:
        ended = training.loop.run(interrupts)
    print("ended" if ended else "interrupted", training.progress.steps)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
