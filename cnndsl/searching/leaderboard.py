"""The trials of a search in the order of how good they are: as a table, as CSV, the best one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnndsl.searching.folder import SearchFolder
from cnndsl.searching.parameters import Value
from cnndsl.searching.search import Search
from cnndsl.searching.study import Attempt
from cnndsl.show.table import Column, text_row, widths
from cnndsl.training.folder import write_csv, write_text
from cnndsl.training.screen import duration


def ranked(search: Search, attempts: Sequence[Attempt]) -> list[Attempt]:
    """The trials that are done, the best first, of equals the earlier one. Where there are several
    objectives those come first than which no other one is better in all: the Pareto front.
    """
    done = sorted((a for a in attempts if a.state == "done"), key=lambda a: a.number)
    front = fronts(search, done) if len(search.objectives) > 1 else {}
    return sorted(done, key=lambda a: (front.get(a.number, 1), _losses(search, a)))


def fronts(search: Search, attempts: Sequence[Attempt]) -> dict[int, int]:
    """Which front each trial is on: 1 is the Pareto front, 2 that of the others, and so on."""
    left = {attempt.number: _losses(search, attempt) for attempt in attempts}
    found: dict[int, int] = {}
    front = 0
    while left:
        front += 1
        first = [n for n, own in left.items() if not any(_beats(o, own) for o in left.values())]
        for number in first:
            found[number] = front
            del left[number]
    return found


def _losses(search: Search, attempt: Attempt) -> tuple[float, ...]:
    """The objectives, so that less of each is better."""
    pairs = zip(search.objectives, attempt.objectives, strict=True)
    return tuple(value if objective.falls else -value for objective, value in pairs)


def _beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Whether one is as good in everything, and better in something."""
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


def write_leaderboard(folder: SearchFolder, search: Search, attempts: Sequence[Attempt]) -> None:
    """Write leaderboard.csv, leaderboard.txt and best.txt. Raises OSError."""
    found = ranked(search, attempts)
    front = fronts(search, found) if len(search.objectives) > 1 else {}
    rows = [
        {
            "rank": rank,
            **({"front": front[attempt.number]} if front else {}),
            "trial": attempt.number,
            **{o.name: v for o, v in zip(search.objectives, attempt.objectives, strict=True)},
            **attempt.values,
            **attempt.figures,
            "run": folder.trial(attempt.number).name,
        }
        for rank, attempt in enumerate(found, start=1)
    ]
    heads = ("rank", "front", "trial") if front else ("rank", "trial")
    columns: dict[str, Any] = dict.fromkeys(heads)
    columns |= dict.fromkeys(o.name for o in search.objectives)
    columns |= dict.fromkeys(p.name for p in search.parameters)
    columns |= dict.fromkeys(name for row in rows for name in row)
    write_csv(folder.leaderboard, [*columns], rows)
    write_text(folder.text, as_text(search, found) + "\n")
    if found:
        write_text(folder.best, f"{folder.trial(found[0].number).name}\n")


def as_text(search: Search, attempts: Sequence[Attempt]) -> str:
    """A table with a row a trial, in their order here."""
    heads, cells = standings(search, attempts)
    columns = [Column(title, "right") for title in heads]
    found = widths(columns, cells)
    head = text_row(columns, [c.title for c in columns], found)
    return "\n".join([head, *(text_row(columns, line, found) for line in cells)])


def standings(search: Search, attempts: Sequence[Attempt]) -> tuple[list[str], list[list[str]]]:
    """Heads and rows of trials that are done; where there are several objectives, which front each
    trial is on is the second column.
    """
    heads, rows = titles(search), [row(search, attempt) for attempt in attempts]
    if len(search.objectives) < 2:
        return heads, rows
    front = fronts(search, attempts)
    numbered = zip(attempts, rows, strict=True)
    return (
        [heads[0], "front", *heads[1:]],
        [[cells[0], str(front[attempt.number]), *cells[1:]] for attempt, cells in numbered],
    )


def titles(search: Search) -> list[str]:
    """The heads of columns for trial, objectives, values and time."""
    names = [o.name for o in search.objectives] + [p.name for p in search.parameters]
    return ["trial", *names, "time"]


def row(search: Search, attempt: Attempt) -> list[str]:
    """A trial's cells."""
    texts = [o.text(v) for o, v in zip(search.objectives, attempt.objectives, strict=False)]
    missing = len(search.objectives) - len(texts)
    values = [shown(attempt.values[p.name]) for p in search.parameters]
    seconds = attempt.figures.get("seconds")
    time = "–" if seconds is None else duration(seconds)
    return [str(attempt.number), *texts, *["–"] * missing, *values, time]


def shown(value: Value) -> str:
    """A value as people read it: `0.0012`, `yes`."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
