"""A layer worked through with numbers: what is shown, before anybody writes or draws it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import floor, log10
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

Mark = Literal["padding", "window", "chosen"]
"""What a number in a grid is beside itself: one of the border, one under the window, or the one
that counts.
"""
Role = Literal["", "kernel", "result"]
"""What a grid is, where drawings give it a colour of its own."""
Marks = Mapping[tuple[int, int], Mark]
Place = tuple[int, int, int]
"""Depth, row and column."""

MOST_CHANNELS = 3
"""Channels that are shown side by side; how many more there are is said."""
MOST_SLICES = 6
"""Of a map of three axes."""
MOST_IN_A_ROW = 12  # of maps of one place
MOST_DECIMALS = 4
MOST_DECIMALS_OF_SMALL, SMALL = 8, 0.01
LARGEST_PLAIN = 1e7  # larger numbers are written with a power of ten


@dataclass(frozen=True, slots=True)
class Grid:
    """Numbers in rows and columns, written alike; "" is a place without one. Where it is
    `drawn_only`, texts leave it out. `names` stand before the rows.
    """

    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    marks: Marks = field(default_factory=dict[tuple[int, int], Mark])
    role: Role = ""
    drawn_only: bool = False
    names: tuple[str, ...] = ()


Piece = Grid | str


def is_operator(piece: Piece) -> bool:
    """Whether it stands between grids, and goes with the one behind it: `×`, `=`."""
    return isinstance(piece, str) and len(piece) < 3


@dataclass(frozen=True, slots=True)
class Equation:
    """Grids with what stands between them: `window × kernel = products, sum 26`."""

    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A step of the calculation under its title."""

    title: str
    lines: tuple[str | Equation, ...]


@dataclass(frozen=True, slots=True)
class Lesson:
    """What was computed from which numbers. `gradients` go by what they belong to: `X` is the
    input, others are parameters; empty where they weren't asked for.
    """

    title: str
    sections: tuple[Section, ...]
    output: Array
    gradients: Mapping[str, Array] = field(default_factory=dict[str, Array])


def equation(*pieces: Piece) -> Equation:
    """Pieces side by side."""
    return Equation(pieces)


def numbers(values: Iterable[float]) -> list[str]:
    """Numbers with as few decimals as say them all, four at most; "" for NaN, which is no number
    here, and −∞ for what is less than all.
    """
    found = [float(v) for v in values]
    finite = [v for v in found if np.isfinite(v)]
    if any(abs(v) >= LARGEST_PLAIN for v in finite):
        return [_minus(f"{v:.4g}") if np.isfinite(v) else _written(v, 0) for v in found]
    largest = max(map(abs, finite), default=0.0)
    most = MOST_DECIMALS  # and of small numbers three digits
    if 0 < largest < SMALL:
        most = min(2 - floor(log10(largest)), MOST_DECIMALS_OF_SMALL)
    decimals = next(
        (
            decimals
            for decimals in range(most)
            if all(abs(v - round(v, decimals)) < 1e-9 for v in finite)
        ),
        most,
    )
    return [_written(v, decimals) for v in found]


def number(value: float) -> str:
    """One number, `−0.5`."""
    return numbers([value])[0]


def factor(value: float) -> str:
    """A number as a part of a sum or product: in brackets where it has a sign."""
    text = number(value)
    return f"({text})" if text.startswith("−") else text


def total(values: Sequence[float]) -> str:
    """`3 + 4 − 1`, of at most nine numbers."""
    shown = [number(v) for v in values[:9]]
    text = shown[0] + "".join(
        f" − {t.removeprefix('−')}" if t.startswith("−") else f" + {t}" for t in shown[1:]
    )
    return text if len(values) <= 9 else f"{text} + … ({len(values)} numbers)"


def _written(value: float, decimals: int) -> str:
    if not np.isfinite(value):
        return "" if np.isnan(value) else "∞" if value > 0 else "−∞"
    return _minus(f"{value:.{decimals}f}")


def _minus(text: str) -> str:
    zero = text.strip("-0.") == ""
    return text.replace("-", "" if zero else "−")


def grid(
    values: npt.NDArray[Any],
    caption: str = "",
    marks: Marks | None = None,
    role: Role = "",
    drawn_only: bool = False,
) -> Grid:
    """A matrix, or a vector as a row, as a grid."""
    rows = values.reshape(1, -1) if values.ndim < 2 else values
    texts = iter(numbers(rows.ravel().tolist()))
    return Grid(
        tuple(tuple(next(texts) for _ in row) for row in rows),
        caption,
        marks or {},
        role,
        drawn_only,
    )


def slices(
    values: Array,
    what: str = "",
    marks: Mapping[Place, Mark] | None = None,
    role: Role = "",
    drawn_only: bool = False,
) -> list[Grid]:
    """A D×H×W array slice by slice, named by their depths; at most so many."""
    return [
        grid(
            values[depth],
            captioned(what, f"depth {depth + 1}" if len(values) > 1 else ""),
            {(r, c): mark for (d, r, c), mark in (marks or {}).items() if d == depth},
            role,
            drawn_only,
        )
        for depth in range(min(len(values), MOST_SLICES))
    ]


def maps(
    values: Array, what: str = "", marks: Mapping[Place, Mark] | None = None, role: Role = ""
) -> list[str | Equation]:
    """The first channels of a C×D×H×W array side by side, and how many more there are."""
    count = len(values)
    if values[0].size == 1 and count > 1:
        rest = count - MOST_IN_A_ROW
        row = grid(values.ravel()[:MOST_IN_A_ROW], what or "channels", None, role)
        return [equation(row), *([f"… and {more(rest, 'channel')}"] if rest > 0 else [])]
    found: list[str | Equation] = []
    for c, channel in enumerate(values[:MOST_CHANNELS], 1):
        name = captioned(what, f"channel {c}" if count > 1 else "")
        found.append(equation(*slices(channel, name, marks, role)))
        if (rest := len(channel) - MOST_SLICES) > 0:
            found.append(f"… and {more(rest, 'slice')}")
    rest = count - MOST_CHANNELS
    return [*found, *([f"… and {more(rest, 'channel')}"] if rest > 0 else [])]


def beside(lines: Iterable[str | Equation]) -> list[str | Equation]:
    """The lines of a section, grids that follow each other without a word side by side; "" where
    a step begins behind the result of another one.
    """
    found: list[str | Equation] = []
    for line in lines:
        if isinstance(line, Equation) and len(found) > 1:
            *_, before, heading = found
            if isinstance(before, str) and isinstance(heading, str):
                found.insert(-1, "")
        if found and _grids_alone(line) and _grids_alone(above := found[-1]):
            assert isinstance(above, Equation) and isinstance(line, Equation)
            found[-1] = Equation((*above.pieces, *line.pieces))
        else:
            found.append(line)
    return found


def _grids_alone(line: str | Equation) -> bool:
    return isinstance(line, Equation) and all(isinstance(piece, Grid) for piece in line.pieces)


def captioned(*parts: str) -> str:
    """`window, channel 1`: what there is of the parts."""
    return ", ".join(filter(None, parts))


def more(count: int, noun: str) -> str:
    """`7 more windows`."""
    return f"{count:,} more {noun}{'s' * (count != 1)}"


def place(at: Sequence[int], whole: Sequence[int]) -> str:
    """`row 1, column 2`, counted from 1; of a map of one row the column alone."""
    depth, row, column = (n + 1 for n in at)
    if whole[0] == whole[1] == 1:
        return f"place {column}"
    return f"depth {depth}, " * (whole[0] > 1) + f"row {row}, column {column}"
