"""What `cnndsl predict` says where a run's answers are numbers: text, CSV and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from math import isfinite

from cnndsl.cli.output import csv_row
from cnndsl.printing import json_text, printable

Numbers = tuple[str, Sequence[float] | str]
"""A source with what the net answers, or with the reason why there is nothing."""


def _text(answers: Iterator[Numbers]) -> Iterator[str]:
    for source, numbers in answers:
        if not isinstance(numbers, str):
            yield printable(f"{source}: {', '.join(f'{number:.6g}' for number in numbers)}")


def _csv(answers: Iterator[Numbers]) -> Iterator[str]:
    early: list[Numbers] = []  # before the number of columns is known
    for found in answers:
        early.append(found)
        if not isinstance(found[1], str):
            break
    width = max((len(n) for _, n in early if not isinstance(n, str)), default=1)
    yield csv_row(["input", *(f"number_{n}" for n in range(1, width + 1)), "error"])
    for source, numbers in chain(early, answers):
        if isinstance(numbers, str):
            yield csv_row([source, *[""] * width, numbers])
        else:
            yield csv_row([source, *(f"{number:.9g}" for number in numbers), ""])


def _json(answers: Iterator[Numbers]) -> Iterator[str]:
    line = "["
    for place, (source, numbers) in enumerate(answers):
        yield line + "," * (place > 0)
        if isinstance(numbers, str):
            line = json_text({"input": source, "numbers": [], "error": numbers})
        else:
            finite = [number if isfinite(number) else None for number in numbers]
            line = json_text({"input": source, "numbers": finite})
    yield line
    yield "]"


NUMBERS = {"text": _text, "csv": _csv, "json": _json}
