"""Several charts with one legend as a drawing: SVG or PNG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cnndsl.diagnostics import UsageError
from cnndsl.files import replaced
from cnndsl.printing import escape
from cnndsl.show.marks import Area, Dot, Mark, Point, Stroke, Text, as_svg
from cnndsl.training.folder import write_text
from cnndsl.training.report import chart
from cnndsl.training.report.chart import Chart
from cnndsl.training.report.page import standalone, style

SUFFIXES = (".svg", ".png")
ACROSS = 2
MARGIN, ROW = 12, 18
LETTER = 6.5
"""A letter's width in a legend."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """Charts side by side; below them what colours mean, by their numbers, and a remark."""

    title: str
    charts: Sequence[Chart]
    legend: Sequence[tuple[str, int]]
    remark: str = ""

    @property
    def width(self) -> float:
        """In units of the charts."""
        return min(ACROSS, len(self.charts)) * chart.WIDTH + 2 * MARGIN

    @property
    def height(self) -> float:
        """As `width`."""
        return self._below + ROW * (self._rows + bool(self.remark)) + MARGIN

    @property
    def _below(self) -> float:
        """Where the legend begins."""
        return MARGIN + -(-len(self.charts) // ACROSS) * (chart.HEIGHT + MARGIN)

    @property
    def _columns(self) -> int:
        longest = max((len(name) for name, _ in self.legend), default=1)
        return max(1, int((self.width - 2 * MARGIN) // (LETTER * longest + 44)))

    @property
    def _rows(self) -> int:
        return -(-len(self.legend) // self._columns)

    def marks(self) -> Iterator[Mark]:
        """What it is drawn of."""
        for number, each in enumerate(self.charts):
            down, across = divmod(number, ACROSS)
            corner = MARGIN + across * chart.WIDTH, MARGIN + down * (chart.HEIGHT + MARGIN)
            yield from (_moved(mark, corner) for mark in chart.marks(each))
        step = (self.width - 2 * MARGIN) / self._columns
        for number, (name, colour) in enumerate(self.legend):
            column, row = divmod(number, self._rows)
            x, y = MARGIN + step * column, self._below + ROW * row + ROW / 2
            yield Stroke(f"line c{colour}", [(x, y), (x + 22, y)])
            yield Dot(f"c{colour}", (x + 11, y))
            yield Text("label", (x + 30, y + 4), name)
        if self.remark:
            place = MARGIN, self._below + ROW * (self._rows + 0.5) + 4
            yield Text("remark", place, self.remark)


def write_sheet(sheet: Sheet, path: Path) -> None:
    """Write a drawing, as its suffix says. Raises UsageError, OSError."""
    match path.suffix.lower():
        case ".svg":
            svg = (
                f'<svg class="chart" viewBox="0 0 {sheet.width:g} {sheet.height:g}" role="img"'
                f' aria-label="{escape(sheet.title)}">{as_svg(sheet.marks())}</svg>'
            )
            write_text(path, standalone(svg))
        case ".png":
            from cnndsl.training.report.pictures import png
            from cnndsl.training.report.raster import pixels

            drawn = pixels([*sheet.marks()], sheet.width, sheet.height, style())
            with replaced(path) as file:
                file.write(png(drawn))
        case _:
            raise UsageError(f"a drawing goes into a .svg or .png, and `{path}` is none")


def _moved(mark: Mark, by: Point) -> Mark:
    """The mark elsewhere."""
    match mark:
        case Stroke(_, points) | Area(_, points):
            return replace(mark, points=[(x + by[0], y + by[1]) for x, y in points])
        case Dot(_, (x, y)):
            return replace(mark, middle=(x + by[0], y + by[1]))
        case Text(_, (x, y)):
            return replace(mark, place=(x + by[0], y + by[1]))
