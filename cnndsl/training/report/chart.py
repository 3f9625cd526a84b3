"""Curves over epochs or steps as SVG: axes with round numbers, lines, a mark at the best."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cnndsl.printing import escape

WIDTH, HEIGHT = 440, 250
LEFT, RIGHT, TOP, BOTTOM = 70, 44, 46, 40
TICKS = 5
LABEL_GAP = 15.0
"""How far apart the lines' names are kept, in the chart's units."""


@dataclass(frozen=True, slots=True)
class Line:
    """A name, its points, and which of the five colours it has, from 1 on."""

    name: str
    points: tuple[tuple[float, float], ...]
    colour: int = 1


@dataclass(frozen=True, slots=True)
class Chart:
    """`across` and `up` name the axes, `label` writes the numbers of the vertical one; `mark` is an
    x with a line through it. `logarithmic` is whether the horizontal axis is; its values are above
    0 then.
    """

    title: str
    across: str
    up: str
    lines: tuple[Line, ...]
    label: Callable[[float], str]
    mark: tuple[float, str] | None = None
    from_zero: bool = False
    logarithmic: bool = False


def svg(chart: Chart) -> str:
    """The chart as an element of a page, whose style sheet colours it."""
    points = [point for line in chart.lines for point in line.points if math.isfinite(point[1])]
    if not points:
        return ""
    scale = _Scale(points, chart)
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        f' aria-label="{escape(chart.title)}">',
        f'<text class="title" x="4" y="16">{escape(chart.title)}</text>',
        *_axes(chart, scale),
        *(_line(line, scale) for line in chart.lines),
        *_names(chart.lines, scale),
        "</svg>",
    ]
    return "".join(parts)


def ticks(low: float, high: float, most: int = TICKS) -> list[float]:
    """Round numbers from low to high: multiples of 1, 2 or 5 times a power of ten."""
    if not high > low:
        return [low]
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * n for n in (1, 2, 5, 10) if power * n >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [n * step for n in range(first, last + 1)]


class _Scale:
    """From values to places."""

    def __init__(self, points: Sequence[tuple[float, float]], chart: Chart):
        from_zero, longest = chart.from_zero, max(len(line.name) for line in chart.lines)
        self.end = WIDTH - max(RIGHT, 10 + 7 * longest if len(chart.lines) > 1 else 0)
        self.across = math.log10 if chart.logarithmic else float
        xs, ys = [x for x, _ in points], [y for _, y in points]
        self.left, self.right = min(xs), max(xs)
        low, high = (0.0 if from_zero else min(ys)), max(ys)
        margin = (high - low) * 0.04 or abs(high) * 0.1 or 1.0
        self.low, self.high = (low if from_zero else low - margin), high + margin

    def x(self, value: float) -> float:
        low, high = self.across(self.left), self.across(self.right)
        part = (self.across(value) - low) / (high - low) if high > low else 0.5
        return LEFT + (self.end - LEFT) * part

    def marks(self) -> list[float]:
        """Where the horizontal axis has numbers."""
        if self.across is float:
            return ticks(self.left, self.right)
        powers = range(math.floor(math.log10(self.left)), math.ceil(math.log10(self.right)))
        values = [n * 10.0**power for power in powers for n in (1, 2, 5)]
        return [value for value in values if self.left <= value <= self.right]

    def y(self, value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (self.high - value) / (self.high - self.low)


def _axes(chart: Chart, scale: _Scale) -> list[str]:
    bottom, right = HEIGHT - BOTTOM, scale.end
    parts: list[str] = []
    for value in ticks(scale.low, scale.high):
        y = scale.y(value)
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{right}"/>')
        text = escape(chart.label(value))
        parts.append(f'<text class="y" x="{LEFT - 8}" y="{y + 4:.1f}">{text}</text>')
    for value in scale.marks():
        if value == round(value):  # there are no halves of epochs or steps
            x = scale.x(value)
            parts.append(f'<path class="base" d="M{x:.1f} {bottom}v4"/>')
            parts.append(f'<text class="x" x="{x:.1f}" y="{bottom + 17}">{value:,.0f}</text>')
    middle = (LEFT + right) / 2
    parts.append(f'<path class="base" d="M{LEFT} {bottom}H{right}"/>')
    parts.append(f'<text class="x" x="{middle}" y="{HEIGHT - 5}">{escape(chart.across)}</text>')
    turned = f'transform="translate(13 {(TOP + bottom) / 2:g}) rotate(-90)"'
    parts.append(f'<text class="x" {turned}>{escape(chart.up)}</text>')
    if chart.mark is not None:
        x = scale.x(chart.mark[0])
        parts.append(f'<path class="mark" d="M{x:.1f} {TOP}V{bottom}"/>')
        parts.append(f'<text class="x" x="{x:.1f}" y="{TOP - 4}">{escape(chart.mark[1])}</text>')
    return parts


def _line(line: Line, scale: _Scale) -> str:
    places = [(scale.x(x), scale.y(y)) for x, y in line.points if math.isfinite(y)]
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    drawn = f'<path class="line c{line.colour}" d="M{path}"/>'
    if len(places) <= 30:
        drawn += "".join(
            f'<circle class="c{line.colour}" cx="{x:.1f}" cy="{y:.1f}" r="2.6"/>' for x, y in places
        )
    return drawn


def _names(lines: Sequence[Line], scale: _Scale) -> list[str]:
    """Each line's name at its end, moved apart where ends are close."""
    finite = {line: [y for _, y in line.points if math.isfinite(y)] for line in lines}
    ends = sorted((scale.y(ys[-1]), line.name, line.colour) for line, ys in finite.items() if ys)
    parts: list[str] = []
    last = -math.inf
    for y, name, colour in ends if len(lines) > 1 else []:
        last = max(y, last + LABEL_GAP)
        place = f'x="{scale.end + 8}" y="{last + 4:.1f}"'
        parts.append(f'<text class="name c{colour}" {place}>{escape(name)}</text>')
    return parts
