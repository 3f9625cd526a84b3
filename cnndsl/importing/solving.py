"""Numbers that differ from place to place, as few parameters and expressions of them.

Several parts of a net have the same text but for their numbers. Every number's place is a column,
with a row for each part. A column that never changes stays a number; one that equals another's, or
a multiple of it, or of the channels that enter, is an expression; the others become parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cnndsl.importing.wording import Number, best_way, written_way

Hole = tuple[str, Number]
"""A number's kind, as `Fill` has it, and the number."""

FACTORS = (2, 3, 4, 6, 8)
LETTERS = ("k", "s", "p", "d", "g")
MOST_PARAMETERS = 8


@dataclass(slots=True)
class Parameter:
    """A name with the values that it takes; a default where it is an option's letter."""

    kind: str
    values: list[int]
    name: str = ""
    default: int | None = None


@dataclass(slots=True)
class Solved:
    """Parameters, and for every hole what to write (None: the number itself)."""

    parameters: list[Parameter]
    fills: list[str | None]


Term = tuple[str, Parameter | None]


def solve(rows: Sequence[Sequence[Hole]], channels: Sequence[int] | None) -> Solved | None:
    """Parameters for rows of numbers; `channels` are those that enter each part, where the language
    knows them (as `C`). None where no parameters can say it.
    """
    parameters: list[Parameter] = []
    terms: list[Term | str | None] = []
    for column in zip(*rows, strict=True):
        kind = column[0][0]
        if kind == "p":
            found = _padding([value for _, value in column], parameters)
            if found is None:
                return None
            terms.append(found)
            continue
        values = [value for _, value in column if isinstance(value, int)]
        terms.append(_term(kind, values, parameters, channels))
    if len(parameters) > MOST_PARAMETERS:
        return None
    _name(parameters)
    fills = [_text(term) for term in terms]
    return Solved(parameters, fills)


def _padding(ways: Sequence[Number], parameters: list[Parameter]) -> Term | str | None:
    """A way to write it that all share, else a number for each."""
    sets = [way for way in ways if isinstance(way, frozenset)]
    shared = sets[0].intersection(*sets[1:])
    if shared:
        return written_way(best_way(shared))
    numbers = [next((int(w[1:]) for w in found if w[1:].isdigit()), None) for found in sets]
    if any(n is None for n in numbers):
        return None
    values = [n for n in numbers if n is not None]
    same = next((p for p in parameters if p.kind == "p" and p.values == values), None)
    if same is None:
        same = Parameter("p", values)
        parameters.append(same)
    return "p={}", same


def _term(
    kind: str, values: list[int], parameters: list[Parameter], channels: Sequence[int] | None
) -> Term | None:
    if len(set(values)) == 1:
        return None
    for parameter in parameters:
        if parameter.values == values and parameter.kind not in ("*", "p"):
            return "{}", parameter
    if kind in ("n", "g", "t"):
        for parameter in parameters:
            term = _multiple(values, parameter.values, "{}") if parameter.kind == "n" else None
            if term:
                return term, parameter
        first = kind == "n" and not any(p.kind == "n" for p in parameters)
        term = _of_channels(values, channels, first) if channels else None
        if term:
            return term, None
    new = Parameter(kind, values)
    parameters.append(new)
    return "{}", new


def _multiple(values: Sequence[int], of: Sequence[int], name: str) -> str | None:
    for factor in FACTORS:
        if all(v == factor * n for v, n in zip(values, of, strict=True)):
            return f"{factor}*{name}"
    divisor = of[0] // values[0] if values[0] else 0
    if divisor > 1 and all(v * divisor == n for v, n in zip(values, of, strict=True)):
        return f"{name}//{divisor}"
    return None


def _of_channels(values: list[int], channels: Sequence[int], first: bool) -> str | None:
    """By the channels that enter; a first number alone isn't, since `block 64` says more."""
    if values == list(channels):
        return None if first else "C"
    term = _multiple(values, channels, "C")
    plain = term is None or "//" in term or term.startswith("2")
    return None if first and plain else term


def _text(term: Term | str | None) -> str | None:
    if term is None or isinstance(term, str):
        return term
    template, parameter = term
    return template.format(parameter.name) if parameter else template


def _name(parameters: list[Parameter]) -> None:
    """n and m for filters, or a, b, c where they are many; letters of options for these."""
    filters = [p for p in parameters if p.kind == "n"]
    row = "nm" if len(filters) < 3 else "abcefhijqrtuvw"
    names = iter(row)
    taken: set[str] = set()
    for parameter in parameters:
        if parameter.kind == "n":
            wanted = next(names)
        elif parameter.kind in LETTERS:
            wanted = parameter.kind
        elif parameter.kind in ("*", "t"):
            wanted = {"*": "k", "t": "c"}[parameter.kind]
        else:
            wanted = parameter.kind
        if parameter.kind == "*" and any(p.kind == "k" for p in parameters):
            wanted = "times"
        number = 1
        while wanted in taken:
            number += 1
            wanted = f"{wanted.partition('_')[0]}_{number}"
        taken.add(wanted)
        parameter.name = wanted
        if parameter.kind in LETTERS:
            parameter.default = max(sorted(set(parameter.values)), key=parameter.values.count)
            if 1 in parameter.values and parameter.kind == "s":
                parameter.default = 1
