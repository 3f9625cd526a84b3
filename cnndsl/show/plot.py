"""Small charts of a report as inline SVG, one below the other along the layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from cnndsl.printing import escape
from cnndsl.show.entries import Entry
from cnndsl.show.figures import scaled, size
from cnndsl.show.report import Report

WIDTH, HEIGHT = 1000, 96
LEFT, TOP, BOTTOM = 64, 8, 4
BAND = 18
NARROWEST_LABEL = 7.0  # width of a letter, to see whether a block's name fits above its band


@dataclass(frozen=True)
class Chart:
    """Values along the layers, None where there is none, and how their axis is labelled."""

    title: str
    values: tuple[float | None, ...]
    label: Callable[[int], str]
    is_line: bool = False

    @cached_property
    def largest(self) -> float:
        """Of all values."""
        return max((v for v in self.values if v is not None), default=0)


def charts(report: Report) -> list[Chart]:
    """Work, what is held in memory, weights, and how far layers see; none that would be empty."""
    layers = report.layers
    held: dict[str, int] = {}
    if report.memory and all(e.layers == 1 for e in layers):
        held = {name: count // report.batch for name, count in report.memory.alive.items()}
    found = [
        Chart("multiply-adds", tuple([e.macs for e in layers]), scaled),
        Chart("outputs held at inference", tuple([held.get(e.name) for e in layers]), size, True),
        Chart("weights", tuple([e.weight_bytes for e in layers]), size),
        Chart("receptive field", tuple([_field(e) for e in layers]), str, True),
    ]
    return [chart for chart in found if chart.largest > 0]


def _field(entry: Entry) -> float | None:
    field = entry.receptive_field
    if field is None or field.everything or not field.axes:
        return None
    return float(field.axes[0].size)


def svg(chart: Chart) -> str:
    """One chart; its bars or its line are a single path, so that long nets stay light."""
    draw = _line if chart.is_line else _bars
    middle = TOP + (HEIGHT - TOP - BOTTOM) / 2
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(chart.title)}">'
        f'<path class="grid" d="M{LEFT} {TOP}H{WIDTH}M{LEFT} {middle:g}H{WIDTH}"/>'
        f'<path class="base" d="M{LEFT} {HEIGHT - BOTTOM}H{WIDTH}"/>'
        f'<text x="{LEFT - 8}" y="{TOP + 4}">{escape(chart.label(round(chart.largest)))}</text>'
        f'<path class="{"line" if chart.is_line else "bars"}" d="{draw(chart)}"/>'
        f'<path class="cursor" d="M0 {TOP}V{HEIGHT - BOTTOM}"/></svg>'
    )


def _x(number: int, count: int) -> float:
    return LEFT + (WIDTH - LEFT) * number / max(count, 1)


def _y(value: float, largest: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / largest


def _bars(chart: Chart) -> str:
    count = len(chart.values)
    gap = min((WIDTH - LEFT) / count * 0.15, 3)
    parts: list[str] = []
    for i, value in enumerate(chart.values):
        if value:
            left, right = _x(i, count) + gap / 2, _x(i + 1, count) - gap / 2
            base = HEIGHT - BOTTOM
            parts.append(f"M{left:.1f} {base}V{_y(value, chart.largest):.1f}H{right:.1f}V{base}Z")
    return "".join(parts)


def _line(chart: Chart) -> str:
    count = len(chart.values)
    parts: list[str] = []
    drawing = False
    for i, value in enumerate(chart.values):
        if value is None:
            drawing = False
            continue
        y = _y(value, chart.largest)
        parts.append(f"{'V' if drawing else f'M{_x(i, count):.1f} '}{y:.1f}H{_x(i + 1, count):.1f}")
        drawing = True
    return "".join(parts)


def bands(layers: Sequence[Entry]) -> str:
    """The names of the outermost blocks above the charts."""
    parts: list[str] = []
    start = 0
    for name, group in groupby(layers, lambda e: e.name.split(".")[0]):
        count = len(list(group))
        left, right = _x(start, len(layers)), _x(start + count, len(layers))
        start += count
        if right - left < len(name) * NARROWEST_LABEL + 4:
            continue
        parts.append(
            f'<rect x="{left + 1:.1f}" y="0" width="{right - left - 2:.1f}" height="{BAND - 3}"/>'
            f'<text x="{(left + right) / 2:.1f}" y="{BAND - 7}">{escape(name)}</text>'
        )
    if not parts:
        return ""
    return f'<svg class="bands" viewBox="0 0 {WIDTH} {BAND}">{"".join(parts)}</svg>'
