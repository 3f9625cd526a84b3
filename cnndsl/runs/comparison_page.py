"""A comparison of runs as a page and as a drawing: curves, and the table as their legend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from cnndsl.data.targets import SCORES, Score
from cnndsl.diagnostics import UsageError
from cnndsl.printing import escape
from cnndsl.runs.comparison import Comparison, CurvePoint, Part
from cnndsl.runs.comparison_table import LOSS, columns, legend
from cnndsl.show.document import document
from cnndsl.training.folder import write_text
from cnndsl.training.report import chart
from cnndsl.training.report.chart import Chart, Line
from cnndsl.training.report.page import style
from cnndsl.training.report.sheet import SUFFIXES, Sheet, write_sheet

Over = Literal["epochs", "time"]

COLOURS = 12
MEANS = "Lines are means over runs that differ in their seed alone"
BANDS = f"{MEANS}; bands reach a deviation to either side."
_PARTS: Mapping[Part, str] = {"val": "validation", "train": "training"}


def write_comparison(comparison: Comparison, path: Path, over: Over = "epochs") -> None:
    """Write a .html page, or a drawing as .svg or .png. Raises UsageError, OSError."""
    drawn = charts(comparison, over)
    if not drawn:
        raise UsageError("no epoch of these runs is over, so there are no curves yet")
    match path.suffix.lower():
        case ".html":
            write_text(path, as_page(comparison, drawn))
        case suffix if suffix in SUFFIXES:
            marks = [(group.label, _colour(n)) for n, group in enumerate(comparison.groups)]
            write_sheet(Sheet(_title(comparison), drawn, marks, _remark(comparison)), path)
        case _:
            raise UsageError(f"curves go into a .html, .svg or .png, and `{path}` is none")


def charts(comparison: Comparison, over: Over = "epochs") -> list[Chart]:
    """Of the loss, where all runs answer with the same kind of thing, and of each score."""
    found: list[Chart] = []
    if len(comparison.metrics) < 2:
        found += _charts(comparison, LOSS, Score("loss", digits=3), over)
    for name in comparison.metrics:
        found += _charts(comparison, name, SCORES[name], over)
    return found


def as_page(comparison: Comparison, drawn: list[Chart]) -> str:
    """A whole HTML document."""
    figures = "".join(f"<figure>{chart.svg(each)}</figure>" for each in drawn)
    notes = "".join(f"<li>{escape(note)}</li>" for note in comparison.notes)
    notes = f'<ul class="notes">{notes}</ul>' if notes else ""
    remark = f"<p>{escape(_remark(comparison))}</p>" if comparison.repeats else ""
    content = (
        f'<section>{_legend(comparison)}<div class="pair wide">{figures}</div>{remark}</section>'
        f'<section><div class="scroll compared">{_table(comparison)}</div>'
        f"<p>{escape(legend(comparison))}</p>"
        f"{notes}</section>"
    )
    count = sum(len(group.runs) for group in comparison.groups)
    return document(_title(comparison), f"{count} runs", content, style())


def _charts(comparison: Comparison, name: str, score: Score, over: Over) -> Iterator[Chart]:
    """A score's charts: of validation, and of training where it is counted there."""
    factor = 100.0 if score.unit == "%" else 1.0
    for part, title in _PARTS.items():
        lines = tuple(
            _line(curve, group.label, _colour(number), factor, over, comparison.banded)
            for number, group in enumerate(comparison.groups)
            if name in (LOSS, group.metric) and (curve := group.curve(part, name))
        )
        if lines:
            yield Chart(
                f"{title} {score.title} over the {over}",
                "epoch" if over == "epochs" else "seconds of training",
                score.title,
                lines,
                lambda value: f"{value:.4g} {score.unit}".rstrip(),
                named=False,
                whole=over == "epochs",
            )


def _line(
    curve: Sequence[CurvePoint], label: str, colour: int, factor: float, over: Over, banded: bool
) -> Line:
    across = [point.epoch if over == "epochs" else point.seconds for point in curve]
    means = [factor * point.score.mean for point in curve]
    widths = [factor * (point.score.deviation or 0.0) for point in curve]
    ends = [(mean - width, mean + width) for mean, width in zip(means, widths, strict=True)]
    points = tuple(zip(across, means, strict=True))
    return Line(label, points, colour, tuple(ends) if banded and any(widths) else ())


def _colour(number: int) -> int:
    return number % COLOURS + 1


def _title(comparison: Comparison) -> str:
    nets = list(dict.fromkeys(run.net for group in comparison.groups for run in group.runs))
    data = list(dict.fromkeys(run.data for group in comparison.groups for run in group.runs))
    return f"{' and '.join(nets[:3])}{' …' * (len(nets) > 3)} on {' and '.join(data[:3])}"


def _remark(comparison: Comparison) -> str:
    """What lines and bands are, where runs are repeated."""
    return BANDS if comparison.banded else f"{MEANS}." if comparison.repeats else ""


def _legend(comparison: Comparison) -> str:
    entries = "".join(
        f'<li><span class="c{_colour(number)}"></span>{escape(group.label)}</li>'
        for number, group in enumerate(comparison.groups)
    )
    return f'<ul class="legend">{entries}</ul>'


def _table(comparison: Comparison) -> str:
    cells = columns(comparison)
    head = "".join(
        f"<th{' class=figure' if column.side == 'right' else ''}>{escape(column.title)}</th>"
        for column, _ in cells
    )
    rows: list[str] = []
    for number, group in enumerate(comparison.groups):
        filled = "".join(
            f"<td{' class=figure' if column.side == 'right' else ''}>{escape(cell(group))}</td>"
            for column, cell in cells
        )
        rows.append(f'<tr><td><i class="key c{_colour(number)}"></i></td>{filled}</tr>')
    return f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
