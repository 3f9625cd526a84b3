"""A comparison of runs as a table, Markdown, CSV and JSON: a line a group."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from textwrap import wrap
from typing import Any

from cnndsl.data.targets import SCORES, Score
from cnndsl.printing import json_text, printable
from cnndsl.runs.comparison import Comparison, CurvePoint, Group, Part, Statistic
from cnndsl.runs.listing import NONE, loss_text
from cnndsl.show.figures import scaled
from cnndsl.show.table import UNLIMITED, Column, markdown_rows, narrowed, table
from cnndsl.training.folder import finite
from cnndsl.training.screen import duration

VERSION = 1
LOSS = "loss"

Cells = list[tuple[Column, Callable[[Group], str]]]

_PARTS: tuple[Part, Part] = ("train", "val")


def as_text(comparison: Comparison, width: int = UNLIMITED) -> str:
    """A table in lines of at most `width` characters, and what it shows."""
    cells = columns(comparison)
    rows = [[cell(group) for _, cell in cells] for group in comparison.groups]
    label, *others = (column for column, _ in cells)
    training = [column.title for column in others if column.title.startswith("train ")]
    dispensable = ["MACs", "params", *training, "run", "time", "val loss", "epochs"]
    label = replace(label, least=min(width // 3, max(len(row[0]) for row in rows)))
    shown, kept, found = narrowed([label, *others], rows, width, dispensable)
    return "\n".join([table(shown, kept, found), *wrap(printable(legend(comparison)), width)])


def as_markdown(comparison: Comparison) -> str:
    """A table for a repository."""
    cells = columns(comparison)
    rows = [[printable(cell(group)) for _, cell in cells] for group in comparison.groups]
    return "\n".join(markdown_rows([column for column, _ in cells], rows))


def as_csv(comparison: Comparison) -> str:
    """A line a group: means, deviations, and the choices that tell it from others; nothing for what
    it hasn't.
    """
    text = io.StringIO()
    rows = [_csv_row(group) for group in comparison.groups]
    titles = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(text, titles, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().rstrip("\n")


def as_json(comparison: Comparison) -> str:
    """Every figure of every group, its curves, and remarks."""
    groups = [
        {
            "label": group.label,
            "runs": [str(run.folder.path) for run in group.runs],
            "seeds": [run.config.training.seed for run in group.runs],
            "choices": group.choices,
            "metric": group.metric,
            "figures": {name: _statistic(found) for name, found in figures(group).items()},
            "curves": _curves(group),
        }
        for group in comparison.groups
    ]
    content = {"version": VERSION, "groups": groups, "notes": comparison.notes}
    return json_text(finite(content), indent=2)


def figures(group: Group) -> dict[str, Statistic | None]:
    """What is compared, by the names of `cnndsl runs`."""
    metric = group.metric or ""
    return {
        "best_epoch": group.statistic(lambda run: run.best.number if run.best else None),
        "train_loss": group.best("train", LOSS),
        "val_loss": group.best("val", LOSS),
        "train_score": group.best("train", metric),
        "val_score": group.best("val", metric),
        "test_loss": group.test(LOSS),
        "test_score": group.test(metric),
        "parameters": group.statistic(lambda run: run.parameters),
        "macs": group.statistic(lambda run: run.macs),
        "seconds": group.statistic(lambda run: run.seconds),
    }


def columns(comparison: Comparison) -> Cells:
    """The table's columns, and what stands in them; none in which all groups would have nothing."""
    metrics = comparison.metrics
    title = SCORES[metrics[0]].title if len(metrics) == 1 else "score"

    def scored(name: str) -> Callable[[Group], str]:
        def cell(group: Group) -> str:
            text = score_text(SCORES.get(group.metric or ""), figures(group)[name])
            named = len(metrics) > 1 and group.metric and name == "val_score"
            return f"{SCORES[group.metric].title} {text}" if named and group.metric else text

        return cell

    def lost(name: str) -> Callable[[Group], str]:
        return lambda group: _loss_text(figures(group)[name])

    found: Cells = [
        (Column("differs in"), lambda group: group.label),
        (Column("epochs", "right"), _epochs),
        (Column("train loss", "right"), lost("train_loss")),
        (Column("val loss", "right"), lost("val_loss")),
        (Column(f"train {title}", "right"), scored("train_score")),
        (Column(f"val {title}", "right"), scored("val_score")),
        (Column("test", "right"), scored("test_score")),
        (Column("params", "right"), lambda group: scaled(group.first.parameters)),
        (Column("MACs", "right"), lambda group: scaled(group.first.macs)),
        (Column("time", "right"), _time),
        (Column("run", least=10), lambda group: group.names),
    ]
    return [
        (column, cell)
        for column, cell in found
        if column.side == "left" or any(cell(group) != NONE for group in comparison.groups)
    ]


def legend(comparison: Comparison) -> str:
    """What the table's figures are."""
    text = "loss and score: in the best epoch; test: the best weights'"
    repeated = "; ± is the deviation of runs that differ in their seed alone"
    return text + repeated * comparison.repeats


def score_text(score: Score | None, found: Statistic | None) -> str:
    """`98.50 ± 0.12 %`; a dash for nothing."""
    if score is None or found is None:
        return NONE
    mean = score.text(found.mean)
    if found.deviation is None:
        return mean
    number, unit = mean.partition(" ")[::2]
    return f"{number} ± {score.text(found.deviation).partition(' ')[0]} {unit}".rstrip()


def _loss_text(found: Statistic | None) -> str:
    if found is None or found.deviation is None:
        return loss_text(found.mean if found else None)
    return f"{loss_text(found.mean)} ± {loss_text(found.deviation)}"


def _epochs(group: Group) -> str:
    """Those that are over, and those that were asked for: `3–5/5` where runs came less far."""
    counts = sorted({len(run.epochs) for run in group.runs})
    over = str(counts[0]) if len(counts) == 1 else f"{counts[0]}–{counts[-1]}"
    return f"{over}/{group.first.planned}"


def _time(group: Group) -> str:
    found = group.statistic(lambda run: run.seconds or None)
    return duration(found.mean) if found else NONE


def _csv_row(group: Group) -> dict[str, Any]:
    row: dict[str, Any] = {"label": group.label, "runs": len(group.runs), "metric": group.metric}
    for name, found in figures(group).items():
        row[name] = found.mean if found else None
        row[f"{name}_deviation"] = found.deviation if found else None
    for name, value in group.choices.items():
        row[f"set {name}" if name in row else name] = value
    return {
        printable(name): printable(value) if isinstance(value, str) else value
        for name, value in row.items()
    }


def _statistic(found: Statistic | None) -> dict[str, float | None] | None:
    return {"mean": found.mean, "deviation": found.deviation} if found else None


def _curves(group: Group) -> dict[str, dict[str, list[float | None]]]:
    """By the names of metrics.csv: numbers of epochs, mean times until their ends, and scores."""
    return {
        f"{part}_{score}": _columns(points)
        for part in _PARTS
        for score in (LOSS, group.metric)
        if score and (points := group.curve(part, score))
    }


def _columns(points: list[CurvePoint]) -> dict[str, list[float | None]]:
    return {
        "epoch": [point.epoch for point in points],
        "seconds": [round(point.seconds, 3) for point in points],
        "mean": [point.score.mean for point in points],
        "deviation": [point.score.deviation for point in points],
    }
