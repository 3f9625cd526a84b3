"""Who is told how a search goes: people, programs, nobody."""

from __future__ import annotations

from collections.abc import Sequence

from cnndsl.searching.leaderboard import row, titles
from cnndsl.searching.parameters import Choices
from cnndsl.searching.search import Search
from cnndsl.searching.study import Attempt
from cnndsl.training.screen import JsonLines, Table

LEAST = 8  # columns for a value


class Reporter:
    """Tells nobody; others are made from it."""

    def begin(self, search: Search, lines: Sequence[str]) -> None:
        """The search begins, or goes on."""

    def trial(self, search: Search, attempt: Attempt, best: bool) -> None:
        """A trial is over: it is done, or failed, or was refused."""

    def note(self, text: str) -> None:
        """There is something to say to people."""


class TableReporter(Reporter):
    """A line a trial."""

    def __init__(self) -> None:
        self._table = Table()
        self._widths: list[int] = []

    def begin(self, search: Search, lines: Sequence[str]) -> None:
        for line in [*lines, ""]:
            self.note(line)
        self._widths = [_width(search, title) for title in titles(search)]
        self.note(self._row(titles(search)))

    def trial(self, search: Search, attempt: Attempt, best: bool) -> None:
        if attempt.state in ("done", "pruned"):
            mark = " pruned" if attempt.state == "pruned" else " best" if best else ""
            self.note(self._row(row(search, attempt)) + mark)
        else:
            values = ", ".join(f"{name}={value}" for name, value in attempt.values.items())
            self.note(f"{attempt.number:>5}  {attempt.state}: {values}: {attempt.said}")

    def note(self, text: str) -> None:
        self._table.on_note(text)

    def _row(self, cells: Sequence[str]) -> str:
        return "  ".join(
            f"{cell:>{width}}" for cell, width in zip(cells, self._widths, strict=True)
        )


class JsonReporter(Reporter):
    """A JSON object a line."""

    def __init__(self) -> None:
        self._lines = JsonLines()

    def begin(self, search: Search, lines: Sequence[str]) -> None:
        names = [objective.name for objective in search.objectives]
        self._lines.write("begin", objectives=names, trials=search.plan.trials)

    def trial(self, search: Search, attempt: Attempt, best: bool) -> None:
        names = [objective.name for objective in search.objectives]
        self._lines.write(
            "trial",
            trial=attempt.number,
            state=attempt.state,
            objectives=dict(zip(names, attempt.objectives, strict=False)),
            values=attempt.values,
            figures=dict(attempt.figures),
            said=attempt.said,
            best=best,
        )

    def note(self, text: str) -> None:
        self._lines.write("note", text=text)


def _width(search: Search, title: str) -> int:
    """What a column takes."""
    for parameter in search.parameters:
        if parameter.name == title and isinstance(parameter.domain, Choices):
            return max(len(str(value)) for value in (title, *parameter.domain.values))
    return max(len(title), 5 if title == "trial" else LEAST)
