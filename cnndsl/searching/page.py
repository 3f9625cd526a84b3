"""A search as a page: leaderboard, curves, the objective against each parameter, the front."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cnndsl.data.targets import SCORES
from cnndsl.diagnostics import UsageError
from cnndsl.printing import escape
from cnndsl.runs import RunRecord
from cnndsl.searching.folder import SearchFolder
from cnndsl.searching.leaderboard import fronts, ranked, shown, standings
from cnndsl.searching.objectives import Objective
from cnndsl.searching.parameters import Choices, Parameter
from cnndsl.searching.search import Search
from cnndsl.searching.study import Attempt
from cnndsl.show.document import document
from cnndsl.training.report.chart import Chart, Line, svg
from cnndsl.training.report.page import Card, card, section, style, table
from cnndsl.training.screen import duration

QUIET, BEST, FRONT = 0, 2, 1
MOST_CURVES = 200


@dataclass(frozen=True, slots=True)
class SearchReport:
    """What the page shows; `trials` are each trial's last attempt, `importances` parts of 1."""

    folder: SearchFolder
    search: Search
    trials: Sequence[Attempt]
    importances: Mapping[str, float]


def as_page(report: SearchReport) -> str:
    """A whole HTML document."""
    search, found = report.search, ranked(report.search, report.trials)
    config = search.config({})
    goal = search.objectives[0]
    several = len(search.objectives) > 1
    parts = [
        f'<section class="cards">{"".join(map(card, _cards(report, found)))}</section>',
        section(
            "The Pareto front",
            _figures(_front_charts(search, found)) if several else "",
            "Than the trials in colour no other one is better in all objectives.",
        ),
        section(
            f"{_title(goal)} against each parameter",
            _figures(_against(search, goal, found)),
            "A dot is a trial; the best one is in colour.",
        ),
        section(
            "Which parameters matter",
            _bars(report.importances),
            "How much of what differs in the objective each accounts for, by the trials that are "
            "done (PED-ANOVA).",
        ),
        section(
            "How the trainings went",
            _figures(_curves(report, found)),
            "A line is a trial; the best one is in colour.",
        ),
        section("Leaderboard", _leaderboard(search, found)),
    ]
    spec, data = config.model.spec, config.data.path
    subtitle = f"{report.folder.path.name}: {search.plan.method}, {len(found)} trials done"
    return document(f"Search of {spec} on {data}", subtitle, "".join(parts), style())


def _cards(report: SearchReport, found: Sequence[Attempt]) -> Iterator[Card]:
    search = report.search
    if found:
        best = found[0]
        values = ", ".join(f"{name} {shown(value)}" for name, value in best.values.items())
        for place, (goal, value) in enumerate(zip(search.objectives, best.objectives, strict=True)):
            name = f"best {_title(goal)}" if not place else f"{_title(goal)} of that one"
            yield Card(name, goal.text(value), f"trial {best.number}: {values}")
    states = [trial.state for trial in report.trials]
    others = [f"{states.count(s)} {s}" for s in ("pruned", "failed", "refused") if s in states]
    yield Card("trials done", f"{len(found)} of {search.plan.trials}", ", ".join(others))
    seconds = sum(trial.figures.get("seconds", 0.0) for trial in report.trials)
    yield Card("time", duration(seconds), "of all trainings together")


def _title(objective: Objective) -> str:
    """`val top-1`, `parameters`."""
    split, _, _ = objective.name.partition("_")
    known = SCORES.get(objective.score)
    if known:
        return f"{split} {known.title}"
    return objective.name.replace("_", " ")


def _scaled(objective: Objective, value: float) -> float:
    """A value as an axis has it: percentages in percent."""
    known = SCORES.get(objective.score)
    return 100.0 * value if known and known.unit == "%" else value


def _label(objective: Objective, value: float) -> str:
    known = SCORES.get(objective.score)
    unit = known.unit if known else ""
    return f"{value:,.4g} {unit}".rstrip() if abs(value) < 10_000 else f"{value:.3g}"


def _against(search: Search, goal: Objective, found: Sequence[Attempt]) -> Iterator[Chart]:
    """The objective over each parameter."""
    for parameter in search.parameters:
        places = _places(parameter, found)
        points = [
            (
                places.index(shown(trial.values[parameter.name])) + 1.0
                if places
                else float(trial.values[parameter.name]),
                _scaled(goal, trial.objectives[0]),
            )
            for trial in found
        ]
        lines = (
            Line("trials", tuple(points[1:]), QUIET, joined=False),
            Line("best", tuple(points[:1]), BEST, joined=False),
        )
        yield Chart(
            parameter.name,
            parameter.name,
            _title(goal),
            tuple(line for line in lines if line.points),
            lambda value: _label(goal, value),
            logarithmic=not isinstance(parameter.domain, Choices) and parameter.domain.log,
            named=False,
            whole=False,
            places=places,
        )


def _places(parameter: Parameter, found: Sequence[Attempt]) -> tuple[str, ...]:
    """The names on the axis of what has no order."""
    if not isinstance(parameter.domain, Choices):
        return ()
    return tuple(shown(value) for value in parameter.domain.values)


def _front_charts(search: Search, found: Sequence[Attempt]) -> Iterator[Chart]:
    """Each further objective over the first one."""
    if not found:
        return
    front = fronts(search, found)
    first = search.objectives[0]
    for place, other in enumerate(search.objectives[1:], start=1):
        points = {
            trial.number: (
                _scaled(other, trial.objectives[place]),
                _scaled(first, trial.objectives[0]),
            )
            for trial in found
        }
        behind = [point for number, point in points.items() if front[number] > 1]
        ahead = sorted(point for number, point in points.items() if front[number] == 1)
        lines = (
            Line("others", tuple(behind), QUIET, joined=False),
            Line("front", tuple(ahead), FRONT, joined=len(search.objectives) == 2),
        )
        yield Chart(
            f"{_title(first)} and {_title(other)}",
            _title(other),
            _title(first),
            tuple(line for line in lines if line.points),
            lambda value: _label(first, value),
            named=False,
            whole=False,
        )


def _curves(report: SearchReport, found: Sequence[Attempt]) -> Iterator[Chart]:
    """The objectives that epochs have, epoch by epoch, and validation's loss; the best trial last,
    so that its line lies above the others.
    """
    epochs = {
        trial.number: _epochs(report.folder, trial.number)
        for trial in report.trials[:MOST_CURVES]
        if trial.state in ("done", "pruned")
    }
    best = found[0].number if found else 0
    names = [o.name for o in report.search.objectives if o.of_epochs]
    for name in dict.fromkeys([*names, "val_loss", "train_loss"]):
        objective = Objective(name)
        lines: list[Line] = []
        for number in sorted(epochs, key=lambda n: (n == best, n)):
            points = tuple(
                (row["epoch"], _scaled(objective, row[name]))
                for row in epochs[number]
                if name in row
            )
            if points:
                lines.append(Line(f"{number}", points, BEST if number == best else QUIET))
        if lines:
            yield Chart(
                f"{_title(objective)} over the epochs",
                "epoch",
                _title(objective),
                tuple(lines),
                lambda value, o=objective: _label(o, value),
                named=False,
            )


def _epochs(folder: SearchFolder, number: int) -> list[dict[str, float]]:
    """The rows of a run's metrics; none where it can't be read any more."""
    try:
        return [epoch.row() for epoch in RunRecord.read(folder.trial(number)).epochs]
    except (UsageError, OSError):
        return []


def _figures(charts: Iterator[Chart]) -> str:
    figures = "".join(f"<figure>{drawn}</figure>" for c in charts if (drawn := svg(c)))
    return f'<div class="pair">{figures}</div>' if figures else ""


def _bars(importances: Mapping[str, float]) -> str:
    rows = "".join(
        f'<tr><td>{escape(name)}</td><td class="bars">'
        f'<span class="bar" style="width: {100 * part:.1f}%"></span></td>'
        f'<td class="figure">{100 * part:.0f} %</td></tr>'
        for name, part in importances.items()
    )
    return table(["parameter", "", "part"], rows, 2) if rows else ""


def _leaderboard(search: Search, found: Sequence[Attempt]) -> str:
    rows = ""
    heads, cells_of = standings(search, found)
    for place, (trial, texts) in enumerate(zip(found, cells_of, strict=True)):
        run = f"trial-{trial.number:03d}"
        cells = "".join(f'<td class="figure">{escape(text)}</td>' for text in texts[1:])
        kind = ' class="best"' if not place else ""
        link = f'<td><a href="{run}/report.html">{trial.number}</a></td>'
        rows += f"<tr{kind}>{link}{cells}</tr>"
    return table(heads, rows, 1) if rows else ""
