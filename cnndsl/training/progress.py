"""Where a training is and how it went so far: all that a checkpoint holds beside tensors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from cnndsl.diagnostics import UsageError

Scores = dict[str, float]
"""`loss`, its parts, and what `cnndsl.data.targets` has for the kind of target. In float16
`skipped`: the steps that were skipped."""

Ending = Literal["", "epochs", "patience", "time", "stopped"]
"""Why no more epochs are done: all are, none was better for too long, the time is over, a callback
said so."""

MOST_STEPS = 1 << 53
"""What floats count exactly, and no training reaches."""

LARGEST = 1e39
"""No score is further from 0: they are computed in float32."""

COUNTS = {"correct": "top1", "correct5": "top5"}


@dataclass
class RunningMetrics:
    """Sums over batches, of which scores are made."""

    examples: int = 0
    answers: int = 0
    sums: dict[str, float] = field(default_factory=dict[str, float])

    def add(self, numbers: Mapping[str, float], examples: int, answers: int) -> None:
        """A batch's mean losses and counts."""
        self.examples += examples
        self.answers += answers
        for name, number in numbers.items():
            share = examples if name.startswith("loss") else 1
            self.sums[name] = self.sums.get(name, 0.0) + number * share

    def scores(self) -> Scores:
        """Means over everything added so far."""
        scores = {
            name: total / self.examples
            for name, total in self.sums.items()
            if name.startswith("loss")
        }
        scores |= {"skipped": self.sums["skipped"]} if "skipped" in self.sums else {}
        return scores | {
            score: self.sums[count] / self.answers
            for count, score in COUNTS.items()
            if count in self.sums
        }


@dataclass
class Epoch:
    """What came out of an epoch, counted from 1; `rate` is the last step's learning rate."""

    number: int
    steps: int
    rate: float
    train: Scores
    val: Scores
    seconds: float
    images_per_second: float

    def row(self) -> dict[str, float]:
        """Its figures in one row, by the names that metrics.csv has for columns."""
        row: dict[str, float] = {"epoch": self.number, "step": self.steps, "lr": self.rate}
        row |= {f"train_{name}": score for name, score in self.train.items()}
        row |= {f"val_{name}": score for name, score in self.val.items()}
        return row | {"seconds": self.seconds, "images_per_second": self.images_per_second}

    @classmethod
    def of_row(cls, row: Mapping[str, str | None]) -> Epoch:
        """The epoch that `row` gave, of its figures as texts. Raises ValueError."""

        def number(name: str) -> float:
            value = float(row.get(name) or "nothing")
            if not 0 <= value < MOST_STEPS:
                raise ValueError(name)
            return value

        def score(text: str) -> float:
            value = float(text)
            if isfinite(value) and abs(value) > LARGEST:
                raise ValueError(text)
            return value

        def scores(part: str) -> Scores:
            found = {n.removeprefix(part): v for n, v in row.items() if n and n.startswith(part)}
            return {name: score(value) for name, value in found.items() if value}

        return cls(
            number=int(number("epoch")),
            steps=int(number("step")),
            rate=number("lr"),
            train=scores("train_"),
            val=scores("val_"),
            seconds=number("seconds"),
            images_per_second=number("images_per_second"),
        )

    @property
    def judged(self) -> Scores:
        """Validation's scores; training's where nothing is validated."""
        return self.val or self.train

    @property
    def goodness(self) -> tuple[float, float]:
        """The more right answers or the larger the mean IoU, or else the smaller the loss, the
        greater; the best epoch has the greatest.
        """
        loss = self.judged.get("loss", float("inf"))
        right = self.judged.get("top1", self.judged.get("iou", 0.0))
        return right, -loss if isfinite(loss) else float("-inf")


@dataclass
class Progress:
    """`steps` done in all; the epochs that are over; the sums of the one that isn't.

    `seconds` is the time spent on training and evaluation, interruptions left out.
    """

    steps: int = 0
    epochs: list[Epoch] = field(default_factory=list[Epoch])
    running_metrics: RunningMetrics = field(default_factory=RunningMetrics)
    seconds: float = 0.0
    epoch_seconds: float = 0.0
    ended: Ending = ""

    @property
    def losses(self) -> list[float]:
        """The validation losses (the training's, where nothing is validated)."""
        return [epoch.val.get("loss", epoch.train["loss"]) for epoch in self.epochs]

    @property
    def best(self) -> Epoch | None:
        """The epoch of the greatest goodness; the first of equals."""
        return max(self.epochs, key=lambda epoch: epoch.goodness, default=None)

    @property
    def waited(self) -> int:
        """Epochs since the best one."""
        return self.epochs[-1].number - self.best.number if self.best else 0

    def to_json(self) -> str:
        """One line of JSON; floats survive exactly."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Progress:
        """What `to_json` wrote. Raises UsageError."""
        try:
            found = TypeAdapter(cls).validate_json(text, strict=True)
        except ValidationError:
            found = None
        counted = found is not None and 0 <= found.steps < MOST_STEPS
        if found is None or not counted or any("loss" not in e.train for e in found.epochs):
            raise UsageError("the checkpoint's record of progress is damaged")
        return found
