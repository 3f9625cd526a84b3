"""The report for a terminal: a table, totals with their conventions, training heads, notes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from textwrap import wrap

from cnndsl.network import Network
from cnndsl.printing import printable
from cnndsl.show.entries import Entry
from cnndsl.show.figures import NONE, bar, grouped, percent, plain, share, size
from cnndsl.show.report import Report
from cnndsl.show.table import GAP, UNLIMITED, Column, full_width, give_way, text_row, widths
from cnndsl.show.totals import definitions, totals

WIDTH = 100
BAR = 6
INDENT = "  "

Paint = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Style:
    """How parts are coloured; by default not at all."""

    bold: Paint = str
    dim: Paint = str
    bar: Paint = str


def render(
    report: Report, width: int = WIDTH, style: Style | None = None, *, whole: bool = False
) -> str:
    """The whole report in lines of at most `width` characters; no cell is cut where it is `whole`,
    so that lines of the table may be longer.
    """
    style = style or Style()
    table = _Table(report, width, style, UNLIMITED if whole else width)
    notes = [line for note in report.notes() for line in wrap(printable(note), width)]
    sections = [
        _head(report, style),
        [table.titles, table.rule, *table.main, table.rule],
        definitions(totals(report), width, style.bold),
        *(
            [style.bold(_head_title(report, name)), table.rule, *lines]
            for name, lines in table.heads.items()
        ),
        [style.dim(table.legend), *notes],
    ]
    return "\n\n".join("\n".join(lines) for lines in sections)


def net_title(network: Network) -> str:
    """`VGG16(classes=1000)`."""
    settings = ", ".join(f"{name}={value}" for name, value in network.settings.items())
    return f"{network.name}({settings})" if settings else network.name


def _head(report: Report, style: Style) -> list[str]:
    inputs = "   ".join(f"{i.name} {i.shape}" for i in report.network.inputs)
    title, place = printable(net_title(report.network)), printable(report.place)
    return [f"{style.bold(title)}   {place}", f"input {inputs}"]


def _head_title(report: Report, name: str) -> str:
    params = sum(e.params for e in report.heads[name])
    return f"head {name}: for training only, in no total; {params:,} parameters"


# The table

_Cell = Callable[[Entry, Report], str]
_Figure = tuple[Column, _Cell]

NAME: _Figure = (Column("layer", least=12), lambda e, r: e.name)
OP = Column("op", least=10)
PLAIN: tuple[_Figure, ...] = (
    (OP, lambda e, r: e.text),
    (Column("output", least=20), lambda e, r: str(e.output)),
    (Column("params", "right"), lambda e, r: grouped(e.params, NONE)),
    (Column("MACs", "right"), lambda e, r: grouped(e.macs, NONE)),
)
SHARE: _Figure = (Column("of all", "right"), lambda e, r: _percent(e, r))
SHARE_BAR: _Figure = (Column(""), lambda e, r: _bar(e, r))
SEES: _Figure = (Column("sees", "right"), lambda e, r: str(e.receptive_field or ""))
DROPPED = ((SHARE_BAR, 48), (SHARE, 22), (SEES, 14))
"""What is left out, one after the other, before the op is cut to so many characters."""
WIDER: tuple[_Figure, ...] = (
    (Column("jump", "right"), lambda e, r: _jump(e)),
    (Column("weights", "right"), lambda e, r: size(e.weight_bytes) if e.weight_bytes else NONE),
    (Column("outputs", "right"), lambda e, r: size(e.activation_bytes)),
    (Column("other ops", "right"), lambda e, r: grouped(e.other_operations, NONE)),
)
"""More, one after the other, where a terminal is wider than WIDTH."""


class _Table:
    """Rows of the main table and of the heads', laid out alike."""

    def __init__(self, report: Report, width: int, style: Style, room: int):
        self.report, self.style = report, style
        shares = () if report.symbols else (SHARE, SHARE_BAR)
        self.figures: tuple[_Figure, ...] = (NAME, *PLAIN, *shares, SEES)
        self.figures += WIDER if width > WIDTH else ()
        main = list(self._rows(report.layers))
        heads = {name: list(self._rows(layers)) for name, layers in report.heads.items()}
        everything = [*main, *(row for rows in heads.values() for row in rows)]
        natural = widths([column for column, _ in self.figures], everything)
        chosen = self._choose(natural, room)
        self.figures = tuple(self.figures[i] for i in chosen)
        self.columns = [column for column, _ in self.figures]
        self.widths = give_way(self.columns, [natural[i] for i in chosen], room)
        line = text_row(self.columns, [c.title for c in self.columns], self.widths)
        self.titles = style.bold(line)
        self.rule = style.dim("─" * min(full_width(self.widths), room))
        self.main = [self._laid_out([row[i] for i in chosen]) for row in main]
        self.heads = {
            name: [self._laid_out([row[i] for i in chosen]) for row in rows]
            for name, rows in heads.items()
        }

    def _choose(self, natural: Sequence[int], width: int) -> list[int]:
        """The columns that there is room for: further ones at their natural width, the usual ones
        when those that can have given way.
        """
        chosen = list(range(len(self.figures)))
        for last in reversed(WIDER):
            if last in self.figures and full_width([natural[i] for i in chosen]) > width:
                chosen.pop()
        for figure, least in DROPPED:
            columns = [self._with_least(i, natural[i], least) for i in chosen]
            found = give_way(columns, [natural[i] for i in chosen], width)
            if full_width(found) > width and figure in self.figures:
                chosen.remove(self.figures.index(figure))
        return chosen

    def _with_least(self, number: int, natural: int, least: int) -> Column:
        """The column, that of the op no narrower than `least`."""
        column = self.figures[number][0]
        return replace(column, least=min(natural, least)) if column is OP else column

    @property
    def legend(self) -> str:
        """What the short titles mean."""
        share = "   of all: share of the MACs" if SHARE in self.figures else ""
        return f"{NONE} none{share}   sees: receptive field, in input pixels"

    def _rows(self, entries: Sequence[Entry]) -> Iterator[list[str]]:
        """Cells, the names as a tree: a block's name once, its layers indented below it."""
        above: list[str] = []
        for entry in entries:
            parts = entry.name.split(".")
            common = 0
            while common < min(len(above), len(parts) - 1) and above[common] == parts[common]:
                common += 1
            for depth in range(common, len(parts) - 1):
                yield [INDENT * depth + parts[depth], *[""] * (len(self.figures) - 1)]
            figures = (cell(entry, self.report) for _, cell in self.figures[1:])
            if above[: len(parts)] == parts:  # the layer that a block with parts ends in
                yield [INDENT * len(parts) + f"{parts[-1]} (end)", *figures]
                continue
            yield [INDENT * (len(parts) - 1) + parts[-1], *figures]
            above = parts

    def _laid_out(self, row: Sequence[str]) -> str:
        """A line, its bar coloured."""
        cells = [c.fit(text, w) for c, text, w in zip(self.columns, row, self.widths, strict=True)]
        if SHARE_BAR in self.figures and cells[number := self.figures.index(SHARE_BAR)].strip():
            cells[number] = self.style.bar(cells[number])
        return GAP.join(cells).rstrip()


def _percent(entry: Entry, report: Report) -> str:
    if entry.head is not None:
        return ""
    return NONE if entry.macs == 0 else percent(entry.macs, report.totals.macs)


def _bar(entry: Entry, report: Report) -> str:
    part = None if entry.head is not None else share(entry.macs, report.largest_macs)
    return bar(part, BAR) if part else ""


def _jump(entry: Entry) -> str:
    field = entry.receptive_field
    if field is None or field.everything:
        return ""
    jumps = [f"{plain(axis.step):g}" for axis in field.axes]
    return "x".join(jumps[:1] if len(set(jumps)) == 1 else jumps)
