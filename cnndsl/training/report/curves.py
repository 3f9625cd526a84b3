"""Which curves a run has: loss, right answers, learning rate."""

from __future__ import annotations

from collections.abc import Sequence

from cnndsl.data.targets import SCORES
from cnndsl.training.progress import Progress
from cnndsl.training.report.chart import Chart, Line


def curves(progress: Progress, rates: Sequence[tuple[float, float]] = ()) -> list[Chart]:
    """Charts over the epochs, and of the learning rate over the steps (given as points)."""
    best = progress.best
    mark = (float(best.number), "best") if best and len(progress.epochs) > 1 else None
    loss = _both(progress, "loss")
    found: list[Chart] = []
    if loss:
        found.append(
            Chart("loss over the epochs", "epoch", "loss", loss, lambda v: f"{v:.3g}", mark)
        )
    right = _both(progress, "top1", 100.0)
    if right:
        title, name = "right answers over the epochs", "right answers (top-1)"
        found.append(Chart(title, "epoch", name, right, lambda v: f"{v:.4g} %", mark))
    for name in SCORES:
        if name not in ("top1", "top5"):
            found += _of_score(progress, name, mark)
    if len(rates) > 1:
        line = Line("learning rate", tuple(rates), 3)
        title, name = "learning rate over the steps", "learning rate"
        found.append(Chart(title, "step", name, (line,), lambda v: f"{v:.2g}", from_zero=True))
    return found


def _of_score(progress: Progress, name: str, mark: tuple[float, str] | None) -> list[Chart]:
    """A chart of a score, where there is one."""
    score = SCORES[name]
    lines = _both(progress, name, 100.0 if score.unit == "%" else 1.0)
    title, unit = f"{score.title} over the epochs", score.unit
    return [Chart(title, "epoch", score.title, lines, lambda v: f"{v:.4g} {unit}".rstrip(), mark)][
        : len(lines)
    ]


def _both(progress: Progress, score: str, factor: float = 1.0) -> tuple[Line, ...]:
    lines: list[Line] = []
    for name, colour in (("train", 1), ("val", 2)):
        points = [
            (float(epoch.number), factor * scores[score])
            for epoch in progress.epochs
            if score in (scores := epoch.train if name == "train" else epoch.val)
        ]
        if points:
            lines.append(Line(name, tuple(points), colour))
    return tuple(lines)
