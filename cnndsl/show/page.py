"""The report as a page: one file that needs no other, light and dark, with a table to sort."""

from __future__ import annotations

from collections.abc import Sequence

from cnndsl.printing import escape, json_text
from cnndsl.show.columns import joined, pads
from cnndsl.show.document import FOLDER, document, styles
from cnndsl.show.entries import Entry
from cnndsl.show.figures import UNKNOWN, grouped, percent, plain, scaled, share, size
from cnndsl.show.plot import LEFT, WIDTH, bands, charts, svg
from cnndsl.show.report import CONVENTIONS, Report
from cnndsl.show.terminal import net_title
from cnndsl.show.totals import totals

TITLES = (
    ("layer", "Name of the layer: its label, or its path through the blocks"),
    ("op", "What the spec says, defaults left out"),
    ("output", "Shape of the output: channels @ space"),
    ("window", "Window, stride and padding in force"),
    ("parameters", CONVENTIONS["params"]),
    ("MACs", CONVENTIONS["macs"]),
    ("other ops", CONVENTIONS["other_operations"]),
    ("outputs", CONVENTIONS["activation_bytes"]),
    ("sees", CONVENTIONS["receptive_field"]),
    ("jump", "Input pixels from one value to the next"),
)
"""Columns with what their figures mean."""

FIRST_FIGURE = 4


def as_page(report: Report) -> str:
    """A whole HTML document."""
    inputs = ", ".join(f"{i.name} {i.shape}" for i in report.network.inputs)
    notes = "".join(f"<li>{escape(note)}</li>" for note in report.notes())
    heads = "".join(_head(name, layers, report) for name, layers in report.heads.items())
    content = f"""<section class="cards">{_cards(report)}</section>
{f'<ul class="notes">{notes}</ul>' if notes else ""}
{_charts(report)}
<section>
<h2>Layers <input id="filter" type="search" placeholder="filter" aria-label="filter layers"></h2>
{_table(report.layers, report)}
</section>
{heads}
<section class="meanings"><h2>What the figures mean</h2>
<dl>{_meanings()}</dl>
</section>
<div id="tip" hidden></div>"""
    subtitle = f"{report.place} · input {inputs}"
    script = (FOLDER / "page.js").read_text("utf-8")
    return document(net_title(report.network), subtitle, content, styles(), script)


def _cards(report: Report) -> str:
    return "".join(
        f"<div><b>{escape(figure)}</b><h3>{escape(name)}</h3><p>{escape(meaning)}</p></div>"
        for name, figure, meaning in totals(report)
    )


def _charts(report: Report) -> str:
    drawn = charts(report)
    if not drawn:
        return ""
    figures = "".join(
        f"<figure><figcaption>{escape(chart.title)}</figcaption>{svg(chart)}</figure>"
        for chart in drawn
    )
    tips = [
        [e.name, e.text, str(e.output), scaled(e.macs), grouped(e.params), _sees(e)]
        for e in report.layers
    ]
    data = json_text(tips).replace("<", "\\u003c")
    return (
        f'<section class="charts" data-left="{LEFT}" data-width="{WIDTH}">'
        f"<h2>From layer to layer</h2>{bands(report.layers)}{figures}</section>"
        f'<script type="application/json" id="tips">{data}</script>'
    )


def _head(name: str, layers: Sequence[Entry], report: Report) -> str:
    params = sum(e.params for e in layers)
    return (
        f"<section><h2>Head {escape(name)}</h2>"
        f"<p>For training only, in no total: {params:,} parameters.</p>"
        f"{_table(layers, report)}</section>"
    )


def _table(layers: Sequence[Entry], report: Report) -> str:
    titles = "".join(
        f'<th title="{escape(meaning)}"{_figure_class(i)}>{escape(name)}</th>'
        for i, (name, meaning) in enumerate(TITLES)
    )
    rows = "\n".join(_row(entry, report) for entry in layers)
    return (
        f'<div class="scroll"><table><thead><tr>{titles}</tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody></table></div>"
    )


def _figure_class(number: int) -> str:
    return ' class="figure"' if number >= FIRST_FIGURE else ""


def _row(entry: Entry, report: Report) -> str:
    *path, last = entry.name.split(".")
    name = f"<i>{escape('.'.join(path))}.</i>{escape(last)}" if path else escape(last)
    part = share(entry.macs, report.totals.macs) if entry.head is None else None
    bar = share(entry.macs, report.largest_macs) if entry.head is None else None
    style = f' style="--bar:{100 * bar:.1f}%"' if bar else ""
    of_all = percent(entry.macs, report.totals.macs) + " of all" if part else ""
    cells = [
        f"<td>{name}</td>",
        f'<td><code title="{escape(entry.text)}">{escape(entry.text)}</code></td>',
        f"<td>{entry.output}</td>",
        f"<td>{_window(entry)}</td>",
        _figure(entry.params, _kinds(entry)),
        _figure(entry.macs, of_all, style),
        _figure(entry.other_operations),
        _figure(entry.activation_bytes, shown=size(entry.activation_bytes)),
        _text_figure(_sees(entry)),
        _text_figure(_jump(entry)),
    ]
    return f'<tr id="{escape(entry.name)}">{"".join(cells)}</tr>'


def _figure(value: int | None, tip: str = "", style: str = "", shown: str | None = None) -> str:
    number = "" if value is None else f' data-v="{value}"'
    kind = "figure none" if value == 0 else "figure"
    title = f' title="{escape(tip)}"' if tip else ""
    return f'<td class="{kind}"{number}{title}{style}>{shown or grouped(value)}</td>'


def _text_figure(text: str) -> str:
    number = "" if text in ("", UNKNOWN) else f' data-v="{text.split("x")[0]}"'
    return f'<td class="figure"{number}>{text}</td>'


def _kinds(entry: Entry) -> str:
    """What the parameters are."""
    kinds = (
        ("weights", entry.weights),
        ("biases", entry.biases),
        ("norm", entry.norm),
        ("running statistics besides", entry.statistics),
    )
    shared = [f"shares the weights of {entry.shares}"] if entry.shares else []
    return ", ".join([*(f"{count:,} {kind}" for kind, count in kinds if count), *shared])


def _window(entry: Entry) -> str:
    window = entry.window
    if window is None:
        return ""
    stride = joined(window.stride[:1] if len(set(window.stride)) == 1 else window.stride)
    text = f"{joined(window.kernel)} /{stride}"
    return text + (f" p{pads(entry)}" if any(map(any, window.pads)) else "")


def _sees(entry: Entry) -> str:
    return str(entry.receptive_field or UNKNOWN)


def _jump(entry: Entry) -> str:
    field = entry.receptive_field
    if field is None or field.everything:
        return ""
    jumps = [f"{plain(axis.step):g}" for axis in field.axes]
    return "x".join(jumps[:1] if len(set(jumps)) == 1 else jumps)


def _meanings() -> str:
    return "".join(
        f"<dt>{escape(name.replace('_', ' '))}</dt><dd>{escape(meaning)}</dd>"
        for name, meaning in CONVENTIONS.items()
    )
