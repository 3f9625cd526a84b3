"""Norms by an example's own mean and variance: `ln`, `inorm` and `gn`."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np

from cnndsl.show.numbers.case import Case, as_map
from cnndsl.show.numbers.lesson import (
    Array,
    Lesson,
    Section,
    factor,
    maps,
    more,
    number,
    total,
)
from cnndsl.show.numbers.sliding import places, size_of


def own_norm(case: Case) -> Lesson:
    """Every set of values less its mean, over its deviation; then weight and bias."""
    layer: Any = case.layer
    x = case.map
    sets = _gathered(case, x)
    mean, variance = sets.mean(1), sets.var(1)
    root = np.sqrt(variance + layer.eps)
    normal = _scattered(case, (sets - mean[:, None]) / root[:, None])
    weight, bias = (_wide(case.parameters.get(name)) for name in ("weight", "bias"))
    y = normal if weight is None or bias is None else weight * normal + bias
    lines: list[str] = []
    names = _names(case, len(sets))
    for name, values, m, v in islice(zip(names, sets, mean, variance, strict=True), case.steps):
        count, less = len(values), factor(float(m))
        squares = " + ".join(f"({number(n)} − {less})²" for n in values[:4].tolist())
        lines += [
            f"{name}: mean ({total(values.tolist())})/{count} = {number(float(m))}",
            f"{name}: variance ({squares}{' + …' * (count > 4)})/{count} = {number(float(v))}",
        ]
    rest = len(sets) - case.steps
    sections = [
        Section("Input", tuple(maps(x))),
        Section(
            "Mean and variance of each set",
            (*lines, *([f"… and {more(rest, 'set')}"] if rest > 0 else [])),
        ),
        Section(
            "Normalised: (x − mean)/√(variance + eps)",
            tuple(maps(normal, role="result" if y is normal else "")),
        ),
    ]
    if y is not normal:
        sections.append(
            Section("Output: times the weight, plus the bias", tuple(maps(y, role="result")))
        )
    gradients: dict[str, Array] = {}
    if case.upstream is not None:
        dy = case.coming_in
        inner = _gathered(case, dy if weight is None else dy * weight)
        n = _gathered(case, normal)
        means, products = inner.mean(1)[:, None], (inner * n).mean(1)[:, None]
        dx = _scattered(case, (inner - means - n * products) / root[:, None])
        gradients["X"] = case.like_input(dx)
        sections += [
            Section("Gradient that comes in", tuple(maps(dy))),
            Section(
                "dX: (g − mean of g − n·mean of g·n)/√(variance + eps) with g = weight·dY, n "
                "normalised",
                tuple(maps(dx, role="result")),
            ),
        ]
        for name, values, rule in (("weight", dy * normal, "dY·n"), ("bias", dy, "dY")):
            if name in case.parameters:
                shape = case.parameters[name].shape
                summed = (
                    values.reshape(shape)
                    if len(shape) > 1 or x[0].size == 1
                    else values.sum((1, 2, 3))
                )
                gradients[name] = summed.reshape(shape)
                shown = ", ".join(map(number, summed.ravel()[:9].tolist()))
                sections.append(
                    Section(
                        f"d{'W' if name == 'weight' else 'b'}: the sums of {rule}",
                        (shown + ", …" * (summed.size > 9),),
                    )
                )
    return Lesson(case.title, tuple(sections), case.like_output(y), gradients)


def _gathered(case: Case, values: Array) -> Array:
    """A row for each set of values that has a mean of its own."""
    layer: Any = case.layer
    match layer.word:
        case "ln":
            return values.reshape(1, -1) if layer.all else values.reshape(len(values), -1).T
        case "gn":
            return values.reshape(layer.groups, -1)
        case _:
            return values.reshape(len(values), -1)


def _scattered(case: Case, sets: Array) -> Array:
    """Undoes `_gathered`."""
    layer: Any = case.layer
    transposed = layer.word == "ln" and not layer.all
    return (sets.T if transposed else sets).reshape(case.map.shape)


def _names(case: Case, count: int) -> list[str]:
    layer: Any = case.layer
    size = size_of(case.map)
    match layer.word:
        case "ln" if layer.all or size == (1, 1, 1):
            return ["all values"]
        case "ln":
            return [f"at {case.output_place(at)}" for at in places(size)]
        case word:
            what = "group" if word == "gn" else "channel"
            return [f"{what} {n}" for n in range(1, count + 1)]


def _wide(values: Array | None) -> Array | None:
    """A number a channel, or one a value, as C×D×H×W."""
    if values is None:
        return None
    return as_map(values) if values.ndim > 1 else values.reshape(-1, 1, 1, 1)
