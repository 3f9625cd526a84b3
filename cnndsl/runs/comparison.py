"""Runs beside each other: those that differ in the seed alone are one group, with means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from math import isfinite
from statistics import fmean, stdev
from typing import Literal

from cnndsl.data.targets import SCORES
from cnndsl.diagnostics import UsageError
from cnndsl.runs.choices import DATA, EPOCHS, NET, SEED, Choices, choices, differing, said
from cnndsl.runs.record import RunRecord
from cnndsl.training.progress import Epoch

Part = Literal["train", "val"]

MOST_BANDS = 6
"""More lines with bands can't be told apart."""


@dataclass(frozen=True, slots=True)
class Statistic:
    """A figure's mean over runs, and the deviation of the runs (n − 1 in the denominator), None
    where there is one.
    """

    mean: float
    deviation: float | None

    @classmethod
    def of(cls, values: Sequence[float | None]) -> Statistic | None:
        """Of the values that there are, those that are no finite numbers left out; None of none."""
        found = [value for value in values if value is not None and isfinite(value)]
        if not found:
            return None
        return cls(fmean(found), stdev(found) if len(found) > 1 else None)


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """An epoch of a group: its number, the mean time until its end, and a score."""

    epoch: int
    seconds: float
    score: Statistic


@dataclass(frozen=True)
class Group:
    """Runs that differ in their seed alone, and what tells them from other groups."""

    label: str
    choices: Choices
    runs: tuple[RunRecord, ...]

    @property
    def first(self) -> RunRecord:
        """A run that stands for the others."""
        return self.runs[0]

    @cached_property
    def distinct(self) -> tuple[RunRecord, ...]:
        """The runs without those that repeat another one with its seed, and came to the same."""
        return tuple({_outcome(run): run for run in reversed(self.runs)}.values())[::-1]

    @cached_property
    def metric(self) -> str | None:
        """The runs' score; None where no epoch is over."""
        return next((run.metric for run in self.runs if run.metric), None)

    @property
    def names(self) -> str:
        """`net-001`, `net-001, net-002`, `net-001 and 4 more`."""
        names = [run.name for run in self.runs]
        return ", ".join(names) if len(names) < 3 else f"{names[0]} and {len(names) - 1} more"

    def statistic(self, figure: Callable[[RunRecord], float | None]) -> Statistic | None:
        """A figure over the runs."""
        return Statistic.of([figure(run) for run in self.distinct])

    def best(self, part: Part, score: str) -> Statistic | None:
        """A score of the best epochs."""
        return self.statistic(lambda run: _of(run.best, part, score) if run.best else None)

    def test(self, score: str) -> Statistic | None:
        """A score of the test."""
        return self.statistic(lambda run: (run.test or {}).get(score))

    def curve(self, part: Part, score: str) -> list[CurvePoint]:
        """A score epoch by epoch, over the runs that came so far; without epochs that lack it."""
        found: list[CurvePoint] = []
        runs = self.distinct
        times = [[*accumulate(epoch.seconds for epoch in run.epochs)] for run in runs]
        for place in range(max((len(run.epochs) for run in runs), default=0)):
            so_far = [n for n, run in enumerate(runs) if place < len(run.epochs)]
            epochs = [runs[n].epochs[place] for n in so_far]
            statistic = Statistic.of([_of(epoch, part, score) for epoch in epochs])
            if statistic:
                seconds = fmean(times[n][place] for n in so_far)
                found.append(CurvePoint(epochs[0].number, seconds, statistic))
        return found


@dataclass(frozen=True)
class Comparison:
    """Groups in the order of their first runs, and remarks on what can't be compared."""

    groups: tuple[Group, ...]
    notes: tuple[str, ...]

    @property
    def metrics(self) -> list[str]:
        """The groups' scores, each once."""
        return list(dict.fromkeys(group.metric for group in self.groups if group.metric))

    @property
    def banded(self) -> bool:
        """Whether curves show deviations, too: where there are any, of few lines."""
        return self.repeats and len(self.groups) <= MOST_BANDS

    @property
    def repeats(self) -> bool:
        """Whether any group has means of several runs."""
        return any(len(group.distinct) > 1 for group in self.groups)


def compared(runs: Sequence[RunRecord]) -> Comparison:
    """Put runs beside each other. Raises UsageError where there are fewer than two."""
    if len(runs) < 2:
        raise UsageError("a comparison needs two runs or more: `cnndsl compare runs/*`")
    groups: dict[str, list[RunRecord]] = {}
    for run in runs:
        groups.setdefault(_key(run), []).append(run)
    firsts = [members[0] for members in groups.values()]
    differences = [_without_seed(chosen) for chosen in differing(firsts)]
    labels = [_label(run, chosen) for run, chosen in zip(firsts, differences, strict=True)]
    if len(set(labels)) < len(labels) or "" in labels:
        labels = [f"{run.name} {label}".strip() for run, label in zip(firsts, labels, strict=True)]
    found = tuple(
        Group(label, chosen, tuple(members))
        for label, chosen, members in zip(labels, differences, groups.values(), strict=True)
    )
    return Comparison(found, tuple(_notes(found)))


def _of(epoch: Epoch, part: Part, score: str) -> float | None:
    return (epoch.train if part == "train" else epoch.val).get(score)


def _key(run: RunRecord) -> str:
    """Equal for runs that differ in their seed alone."""
    return repr((run.network_mark, run.data, sorted(_without_seed(choices(run.config)).items())))


def _outcome(run: RunRecord) -> str:
    """Equal for runs of a group that have the same seed and the same scores."""
    scores = [(epoch.train, epoch.val) for epoch in run.epochs]
    return repr((choices(run.config).get(SEED), run.ended, scores, run.test))


def _without_seed(chosen: Choices) -> Choices:
    return {name: value for name, value in chosen.items() if name != SEED}


def _label(run: RunRecord, chosen: Choices) -> str:
    """What tells a run from others: `resnet20 lr=0.1`."""
    words = [run.net] if NET in chosen else []
    words += [f"on {run.data}"] if DATA in chosen else []
    words += [f"{EPOCHS}={run.planned}"] if EPOCHS in chosen else []
    return " ".join([*words, said(chosen)]).strip()


def _notes(groups: Sequence[Group]) -> list[str]:
    notes: list[str] = []
    empty = [run.name for group in groups for run in group.runs if not run.epochs]
    if empty:
        notes.append(f"no epoch is over yet of {', '.join(empty)}")
    short = [run.name for group in groups for run in group.runs if run.epochs and not run.ended]
    if short:
        notes.append(f"interrupted, or going on: {', '.join(short)}")
    others = [run for group in groups for run in group.runs if run not in group.distinct]
    again = [run.name for run in others if run.epochs]
    if again:
        notes.append(f"the same as others, seed and all, and counted once: {', '.join(again)}")
    metrics = {group.metric for group in groups if group.metric}
    if len(metrics) > 1:
        titles = ", ".join(sorted(SCORES[name].title for name in metrics))
        notes.append(f"the runs answer with different things ({titles}), so losses aren't compared")
    data = list(dict.fromkeys(run.data for group in groups for run in group.runs))
    if len(data) > 1:
        notes.append(f"the runs were judged on different data: {', '.join(data)}")
    return notes
