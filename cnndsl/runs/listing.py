"""Runs as a table, CSV and JSON: a line a run."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any

from cnndsl.data.targets import SCORES
from cnndsl.printing import json_text, printable
from cnndsl.runs.choices import DATA, NET, differing, said
from cnndsl.runs.collection import Runs
from cnndsl.runs.record import RunRecord
from cnndsl.show.figures import scaled
from cnndsl.show.table import UNLIMITED, Column, narrowed, table
from cnndsl.training.folder import finite
from cnndsl.training.screen import duration

VERSION = 1
NONE = "–"

_DISPENSABLE = ("MACs", "best", "params", "loss", "data", "time", "net")
"""What a narrow terminal does without, in this order."""

_Cell = Callable[[RunRecord], str]


def as_text(runs: Runs, folder: Path, width: int = UNLIMITED) -> str:
    """A table in lines of at most `width` characters, net and data above it where they are the
    same for all, and what it shows.
    """
    columns, cells = _columns(runs, folder)
    rows = [[cell(run) for cell in cells] for run in runs]
    texts = [said(chosen) for chosen in differing(runs)]
    if any(texts):
        columns.append(Column("differs in", least=min(width // 3, max(map(len, texts)))))
        rows = [[*row, text] for row, text in zip(rows, texts, strict=True)]
    shown, kept, found = narrowed(columns, rows, width, _DISPENSABLE)
    legend = wrap(_legend(runs), width)
    return "\n".join([_head(runs, folder), "", table(shown, kept, found), *legend])


def as_csv(runs: Runs) -> str:
    """A line a run, with every choice in which they differ; nothing for what a run hasn't."""
    text = io.StringIO()
    rows = runs.rows()
    writer = csv.DictWriter(text, rows[0] if rows else (), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _csv_cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue().rstrip("\n")


def as_json(runs: Runs) -> str:
    """Every figure, and what isn't a run or is damaged."""
    content = {"version": VERSION, "runs": runs.rows(), "problems": runs.problems}
    return json_text(finite(content), indent=2)


def _score_text(run: RunRecord, value: float | None) -> str:
    """A score as its kind is written; a dash for none."""
    return SCORES[run.metric].text(value) if run.metric else NONE


def loss_text(value: float | None) -> str:
    """Four digits behind the point, fewer for large ones; a dash for none."""
    if value is None:
        return NONE
    return f"{value:.4f}" if abs(value) < 100 else f"{value:.3g}"


def _columns(runs: Runs, folder: Path) -> tuple[list[Column], list[_Cell]]:
    """Columns, and what stands in them; none in which all runs would have the same, or nothing."""
    metrics = {run.metric for run in runs if run.metric}
    title = SCORES[next(iter(metrics))].title if len(metrics) == 1 else "score"

    def scored(run: RunRecord) -> str:
        text = _score_text(run, run.score)
        return f"{SCORES[run.metric].title} {text}" if len(metrics) > 1 and run.metric else text

    found: list[tuple[Column, _Cell]] = [
        (Column("run", least=10), lambda run: _path(run, folder)),
        (Column("net", least=8), lambda run: run.net),
        (Column("data", least=8), lambda run: run.data),
        (Column("epochs", "right"), lambda run: f"{len(run.epochs)}/{run.planned}"),
        (Column("best", "right"), lambda run: str(run.best.number) if run.best else NONE),
        (Column("loss", "right"), lambda run: loss_text(run.loss)),
        (Column(title, "right"), scored),
        (Column("test", "right"), lambda run: _score_text(run, run.test_score)),
        (Column("params", "right"), lambda run: scaled(run.parameters)),
        (Column("MACs", "right"), lambda run: scaled(run.macs)),
        (Column("time", "right"), lambda run: duration(run.seconds)),
    ]
    shared = {name for name in (NET, DATA) if _shared(runs, name)}
    chosen = [
        (column, cell)
        for column, cell in found
        if column.title not in shared and any(cell(run) != NONE for run in runs)
    ]
    return [column for column, _ in chosen], [cell for _, cell in chosen]


def _head(runs: Runs, folder: Path) -> str:
    net, data = _shared(runs, NET), _shared(runs, DATA)
    of = f" of {net}" if net else ""
    on = f" on {data}" if data else ""
    return printable(f"{folder}: {runs}{of}{on}")


def _legend(runs: Runs) -> str:
    validated = all(run.best.val for run in runs if run.best)
    otherwise = "" if validated else ", or of training where nothing was validated"
    tested = "; test: the best weights'" if any(run.test for run in runs) else ""
    return f"loss and score: of validation{otherwise}, in the best epoch{tested}"


def _shared(runs: Sequence[RunRecord], name: str) -> str:
    """Net or data, where it is the same for all."""
    values: set[str] = {getattr(run, name) for run in runs}
    return values.pop() if len(values) == 1 else ""


def _path(run: RunRecord, folder: Path) -> str:
    """Where a run lies below the folder; its name, where it is the folder."""
    return str(run.folder.path.relative_to(folder)) if run.folder.path != folder else run.name


def _csv_cell(value: Any) -> Any:
    if value is None:
        return ""
    return printable(value) if isinstance(value, str) else value
