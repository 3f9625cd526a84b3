"""Upsampling: which inputs each output takes, and in which parts."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice, product
from math import ceil, floor, prod

import numpy as np

from cnndsl.layers.resample import Upsample
from cnndsl.show.numbers.case import Case
from cnndsl.show.numbers.lesson import (
    Array,
    Lesson,
    Piece,
    Section,
    equation,
    grid,
    maps,
    more,
    number,
    place,
)
from cnndsl.show.numbers.sliding import places, size_of

Taken = list[tuple[int, Fraction]]
"""Places along an axis with their parts, which sum to 1."""


def upsampled(case: Case) -> Lesson:
    """`upsample`: the same rule along each axis, one after the other."""
    layer = case.layer
    assert isinstance(layer, Upsample)
    x, axes = case.map, _axes(layer, case)
    back, down, across = (_matrix(*pair) for pair in zip(axes, size_of(x), strict=True))
    y = np.einsum("qh,ri,sj,chij->cqrs", back, down, across, x)
    lines: list[str] = []
    for at in islice(places(size_of(y)), max(2 * case.steps, 4)):
        taken = product(*(axis[n] for axis, n in zip(axes, at, strict=True)))
        terms = [
            (prod(part for _, part in some), number(float(x[(0, *(n for n, _ in some))])))
            for some in taken
        ]
        parts = " + ".join(f"{part}·{value}" if part != 1 else value for part, value in terms)
        result = f" = {number(float(y[(0, *at)]))}" if len(terms) > 1 else ""
        lines.append(f"{place(at, size_of(y))}: {parts}{result}")
    rest = y.size - len(lines)
    sections = [
        Section("Input", tuple(maps(x))),
        Section(
            "What each output takes, along an axis",
            tuple(
                line
                for name, axis in zip(("depth", "row", "column"), axes, strict=True)
                if len(axis) > 1
                for line in _told(name, axis, case.steps)
            ),
        ),
        Section(
            "Values, the parts of all axes multiplied",
            (*lines, *([f"… and {more(rest, 'value')}"] if rest > 0 else [])),
        ),
        Section("Output", tuple(maps(y, role="result"))),
    ]
    gradients: dict[str, Array] = {}
    if case.upstream is not None:
        dy = case.coming_in
        dx = np.einsum("qh,ri,sj,cqrs->chij", back, down, across, dy)
        gradients["X"] = case.like_input(dx)
        sections += [
            Section("Gradient that comes in", tuple(maps(dy))),
            Section(
                "dX: each input gets back from each output the part that it gave",
                (
                    equation(*_parts(back, down, across)),
                    *maps(dx, "dX", role="result"),
                ),
            ),
        ]
    return Lesson(case.title, tuple(sections), case.like_output(y), gradients)


def _parts(back: Array, down: Array, across: Array) -> list[Piece]:
    """The parts along each axis, as matrices beside dY."""
    slices_ = [grid(back.T, "parts of the slices"), "×"] if len(back) > 1 else []
    return [*slices_, grid(down.T, "parts of the rows"), "× dY ×", grid(across, "of the columns")]


def _axes(layer: Upsample, case: Case) -> list[list[Taken]]:
    """For slices, rows and columns, what each output takes."""
    sizes = list(zip(case.shape.sizes, case.output.sizes, strict=True))
    factors = layer.factors(case.shape) if layer.factor is not None else (None,) * len(sizes)
    found = [
        [_taken(layer, m, n, i, factor) for i in range(m)]
        for (n, m), factor in zip(sizes, factors, strict=True)
    ]
    return [*[[[(0, Fraction(1))]]] * (3 - len(found)), *found]


def _taken(layer: Upsample, outputs: int, inputs: int, place: int, factor: float | None) -> Taken:
    """The inputs of one output along an axis, as ONNX's Resize says."""
    given = layer.attributes()
    scale = Fraction(outputs, inputs)
    if factor is not None:
        scale = Fraction(factor).limit_denominator(1 << 12)
    match given["coordinate_transformation_mode"]:
        case "align_corners":
            step = Fraction(inputs - 1, outputs - 1) if outputs > 1 else Fraction(0)
            at = place * step
        case "asymmetric":
            at = place / scale
        case _:
            at = (place + Fraction(1, 2)) / scale - Fraction(1, 2)
    if layer.mode == "nearest":
        near = floor(at) if given["nearest_mode"] == "floor" else floor(at + Fraction(1, 2))
        return [(min(max(near, 0), inputs - 1), Fraction(1))]
    at = min(max(at, Fraction(0)), Fraction(inputs - 1))
    low, high = floor(at), ceil(at)
    if low == high:
        return [(low, Fraction(1))]
    return [(low, high - at), (high, at - low)]


def _matrix(axis: list[Taken], inputs: int) -> Array:
    """A row an output, a column an input."""
    matrix = np.zeros((len(axis), inputs))
    for output, taken in enumerate(axis):
        for source, part in taken:
            matrix[output, source] += float(part)
    return matrix


def _told(name: str, axis: list[Taken], steps: int) -> list[str]:
    shown = max(steps, 4)
    lines = [
        f"{name} {output}: "
        + " + ".join(
            f"{part}·{name} {place + 1}" if part != 1 else f"{name} {place + 1}"
            for place, part in taken
        )
        for output, taken in enumerate(axis[:shown], 1)
    ]
    return [*lines, *([f"… and {more(len(axis) - shown, name)}"] if len(axis) > shown else [])]
