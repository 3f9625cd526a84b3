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
    MOST_SLICES,
    Array,
    Equation,
    Grid,
    Lesson,
    Mark,
    Place,
    Section,
    captioned,
    equation,
    maps,
    more,
    number,
    slices,
    total,
)
from cnndsl.show.numbers.sliding import Slider, places, size_of

Lines = list[str | Equation]


def maximum(case: Case) -> Lesson:
    """`pool` and `gmp`: the first of several equal maxima counts, in reading order."""
    slider, x = _slider(case), case.map
    padded = slider.padded(x, -np.inf)
    count = slider.count(padded)
    y, switches = np.zeros((len(x), *count)), np.zeros((len(x), *count, 3), int)
    for at in places(count):
        part = padded[(slice(None), *slider.part(at))]
        covered = np.array([*slider.covered(at)]) - [before for before, _ in slider.pads]
        y[(slice(None), *at)] = part.reshape(len(x), -1).max(1)
        switches[(slice(None), *at)] = covered[part.reshape(len(x), -1).argmax(1)]
    lines: Lines = []
    for at in islice(places(count), case.steps):
        part, best = padded[0][slider.part(at)], switches[(0, *at)].tolist()
        lines.append(
            equation(
                *slices(x[0], "", _under(slider, at, x, best), drawn_only=True),
                *slices(np.where(part > -np.inf, part, np.nan), _named("window", x), _first(part)),
                f"largest {number(float(y[(0, *at)]))}, at {case.input_place(best)}",
            )
        )
    sections = [
        Section("Input", tuple(maps(x))),
        Section(
            "The largest under each window, and where it was: its switch", (*lines, *_rest(case, y))
        ),
        Section(
            "Output and switches", (*maps(y, "output", role="result"), *_switches(case, switches))
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
        depth, rows, columns = size_of(own.padded(np.ones((1, *x.shape[1:]))))
        counted[:depth, :rows, :columns] = 1
    count = slider.count(padded)
    y, dx = np.zeros((len(x), *count)), np.zeros(padded.shape)
    lines: Lines = []
    for step, at in enumerate(places(count)):
        under = slider.part(at)
        mask = counted[under]
        many = int(mask.sum())
        y[(slice(None), *at)] = padded[(slice(None), *under)].sum((1, 2, 3)) / many
        if case.upstream is not None:
            share = case.coming_in[(slice(None), *at)] / many
            dx[(slice(None), *under)] += share.reshape(-1, 1, 1, 1) * mask
        if step < case.steps:
            part, result = padded[0][under], number(float(y[(0, *at)]))
            lines.append(
                equation(
                    *slices(x[0], "", _under(slider, at, x), drawn_only=True),
                    *slices(np.where(mask > 0, part, np.nan), _named("window", x)),
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
    depth, row, column = np.unravel_index(int(part.argmax()), part.shape)
    return {(int(depth), int(row), int(column)): "chosen"}


def _under(
    slider: Slider, at: Place, x: Array, best: Sequence[int] | None = None
) -> dict[Place, Mark]:
    """What the window covers of the map, and the one that counts."""
    (front, _), (top, _), (left, _) = slider.pads
    marks: dict[Place, Mark] = {
        (d - front, r - top, c - left): "window" for d, r, c in slider.covered(at)
    }
    if best is not None:
        depth, row, column = best
        marks[depth, row, column] = "chosen"
    return marks


def _switches(case: Case, switches: Any) -> Lines:
    """The places of the maxima as `row,column`."""
    x = case.map
    shown = [n > 1 for n in (case.part.input_sizes if case.part else size_of(x))]
    shown[2] = True  # a map of one row has columns alone
    names = ",".join(n for n, s in zip(("depth", "row", "column"), shown, strict=True) if s)
    names = "row,column" if not any(shown[:2]) else names
    lines: Lines = []
    for number_, channel in enumerate(switches[:MOST_CHANNELS], 1):
        of = captioned(f"{names} of the maxima", f"channel {number_}" * (len(x) > 1))
        lines.append(
            equation(
                *(
                    Grid(
                        tuple(tuple(_told(case.moved(at), shown) for at in row) for row in slice_),
                        captioned(of, f"depth {depth}" * (len(channel) > 1)),
                    )
                    for depth, slice_ in enumerate(channel[:MOST_SLICES].tolist(), 1)
                )
            )
        )
    return lines


def _told(at: Sequence[int], shown: Sequence[bool]) -> str:
    return ",".join(str(n + 1) for n, is_shown in zip(at, shown, strict=True) if is_shown)


def _chosen(switches: Any) -> dict[Place, Mark]:
    """The places of the maxima; of one channel alone, since channels differ in theirs."""
    if len(switches) > 1:
        return {}
    return dict.fromkeys(map(tuple, switches[0].reshape(-1, 3).tolist()), "chosen")


def _scattered(values: Array, switches: Any, x: Array, *, add: bool) -> Array:
    """Values at the places of the maxima; where windows overlap, added up, or the last one."""
    found = np.zeros(x.shape)
    for channel in range(len(x)):
        for at in places(size_of(values)):
            to = (channel, *switches[(channel, *at)])
            value = values[(channel, *at)]
            found[to] = found[to] + value if add else value
    return found
