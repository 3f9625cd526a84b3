"""What `cnndsl predict` says of classes and of numbers: text, CSV and JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from math import isfinite
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from cnndsl.cli.output import csv_row
from cnndsl.printing import json_text, printable

if TYPE_CHECKING:
    from cnndsl.runtime.answers import Best

T = TypeVar("T")
Answers = Iterator[tuple[str, T | str]]
"""Sources, each with its answer, or with the reason why there is none."""


class NoAnswer(str):
    """Why a picture that was read has no answer; other reasons are on stderr already."""


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """Answers of one kind: how many parts one has, in words, as cells of a row, and as JSON under
    `name`; `columns` are the cells' names for a part, which is numbered from 1.
    """

    name: str
    count: Callable[[T], int]
    text: Callable[[T], str]
    columns: Callable[[int], Sequence[str]]
    cells: Callable[[T], Sequence[str]]
    entry: Callable[[T], list[Any]]


def lines(kind: Kind[T], form: str, answers: Answers[T]) -> Iterator[str]:
    """The answers as `text`, `csv` or `json`, line by line."""
    return {"text": _text, "csv": _csv, "json": _json}[form](kind, answers)


def _text(kind: Kind[T], answers: Answers[T]) -> Iterator[str]:
    for source, answer in answers:
        if isinstance(answer, NoAnswer):
            yield printable(f"{source}: {answer}")
        elif not isinstance(answer, str):
            yield printable(f"{source}: {kind.text(answer)}")


def _csv(kind: Kind[T], answers: Answers[T]) -> Iterator[str]:
    early: list[tuple[str, T | str]] = []  # before the number of columns is known
    for found in answers:
        early.append(found)
        if not isinstance(found[1], str):
            break
    count = max((kind.count(a) for _, a in early if not isinstance(a, str)), default=1)
    columns = [column for n in range(1, count + 1) for column in kind.columns(n)]
    yield csv_row(["input", *columns, "error"])
    for source, answer in chain(early, answers):
        if isinstance(answer, str):
            yield csv_row([source, *[""] * len(columns), answer])
        else:
            yield csv_row([source, *kind.cells(answer), ""])


def _json(kind: Kind[T], answers: Answers[T]) -> Iterator[str]:
    line = "["
    for place, (source, answer) in enumerate(answers):
        yield line + "," * (place > 0)
        if isinstance(answer, str):
            line = json_text({"input": source, kind.name: [], "error": answer})
        else:
            line = json_text({"input": source, kind.name: kind.entry(answer)})
    yield line
    yield "]"


def _name(label: str, number: int) -> str:
    return label or f"class {number}"


def _class_columns(number: int) -> list[str]:
    last = f"_{number}" if number > 1 else ""
    return [f"class{last}", f"probability{last}"]


def _class_text(best: Best) -> str:
    return ", ".join(f"{_said(r.label, r.number)} {100 * r.score:.2f} %" for r in best.ranked)


def _said(label: str, number: int) -> str:
    """A class's name beside a percentage; one that is a number itself says what it is."""
    return f"class {label}" if label.isdecimal() else _name(label, number)


def _class_cells(best: Best) -> list[str]:
    return [c for r in best.ranked for c in (_name(r.label, r.number), f"{r.score:.6f}")]


def _class_entry(best: Best) -> list[Any]:
    return [{"class": r.number, "label": r.label or None, "score": r.score} for r in best.ranked]


CLASSES: Kind[Best] = Kind(
    "top", lambda best: len(best.ranked), _class_text, _class_columns, _class_cells, _class_entry
)

NUMBERS: Kind[Sequence[float]] = Kind(
    "numbers",
    len,
    lambda numbers: ", ".join(f"{number:.6g}" for number in numbers),
    lambda number: [f"number_{number}"],
    lambda numbers: [f"{number:.9g}" for number in numbers],
    lambda numbers: [number if isfinite(number) else None for number in numbers],
)
