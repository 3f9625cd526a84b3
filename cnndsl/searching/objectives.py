"""What trials are judged by: any figure of a run, and whether more or less of it is better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cnndsl.data.dataset import DataSet
from cnndsl.data.targets import SCORES, Target
from cnndsl.diagnostics import UsageError, did_you_mean
from cnndsl.searching.options import Plan

COSTS = {
    "params": "parameters",
    "macs": "multiply-adds",
    "memory": "bytes in training",
    "seconds": "seconds of training",
}
"""Figures of a run that are no scores; less of each is better."""

_SPLITS = ("val", "test", "train")
_SCORES = {
    "classes": ("top1", "top5"),
    "masks": ("accuracy", "iou", "dice"),
    "itself": ("mse", "mae", "psnr", "ssim"),
    "numbers": ("mse", "mae", "r2"),
}
"""Scores by the kind of target."""

_LEADING = {"classes": "top1", "masks": "iou"}


@dataclass(frozen=True, slots=True)
class Objective:
    """A figure by its name in metrics.csv (`val_top1`), of the test (`test_top1`), or a cost."""

    name: str

    @property
    def score(self) -> str:
        """The name without the split."""
        split, _, score = self.name.partition("_")
        return score if split in _SPLITS else self.name

    @property
    def falls(self) -> bool:
        """Whether less is better."""
        known = SCORES.get(self.score)
        return known.falls if known else True

    @property
    def of_epochs(self) -> bool:
        """Whether every epoch has a value of it."""
        return self.name.startswith(("val_", "train_"))

    def text(self, value: float | None) -> str:
        """A value as it is shown: `97.22 %`, `0.0812`, `61,706`."""
        if value is None:
            return "–"
        if known := SCORES.get(self.score):
            return known.text(value)
        if self.name == "seconds":
            return f"{value:.1f} s"
        return f"{value:,.0f}" if self.name in COSTS else f"{value:.4f}"


def read_objective(name: str) -> Objective:
    """The objective of a name. Raises UsageError for what no run can have."""
    objective = Objective(name)
    named = objective.score in SCORES or objective.score.startswith("loss")
    if name in COSTS or (name != objective.score and named):
        return objective
    known = [*COSTS, *(f"{split}_{score}" for split in _SPLITS for score in ("loss", *SCORES))]
    some = "val_top1, val_loss, val_iou, test_top1, params, macs, memory and seconds are some"
    raise UsageError(f"no run has a figure `{name}`; {did_you_mean(name, known, some)}")


def usual_objective(target: Target, data: DataSet) -> Objective:
    """The figure by which the best epoch is chosen."""
    split = "val" if "val" in data else "train"
    return Objective(f"{split}_{_LEADING.get(target.word, 'loss')}")


def check_objective(objective: Objective, target: Target, data: DataSet) -> None:
    """Raise UsageError for a figure that runs on these data don't have."""
    split = objective.name.partition("_")[0]
    if split in ("val", "test") and split not in data:
        raise UsageError(f"the objective is `{objective.name}`, and {data.name} has no {split}")
    scores = _SCORES[target.word]
    if objective.score in SCORES and objective.score not in scores:
        raise UsageError(
            f"the objective is `{objective.name}`, and runs on {data.name} have "
            f"{', '.join(('loss', *scores))}"
        )


def check_pruning(plan: Plan, objectives: Sequence[Objective]) -> None:
    """Raise UsageError where trials can't be compared epoch by epoch."""
    if plan.prune and (len(objectives) > 1 or not objectives[0].of_epochs):
        names = ", ".join(o.name for o in objectives)
        raise UsageError(
            f"--prune compares trials epoch by epoch by one objective such as val_loss, not {names}"
        )


def figure(objective: Objective, figures: Mapping[str, float]) -> float:
    """A run's value of an objective. Raises UsageError where it has none."""
    if objective.name not in figures:
        raise UsageError(
            f"the run has no figure `{objective.name}`; it has {', '.join(sorted(figures))}"
        )
    return figures[objective.name]
