"""Numbers that differ from place to place, as few parameters and expressions of them.

Several parts of a net have the same text but for their numbers. Every number's place is a column,
with a row for each part. A column that never changes stays a number; one that equals another's, or
a multiple of it, or of the channels that enter, is an expression; the others become parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

from cnndsl.importing.wording import Number, best_way, written_way

Hole = tuple[str, Number]
"""A number's kind, as `Fill` has it, and the number."""

FACTORS = (2, 3, 4, 6, 8)
LETTERS = ("k", "s", "p", "d", "g")
MOST_PARAMETERS = 8
LEAST_COMPUTED = 16  # smaller numbers are products of others by chance


@dataclass(slots=True)
class Parameter:
    """A name with the values that it takes; a default where it is an option's letter."""

    kind: str
    values: list[int | float | str]
    name: str = ""
    default: int | str | None = None


@dataclass(slots=True)
class Solved:
    """Parameters, and for every hole what to write (None: the number itself)."""

    parameters: list[Parameter]
    fills: list[str | None]


Term = tuple[str, tuple[Parameter, ...]]


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
        values = [value for _, value in column if not isinstance(value, frozenset)]
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
        same = Parameter("p", [*values])
        parameters.append(same)
    return "p={}", (same,)


def _term(
    kind: str,
    numbers: Sequence[int | float | str],
    parameters: list[Parameter],
    channels: Sequence[int] | None,
) -> Term | None:
    if len(set(numbers)) == 1:
        return None
    for parameter in parameters:
        if parameter.values == numbers and parameter.kind not in ("*", "p"):
            return "{}", (parameter,)
    values = [n for n in numbers if isinstance(n, int)]
    if kind in ("n", "g", "t", "f") and len(values) == len(numbers):
        for parameter in parameters:
            of = _whole(parameter) if parameter.kind == "n" else None
            term = _multiple(values, of, "{}") if of else None
            if term:
                return term, (parameter,)
        first = kind == "n" and not any(p.kind == "n" for p in parameters)
        term = _of_channels(values, channels, first) if channels else None
        if term:
            return term, ()
        found = _computed(values, parameters, channels) if kind in ("t", "f") else None
        if found:
            return found
    new = Parameter(kind, list(numbers))
    parameters.append(new)
    return "{}", (new,)


def _whole(parameter: Parameter) -> list[int] | None:
    values = [n for n in parameter.values if isinstance(n, int)]
    return values if len(values) == len(parameter.values) else None


def _computed(
    values: list[int], parameters: Sequence[Parameter], channels: Sequence[int] | None
) -> Term | None:
    """A multiple of a count, one more or less than it, or a product of two of them."""
    if min(values) < LEAST_COMPUTED:
        return None
    counts: list[tuple[str, tuple[Parameter, ...], list[int]]] = []
    for parameter in parameters:
        of = _whole(parameter)
        if parameter.kind in ("n", "t", "f") and of is not None:
            counts += [("{}", (parameter,), of), ("({}-1)", (parameter,), [n - 1 for n in of])]
    if channels:
        counts.append(("C", (), [*channels]))
    for template, by, of in counts:
        for more, text in ((0, template), (1, f"{template}+1"), (-1, f"{template}-1")):
            if by and "-" not in template and values == [n + more for n in of]:
                return text, by
        term = _multiple(values, of, template)
        if term:
            return term, by
    for (one, by, of), (two, also, others) in combinations_with_replacement(counts, 2):
        for factor in (1, *FACTORS):
            product = [factor * n * m for n, m in zip(of, others, strict=True)]
            if values == product:
                return "*".join([*([str(factor)] if factor > 1 else []), one, two]), (*by, *also)
    return None


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
    template, parameters = term
    return template.format(*(parameter.name for parameter in parameters))


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
        elif parameter.kind in ("*", "t", "f"):
            wanted = {"*": "k", "t": "c", "f": "f"}[parameter.kind]
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
        if parameter.kind in (*LETTERS, "act"):
            values = parameter.values
            often = max(sorted(set(values), key=str), key=values.count)
            parameter.default = often if isinstance(often, str) else int(often)
            if 1 in parameter.values and parameter.kind == "s":
                parameter.default = 1
