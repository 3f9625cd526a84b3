"""Layers of several values: `add` and its like number by number, and `concat`."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import numpy as np

from cnndsl.show.numbers.case import Case, as_map
from cnndsl.show.numbers.functions import table
from cnndsl.show.numbers.lesson import Array, Equation, Lesson, Section, maps, more

MOST_INPUTS = 4
"""Inputs that are shown; how many more there are is said."""

Values = list[Array]
Rule = Callable[[Values], tuple[Array, Values]]
"""From all inputs, stretched alike, to the output and the slope of each."""

Lines = list[str | Equation]


def merged(case: Case) -> Lesson:
    """Number by number; what is stretched gets back the sum of what it was stretched over."""
    inputs = _inputs(case)
    said, rule = MERGES[case.layer.word]
    y, slopes = rule([*np.broadcast_arrays(*inputs)])
    rows = {
        name: np.broadcast_to(x, y.shape)
        for name, x in zip(case.names[:MOST_INPUTS], inputs, strict=False)
    } | {"y": y}
    gradients: dict[str, Array] = {}
    if case.upstream is not None:
        dy = case.coming_in
        gradients = {
            name: _gathered(dy * slope, x.shape).reshape(own.shape)
            for name, slope, x, own in zip(
                keys(len(inputs)), slopes, inputs, (case.x, *case.others), strict=True
            )
        }
        rows["dY"] = dy
        for name, slope in zip(case.names[:MOST_INPUTS], slopes, strict=False):
            rows[f"d {name}"] = dy * slope
    sections = [
        Section("Inputs", tuple(_shown(case, inputs))),
        Section(f"{case.line}: {said}", tuple(table(rows, y.size))),
        Section("Output", tuple(maps(y, role="result"))),
    ]
    if gradients:
        stretched = any(x.shape != y.shape for x in inputs)
        sections.append(
            Section(
                "Gradient of each input: dY times the slope there"
                + ("; where it was stretched, summed up" if stretched else ""),
                tuple(_shown(case, list(map(as_map, gradients.values())), "d ", result=True)),
            )
        )
    return Lesson(case.title, tuple(sections), case.like_output(y), gradients)


def concatenated(case: Case) -> Lesson:
    """Channels one after the other; back, dY is cut at the same places."""
    inputs = _inputs(case)
    y = np.concatenate(inputs)
    ends = np.cumsum([len(x) for x in inputs]).tolist()
    told = [
        f"{name}: channel {end}" if len(x) == 1 else f"{name}: channels {end - len(x) + 1} to {end}"
        for name, x, end in zip(case.names, inputs, ends, strict=True)
    ]
    sections = [
        Section("Inputs", tuple(_shown(case, inputs))),
        Section("Their channels in the output, one after the other", tuple(_first(told))),
        Section("Output", tuple(maps(y, role="result"))),
    ]
    gradients: dict[str, Array] = {}
    if case.upstream is not None:
        parts = np.split(case.coming_in, ends[:-1])
        gradients = {
            name: part.reshape(own.shape)
            for name, part, own in zip(
                keys(len(inputs)), parts, (case.x, *case.others), strict=True
            )
        }
        sections += [
            Section("Gradient that comes in", tuple(maps(case.coming_in))),
            Section(
                "Gradient of each input: the channels of dY that it became",
                tuple(_shown(case, parts, "d ", result=True)),
            ),
        ]
    return Lesson(case.title, tuple(sections), case.like_output(y), gradients)


def keys(count: int) -> list[str]:
    """What a lesson's gradients of so many inputs go by: X, X2, X3 …"""
    return [f"X{n}" if n > 1 else "X" for n in range(1, count + 1)]


def _inputs(case: Case) -> Values:
    return [as_map(values) for values in (case.x, *case.others)]


def _shown(case: Case, values: Values, before: str = "", *, result: bool = False) -> Lines:
    lines: Lines = []
    for name, x in zip(case.names[:MOST_INPUTS], values, strict=False):
        lines += maps(x, f"{before}{name}", role="result" if result else "")
    if len(values) > MOST_INPUTS:
        lines.append(f"… and {more(len(values) - MOST_INPUTS, 'input')}")
    return lines


def _first(lines: list[str]) -> list[str]:
    rest = len(lines) - MOST_INPUTS
    return [*lines[:MOST_INPUTS], *([f"… and {more(rest, 'input')}"] if rest > 0 else [])]


def _gathered(values: Array, shape: tuple[int, ...]) -> Array:
    """The sum over the axes that were stretched."""
    axes = tuple(n for n, size in enumerate(shape) if size == 1)
    return values.sum(axes, keepdims=True)


def _add(values: Values) -> tuple[Array, Values]:
    return np.sum(values, axis=0), [np.ones_like(x) for x in values]


def _sub(values: Values) -> tuple[Array, Values]:
    first, *others = values
    one = np.ones_like(first)
    return first - np.sum(others, axis=0), [one, *(-one for _ in others)]


def _mul(values: Values) -> tuple[Array, Values]:
    slopes = [
        reduce(np.multiply, [*values[:n], *values[n + 1 :]], np.ones_like(values[0]))
        for n in range(len(values))
    ]
    return reduce(np.multiply, values), slopes


def _div(values: Values) -> tuple[Array, Values]:
    first, *others = values
    with np.errstate(all="ignore"):
        under = reduce(np.multiply, others, np.ones_like(first))
        y = first / under
        return y, [1 / under, *(-y / x for x in others)]


def _max(values: Values) -> tuple[Array, Values]:
    return _extreme(values, np.max(values, axis=0))


def _min(values: Values) -> tuple[Array, Values]:
    return _extreme(values, np.min(values, axis=0))


def _extreme(values: Values, y: Array) -> tuple[Array, Values]:
    count = np.sum([x == y for x in values], axis=0)
    return y, [(x == y) / count for x in values]


def _atan2(values: Values) -> tuple[Array, Values]:
    y, x = values
    square = x * x + y * y
    over = np.where(square > 0, square, 1)
    return np.arctan2(y, x) * (square > 0), [x / over, -y / over]


MERGES: dict[str, tuple[str, Rule]] = {
    "add": ("the sum; slope 1 for each", _add),
    "sub": ("the first less the others; slope 1 for the first, −1 for the others", _sub),
    "mul": ("the product; slope of each the product of the others", _mul),
    "div": ("the first over the others; slopes 1/x2 and −y/x2", _div),
    "max": ("the largest; slope 1 for the largest, 0 for the others; equal ones share it", _max),
    "min": ("the smallest; slope 1 for the smallest, 0 for the others; equal ones share it", _min),
    "atan2": ("the angle of (x, y), y first; slopes x/(x² + y²) and −y/(x² + y²)", _atan2),
}
"""What each does, in words, and its values and slopes."""
