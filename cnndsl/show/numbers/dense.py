"""Dense layers: each unit is a sum of products."""

from __future__ import annotations

import numpy as np

from cnndsl.show.numbers.case import Case
from cnndsl.show.numbers.lesson import (
    Array,
    Lesson,
    Section,
    equation,
    factor,
    grid,
    maps,
    more,
    number,
)

TERMS, UNITS, WIDEST = 6, 8, 12
"""What is shown: products of a sum, units and columns of the weights."""


def dense(case: Case) -> Lesson:
    """`fc`: y = W·x + b, a map read channel by channel."""
    x, w = case.x.ravel(), case.parameters["weight"]
    bias = case.parameters.get("bias")
    first = case.part.channel if case.part else 0
    y = w @ x + (0 if bias is None else bias)
    lines = [
        f"unit {first + u + 1}: {_products(w[u], x)}"
        + ("" if bias is None else f" + {factor(float(bias[u]))}")
        + f" = {number(float(y[u]))}"
        for u in range(min(len(w), max(case.steps, 3)))
    ]
    rest = len(w) - len(lines)
    sections = [
        Section(
            "Input",
            tuple(maps(case.map, "input"))
            if case.shape.rank
            else (equation(grid(x[:WIDEST], "input")),),
        ),
        Section(
            "Weights, a row a unit",
            (equation(grid(w[:UNITS, :WIDEST], _cut("W", w), role="kernel")),),
        ),
        Section(
            "Each unit is its row times the input, plus its bias",
            (*lines, *([f"… and {more(rest, 'unit')}"] if rest else [])),
        ),
        Section("Output", (equation(grid(y[:WIDEST], _cut("output", y), role="result")),)),
    ]
    gradients: dict[str, Array] = {}
    if case.upstream is not None:
        dy = case.upstream
        dx, dw = w.T @ dy, np.outer(dy, x)
        gradients = {"X": case.like_input(dx), "weight": dw}
        sections += [
            Section("Gradient that comes in", (equation(grid(dy[:WIDEST], _cut("dY", dy))),)),
            Section(
                "dX: each column of the weights times dY",
                (
                    f"value 1: {_products(w[:, 0], dy)} = {number(float(dx[0]))}",
                    equation(grid(dx[:WIDEST], _cut("dX", dx), role="result")),
                ),
            ),
            Section(
                "dW: each dY times each input",
                (equation(grid(dw[:UNITS, :WIDEST], _cut("dW", dw), role="result")),),
            ),
        ]
        if bias is not None:
            gradients["bias"] = dy
            sections.append(
                Section(
                    "db: dY itself", (equation(grid(dy[:WIDEST], _cut("db", dy), role="result")),)
                )
            )
    return Lesson(case.title, tuple(sections), y, gradients)


def _products(w: Array, x: Array) -> str:
    pairs = list(zip(w.tolist(), x.tolist(), strict=True))
    text = " + ".join(f"{factor(a)}·{factor(b)}" for a, b in pairs[:TERMS])
    return text if len(pairs) <= TERMS else f"{text} + … ({len(pairs):,} products)"


def _cut(name: str, values: Array) -> str:
    """The name, and how much isn't shown."""
    shown = (UNITS, WIDEST)[-values.ndim :]
    if all(n <= m for n, m in zip(values.shape, shown, strict=True)):
        return name
    part = "x".join(str(min(n, m)) for n, m in zip(values.shape, shown, strict=True))
    return f"{name}, the first {part} of {'x'.join(map(str, values.shape))}"
