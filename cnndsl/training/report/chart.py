"""Curves over epochs, steps or time: axes with round numbers, lines, a mark at the best."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cnndsl.printing import escape
from cnndsl.show.marks import Area, Dot, Mark, Point, Stroke, Text, as_svg
from cnndsl.show.table import cut

WIDTH, HEIGHT = 440, 250
LEFT, RIGHT, TOP, BOTTOM = 70, 44, 46, 40
TICKS = 5
LABEL_GAP = 15.0
"""How far apart the lines' names are kept, in the chart's units."""
LETTER, AXIS_NAME = 6.4, 24
"""A letter's width, and the room that the vertical axis' name takes."""

MOST_DOTS = 30


@dataclass(frozen=True, slots=True)
class Line:
    """A name, its points, and which of the page's colours it has, from 1 on, or 0 for a quiet one.
    A `band` has the lower and the upper end around each point. Points that aren't `joined` are dots
    alone.
    """

    name: str
    points: tuple[Point, ...]
    colour: int = 1
    band: tuple[Point, ...] = ()
    joined: bool = True


@dataclass(frozen=True, slots=True)
class Chart:
    """`across` and `up` name the axes, `label` writes the numbers of the vertical one; `mark` is an
    x with a line through it. `logarithmic` is whether the horizontal axis is; its values are above
    0 then. Lines are `named` at their ends where there are several; `whole` is whether there is
    nothing between two whole numbers of the horizontal axis. Where it has `places` instead of
    numbers, these are the names of 1, 2 and so on.
    """

    title: str
    across: str
    up: str
    lines: tuple[Line, ...]
    label: Callable[[float], str]
    mark: tuple[float, str] | None = None
    from_zero: bool = False
    logarithmic: bool = False
    named: bool = True
    whole: bool = True
    places: tuple[str, ...] = ()


def svg(chart: Chart) -> str:
    """The chart as an element of a page, whose style sheet colours it; "" without points."""
    drawn = marks(chart)
    if not drawn:
        return ""
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        f' aria-label="{escape(chart.title)}">{as_svg(drawn)}</svg>'
    )


def marks(chart: Chart) -> list[Mark]:
    """What the chart is drawn of; nothing where it has no points."""
    points = [point for line in chart.lines for point in (*line.points, *_ends(line))]
    points = [(x, y) for x, y in points if math.isfinite(y)]
    if not points:
        return []
    scale = _Scale(points, chart)
    return [
        Text("title", (4, 16), chart.title),
        *_axes(chart, scale),
        *(mark for line in chart.lines for mark in _band(line, scale)),
        *(mark for line in chart.lines for mark in _line(line, scale)),
        *(_names(chart.lines, scale) if chart.named else ()),
    ]


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

    def __init__(self, points: Sequence[Point], chart: Chart):
        from_zero, longest = chart.from_zero, max(len(line.name) for line in chart.lines)
        named = chart.named and len(chart.lines) > 1
        self.end = WIDTH - max(RIGHT if chart.named else 14, 10 + 7 * longest if named else 0)
        self.across = math.log10 if chart.logarithmic else float
        self.whole = chart.whole
        xs, ys = [x for x, _ in points], [y for _, y in points]
        self.left, self.right = min(xs), max(xs)
        self.places = chart.places
        if chart.places:
            self.left, self.right = 0.5, len(chart.places) + 0.5
        low, high = (0.0 if from_zero else min(ys)), max(ys)
        margin = (high - low) * 0.04 or abs(high) * 0.1 or 1.0
        self.low, self.high = (low if from_zero else low - margin), high + margin
        self.labels = {value: chart.label(value) for value in ticks(self.low, self.high)}
        widest = LETTER * max(map(len, self.labels.values()), default=0)
        self.start = max(LEFT, AXIS_NAME + widest + 8)

    def x(self, value: float) -> float:
        low, high = self.across(self.left), self.across(self.right)
        part = (self.across(value) - low) / (high - low) if high > low else 0.5
        return self.start + (self.end - self.start) * part

    def y(self, value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (self.high - value) / (self.high - self.low)

    def place(self, point: Point) -> Point:
        return self.x(point[0]), self.y(point[1])

    def name(self, value: float) -> str:
        """What stands below a mark of the horizontal axis."""
        if self.places:
            room = int((self.end - self.start) / len(self.places) / LETTER)
            return cut(self.places[int(value) - 1], max(room, 1))
        return f"{value:,.0f}" if self.whole else f"{value:,g}"

    def marks(self) -> list[float]:
        """Where the horizontal axis has numbers, or names."""
        if self.places:
            return [float(number) for number in range(1, len(self.places) + 1)]
        if self.across is float:
            values = ticks(self.left, self.right)
        else:
            powers = range(math.floor(math.log10(self.left)), math.ceil(math.log10(self.right)))
            steps = (1, 2, 5) if len(powers) <= (3 if self.whole else 2) else (1,)
            values = [n * 10.0**power for power in powers for n in steps]
            values = [value for value in values if self.left <= value <= self.right]
            if len(values) < 2:  # one number alone says nothing of the distances
                values = ticks(self.left, self.right)
        return [value for value in values if not self.whole or value == round(value)]


def _axes(chart: Chart, scale: _Scale) -> Iterator[Mark]:
    bottom, left, right = HEIGHT - BOTTOM, scale.start, scale.end
    for value, text in scale.labels.items():
        y = scale.y(value)
        yield Stroke("grid", [(left, y), (right, y)])
        yield Text("y", (left - 8, y + 4), text)
    for value in scale.marks():
        x = scale.x(value)
        yield Stroke("base", [(x, bottom), (x, bottom + 4)])
        yield Text("x", (x, bottom + 17), scale.name(value))
    yield Stroke("base", [(left, bottom), (right, bottom)])
    yield Text("x", ((left + right) / 2, HEIGHT - 5), chart.across)
    yield Text("x", (13, (TOP + bottom) / 2), chart.up, turned=True)
    if chart.mark is not None:
        x = scale.x(chart.mark[0])
        yield Stroke("mark", [(x, TOP), (x, bottom)])
        yield Text("x", (x, TOP - 4), chart.mark[1])


def _ends(line: Line) -> list[Point]:
    """The ends of a line's band, as points."""
    return [(x, y) for (x, _), ends in zip(line.points, line.band, strict=False) for y in ends]


def _band(line: Line, scale: _Scale) -> Iterator[Mark]:
    ends = [scale.place(point) for point in _ends(line) if math.isfinite(point[1])]
    if len(ends) > 2:
        yield Area(f"band c{line.colour}", [*ends[::2], *ends[::-2]])


def _line(line: Line, scale: _Scale) -> Iterator[Mark]:
    places = [scale.place(point) for point in line.points if math.isfinite(point[1])]
    if places and line.joined:
        yield Stroke(f"line c{line.colour}", places)
    if len(places) <= MOST_DOTS or not line.joined:
        yield from (Dot(f"c{line.colour}", place) for place in places)


def _names(lines: Sequence[Line], scale: _Scale) -> Iterator[Mark]:
    """Each line's name at its end, moved apart where ends are close."""
    finite = {line: [y for _, y in line.points if math.isfinite(y)] for line in lines}
    ends = sorted((scale.y(ys[-1]), line.name, line.colour) for line, ys in finite.items() if ys)
    last = -math.inf
    for y, name, colour in ends if len(lines) > 1 else []:
        last = max(y, last + LABEL_GAP)
        yield Text(f"name c{colour}", (scale.end + 8, last + 4), name)
