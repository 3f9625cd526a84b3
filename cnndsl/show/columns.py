"""Every figure of a layer in one row of plain text: for CSV, Markdown and the page."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from cnndsl.analyse import ReceptiveField
from cnndsl.show.entries import Entry
from cnndsl.show.figures import UNKNOWN, grouped, percent, plain
from cnndsl.show.report import Report
from cnndsl.show.table import Column, markdown_rows
from cnndsl.show.terminal import net_title
from cnndsl.show.totals import totals

CSV_TITLES = (
    "name",
    "op",
    "text",
    "line",
    "head",
    "output",
    "window",
    "stride",
    "padding",
    "dilation",
    "weights",
    "biases",
    "norm",
    "params",
    "statistics",
    "shares",
    "macs",
    "other_operations",
    "flops",
    "weight_bytes",
    "activation_bytes",
    "receptive_field",
    "jump",
    "offset",
    "share_of_params",
    "share_of_macs",
)


def as_csv(report: Report) -> str:
    """A line a layer, heads included (`head` names theirs); `?` is what isn't known."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_TITLES)
    for entry in everything(report):
        writer.writerow(_csv_row(entry, report))
    return text.getvalue()


def everything(report: Report) -> Iterator[Entry]:
    """The layers of inference, then those of the heads."""
    yield from report.layers
    for layers in report.heads.values():
        yield from layers


def _csv_row(entry: Entry, report: Report) -> list[str]:
    window, field = entry.window, entry.receptive_field
    figures: list[object] = [
        entry.name,
        entry.op,
        entry.text,
        "" if entry.line is None else entry.line,
        entry.head or "",
        entry.output,
        joined(window.kernel) if window else "",
        joined(window.stride) if window else "",
        pads(entry),
        joined(window.dilation) if window else "",
        entry.weights,
        entry.biases,
        entry.norm,
        entry.params,
        entry.statistics,
        entry.shares or "",
        _known(entry.macs),
        _known(entry.other_operations),
        _known(entry.flops),
        entry.weight_bytes,
        _known(entry.activation_bytes),
        *_field(field),
        _share(entry, entry.params, report.totals.params),
        _share(entry, entry.macs, report.totals.macs),
    ]
    return [str(figure) for figure in figures]


def joined(sizes: tuple[int, ...]) -> str:
    """`3x3`."""
    return "x".join(map(str, sizes))


def pads(entry: Entry) -> str:
    """The padding in force, an axis after the other: `1`, `0,1` where the sides differ, `1x2`."""
    if entry.window is None:
        return ""
    sides = [f"{a}" if a == b else f"{a},{b}" for a, b in entry.window.pads]
    return sides[0] if len(set(sides)) == 1 else "x".join(sides)


def _known(figure: int | None) -> int | str:
    return UNKNOWN if figure is None else figure


def _field(field: ReceptiveField | None) -> tuple[str, str, str]:
    """Size, jump and offset of a receptive field."""
    if field is None or field.everything or not field.axes:
        return (str(field or UNKNOWN), "", "")
    axes = [
        [str(plain(getattr(axis, part))) for axis in field.axes]
        for part in ("size", "step", "start")
    ]
    size, jump, start = (v[0] if len(set(v)) == 1 else "x".join(v) for v in axes)
    return size, jump, start


def _share(entry: Entry, part: int | None, whole: int | None) -> str:
    """A share of the total between 0 and 1; heads have none."""
    if entry.head is not None:
        return ""
    return UNKNOWN if part is None or not whole else f"{part / whole:.6f}"


MARKDOWN = (
    Column("layer"),
    Column("op"),
    Column("output"),
    Column("window"),
    Column("stride"),
    Column("padding"),
    Column("parameters", "right"),
    Column("MACs", "right"),
    Column("share of MACs", "right"),
    Column("receptive field", "right"),
)


def as_markdown(report: Report) -> str:
    """A page for a repository: tables and what the figures mean."""
    inputs = ", ".join(f"`{i.name}` {i.shape}" for i in report.network.inputs)
    parts = [
        f"# {net_title(report.network)}",
        f"Read from `{report.place}`; input {inputs}.",
        _markdown_table(report.layers, report),
        _markdown_totals(report),
    ]
    for name, layers in report.heads.items():
        parts.append(f"## Head `{name}`: for training only, in no total")
        parts.append(_markdown_table(layers, report))
    parts += [note[0].upper() + note[1:] + "." for note in report.notes()]
    return "\n\n".join(parts)


def _markdown_table(layers: tuple[Entry, ...], report: Report) -> str:
    return "\n".join(markdown_rows(MARKDOWN, [_markdown_row(e, report) for e in layers]))


def _markdown_row(entry: Entry, report: Report) -> list[str]:
    window = entry.window
    is_part = entry.head is None
    return [
        entry.name,
        f"`{entry.text}`",
        str(entry.output),
        joined(window.kernel) if window else "",
        joined(window.stride) if window else "",
        pads(entry),
        grouped(entry.params),
        grouped(entry.macs),
        percent(entry.macs, report.totals.macs) if is_part else "",
        str(entry.receptive_field or ""),
    ]


def _markdown_totals(report: Report) -> str:
    columns = (Column("total"), Column("figure", "right"), Column("meaning"))
    return "\n".join(markdown_rows(columns, totals(report)))
