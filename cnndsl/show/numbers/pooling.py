"""Pooling: maxima with their switches and the way back by them, and means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np

from cnndsl.layers.pool import AvgPool
from cnndsl.layers.windows import Window
from cnndsl.show.numbers.case import Case
from cnndsl.show.numbers.lesson import (
    MOST_CHANNELS,
    Array,
    Equation,
    Grid,
    Lesson,
    Mark,
    Section,
    equation,
    grid,
    maps,
    more,
    number,
    place,
    total,
)
from cnndsl.show.numbers.sliding import Place, Slider, places

Lines = list[str | Equation]


def maximum(case: Case) -> Lesson:
    """`pool` and `gmp`: the first of several equal maxima counts, in reading order."""
    slider, x = _slider(case), case.map
    padded = slider.padded(x, -np.inf)
    count = slider.count(padded)
    y, switches = np.zeros((len(x), *count)), np.zeros((len(x), *count, 2), int)
    (top, _), (left, _) = slider.pads
    for row, column in places(count):
        part = padded[(slice(None), *slider.part(row, column))]
        flat = part.reshape(len(x), -1).argmax(1)
        r, c = np.divmod(flat, part.shape[2])
        (sr, sc), (dr, dc) = slider.stride, slider.dilation
        y[:, row, column] = part.reshape(len(x), -1).max(1)
        switches[:, row, column] = np.stack(
            [row * sr + r * dr - top, column * sc + c * dc - left], 1
        )
    lines: Lines = []
    for row, column in islice(places(count), case.steps):
        part, best = padded[0][slider.part(row, column)], switches[0, row, column]
        where = place(int(best[0]), int(best[1]), x.shape[1:])
        lines.append(
            equation(
                grid(x[0], "", _under(slider, (row, column), x, best), drawn_only=True),
                grid(np.where(part > -np.inf, part, np.nan), _named("window", x), _first(part)),
                f"largest {number(float(y[0, row, column]))}, at {where}",
            )
        )
    sections = [
        Section("Input", tuple(maps(x))),
        Section(
            "The largest under each window, and where it was: its switch", (*lines, *_rest(case, y))
        ),
        Section(
            "Output and switches", (*maps(y, "output", role="result"), *_switches(switches, x))
        ),
        Section(
            "Back by the switches (unpool): each value where its maximum was, zeros elsewhere",
            tuple(maps(_scattered(y, switches, x, add=False), "", _chosen(switches))),
        ),
    ]
    gradients: dict[str, Array] = {}
    if case.upstream is not None:
        dy = case.coming_in
        dx = _scattered(dy, switches, x, add=True)
        gradients["X"] = case.like_input(dx)
        sections += [
            Section("Gradient that comes in", tuple(maps(dy))),
            Section(
                "dX: each dY goes to its maximum alone",
                tuple(maps(dx, "", _chosen(switches), role="result")),
            ),
        ]
    return Lesson(case.title, tuple(sections), case.like_output(y), gradients)


def mean(case: Case) -> Lesson:
    """`avgpool` and `gap`: padding isn't counted, unless `countpad` says so."""
    slider, x = _slider(case), case.map
    padded = slider.padded(x)
    counted = slider.padded(np.ones((1, *x.shape[1:])))[0]
    if isinstance(case.layer, AvgPool) and case.layer.countpad:
        own = Slider.of(replace(case.layer.window(case.shape), ceil=False))
        own_padded = own.padded(np.ones((1, *x.shape[1:])))[0].shape
        counted[: own_padded[0], : own_padded[1]] = 1
    count = slider.count(padded)
    y, dx = np.zeros((len(x), *count)), np.zeros(padded.shape)
    lines: Lines = []
    for step, (row, column) in enumerate(places(count)):
        at = slider.part(row, column)
        mask = counted[at]
        many = int(mask.sum())
        y[:, row, column] = padded[(slice(None), *at)].sum((1, 2)) / many
        if case.upstream is not None:
            share = case.coming_in[:, row, column] / many
            dx[(slice(None), *at)] += share.reshape(-1, 1, 1) * mask
        if step < case.steps:
            part, result = padded[0][at], number(float(y[0, row, column]))
            lines.append(
                equation(
                    grid(x[0], "", _under(slider, (row, column), x), drawn_only=True),
                    grid(np.where(mask > 0, part, np.nan), _named("window", x)),
                    f"({total(part[mask > 0].tolist())})/{many} = {result}",
                )
            )
    sections = [
        Section("Input", tuple(maps(x))),
        Section("The mean under each window", (*lines, *_rest(case, y))),
        Section("Output", tuple(maps(y, role="result"))),
    ]
    gradients: dict[str, Array] = {}
    if case.upstream is not None:
        dx = slider.inner(dx)
        gradients["X"] = case.like_input(dx)
        sections += [
            Section("Gradient that comes in", tuple(maps(case.coming_in))),
            Section(
                "dX: each dY is shared evenly by all under its window",
                tuple(maps(dx, role="result")),
            ),
        ]
    return Lesson(case.title, tuple(sections), case.like_output(y), gradients)


def _slider(case: Case) -> Slider:
    layer: Any = case.layer
    if hasattr(layer, "rounded_down"):
        return Slider.of(layer.rounded_down(case.shape))
    sizes = case.shape.sizes  # of the whole map
    return Slider.of(Window(sizes, sizes, ((0, 0),) * len(sizes), (1,) * len(sizes)))


def _named(what: str, x: Array) -> str:
    return f"{what}, channel 1" if len(x) > 1 else what


def _rest(case: Case, y: Array) -> Lines:
    rest = y.size - min(case.steps, y[0].size)
    return [f"… and {more(rest, 'window')}"] if rest else []


def _first(part: Array) -> dict[Place, Mark]:
    """The first maximum of a window."""
    return {divmod(int(part.argmax()), part.shape[1]): "chosen"}


def _under(
    slider: Slider, at: Place, x: Array, best: Sequence[int] | None = None
) -> dict[Place, Mark]:
    """What the window covers of the map, and the one that counts."""
    (top, _), (left, _) = slider.pads
    rows, columns = slider.part(*at)
    marks: dict[Place, Mark] = {
        (r - top, c - left): "window"
        for r in range(rows.start, rows.stop, rows.step)
        for c in range(columns.start, columns.stop, columns.step)
        if 0 <= r - top < x.shape[1] and 0 <= c - left < x.shape[2]
    }
    if best is not None:
        marks[int(best[0]), int(best[1])] = "chosen"
    return marks


def _switches(switches: Any, x: Array) -> Lines:
    """The places of the maxima as `row,column`."""
    grids = [
        Grid(
            tuple(
                tuple(f"{r + 1},{c + 1}" if x.shape[1] > 1 else f"{c + 1}" for r, c in row)
                for row in channel.tolist()
            ),
            f"row,column of the maxima{f', channel {n}' * (len(x) > 1)}",
        )
        for n, channel in enumerate(switches[:MOST_CHANNELS], 1)
    ]
    return [equation(*grids)]


def _chosen(switches: Any) -> dict[Place, Mark]:
    """The places of the maxima; of one channel alone, since channels differ in theirs."""
    if len(switches) > 1:
        return {}
    return {(int(r), int(c)): "chosen" for r, c in switches[0].reshape(-1, 2)}


def _scattered(values: Array, switches: Any, x: Array, *, add: bool) -> Array:
    """Values at the places of the maxima; where windows overlap, added up, or the last one."""
    found = np.zeros(x.shape)
    for channel in range(len(x)):
        for row, column in places((values.shape[1], values.shape[2])):
            r, c = switches[channel, row, column]
            value = values[channel, row, column]
            found[channel, r, c] = found[channel, r, c] + value if add else value
    return found
