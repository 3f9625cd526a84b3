"""A run as a page: one file that needs no other, light and dark."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cnndsl.data.targets import SCORES, RegionScores
from cnndsl.printing import escape
from cnndsl.show.document import THEME, document, styles
from cnndsl.show.document import standalone as alone
from cnndsl.training.progress import Progress
from cnndsl.training.report import chart, confusion
from cnndsl.training.report.confusion import Counts
from cnndsl.training.report.curves import curves
from cnndsl.training.screen import duration

STYLE = Path(__file__).parent / "page.css"
FILM = Path(__file__).parent / "film.js"
PIXELATED = 64
"""Pictures up to so many pixels wide are enlarged without smoothing."""

_WIDEST = 138
"""Pixels of the page that a picture of a strip takes at most."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG of so many pixels across and the class that it shows; where it was taken for another,
    that one and how sure the net was.
    """

    png: bytes
    width: int
    caption: str
    wrong: str = ""
    sure: str = ""


@dataclass(frozen=True, slots=True)
class Strip:
    """Pictures side by side, a PNG: so many, each of so many pixels across. Those of an `epoch` are
    shown one after the other too; of these some are `played` alone, where there are many.
    """

    title: str
    png: bytes
    width: int
    count: int
    epoch: int | None = None
    played: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """A figure in large type with its name and what it means."""

    name: str
    figure: str
    meaning: str


@dataclass(frozen=True, slots=True)
class RunReport:
    """Everything that the page shows; `counts` is the confusion matrix of the split `judged`, or
    `regions` are the scores of its pixels' classes. `legend` has the names and colours of classes
    in `strips`.
    """

    title: str
    subtitle: str
    cards: tuple[Card, ...]
    progress: Progress
    rates: tuple[tuple[float, float], ...]
    labels: tuple[str, ...] = ()
    counts: Counts | None = None
    judged: str = ""
    errors: tuple[Picture, ...] = ()
    sample: tuple[Picture, ...] = ()
    config: str = ""
    environment: str = ""
    strips: tuple[Strip, ...] = ()
    legend: tuple[tuple[str, str], ...] = ()
    regions: tuple[RegionScores, ...] = ()


def as_page(run: RunReport) -> str:
    """A whole HTML document."""
    sections = [
        f'<section class="cards">{"".join(map(card, run.cards))}</section>',
        section("How it went", _curves(run)),
        section(
            f"Which classes are taken for which, {run.judged}",
            _confusion(run),
            "Rows are the right classes, columns the answers.",
        ),
        section(
            f"The worst errors, {run.judged}",
            _pictures(run.errors),
            "Those where the right class was given the least probability: "
            "what is shown, what it was taken for, and the probability of that.",
        ),
        section(
            "What it answers, epoch by epoch",
            _strips(run.strips) + _legend(run.legend),
            "The same examples of validation each time.",
        ),
        section(
            f"How well each class is met, {run.judged}",
            _regions(run.regions),
            "Over all pixels together. IoU is the part of what mask or answer has that both have.",
        ),
        section(
            "What the net was shown",
            _pictures(run.sample),
            "The first pictures of the training, in the order drawn and as the net takes them.",
        ),
        section("Epochs", _epochs(run.progress)),
        _folded("Configuration", run.config),
        _folded("Environment", run.environment),
    ]
    script = THEME + (FILM.read_text("utf-8") if _is_film(run.strips) else "")
    return document(run.title, run.subtitle, "".join(sections), style(), script)


def style() -> str:
    """The style sheet of pages about runs."""
    return styles(STYLE)


def standalone(svg: str) -> str:
    """A chart of the page as a file of its own, with the page's colours."""
    return alone(svg, style())


def section(title: str, content: str, text: str = "") -> str:
    """A part of a page with its title, and a sentence; "" without content, which is HTML."""
    if not content:
        return ""
    said = f"<p>{escape(text)}</p>" if text else ""
    return f"<section><h2>{escape(title)}</h2>{said}{content}</section>\n"


def _folded(title: str, text: str) -> str:
    if not text:
        return ""
    return (
        f'<section><details class="panel"><summary>{escape(title)}</summary>'
        f"<pre>{escape(text)}</pre></details></section>\n"
    )


def card(card: Card) -> str:
    """A figure in large type as HTML."""
    return (
        f"<div><b>{escape(card.figure)}</b><h3>{escape(card.name)}</h3>"
        f"<p>{escape(card.meaning)}</p></div>"
    )


def _curves(run: RunReport) -> str:
    figures = [f"<figure>{chart.svg(c)}</figure>" for c in curves(run.progress, run.rates)]
    return f'<div class="pair">{"".join(figures)}</div>' if figures else ""


def _confusion(run: RunReport) -> str:
    if run.counts is None:
        return ""
    drawn = confusion.svg(run.counts, run.labels)
    panel = f'<div class="panel">{drawn}</div>' if drawn else ""
    return f'<div class="pair">{panel}{_mistakes(run)}{_classes(run)}</div>'


def _mistakes(run: RunReport) -> str:
    assert run.counts is not None
    rows = "".join(
        f"<tr><td>{escape(run.labels[m.target])}</td><td>{escape(run.labels[m.answer])}</td>"
        f'<td class="figure">{m.count:,}</td></tr>'
        for m in confusion.mistakes(run.counts)
    )
    return table(["is", "taken for", "times"], rows, 2) if rows else ""


def _classes(run: RunReport) -> str:
    assert run.counts is not None
    rows = "".join(
        f'<tr><td>{escape(run.labels[c.number])}</td><td class="figure">{c.examples:,}</td>'
        f'<td class="figure">{_percent(c.recall)}</td>'
        f'<td class="figure">{_percent(c.precision)}</td></tr>'
        for c in confusion.class_scores(run.counts)
    )
    return table(["class", "examples", "found", "right when said"], rows, 1)


def _pictures(pictures: Sequence[Picture]) -> str:
    if not pictures:
        return ""
    shown = "".join(map(_picture, pictures))
    return f'<div class="pictures panel">{shown}</div>'


def _strips(strips: Sequence[Strip]) -> str:
    if not strips:
        return ""
    rows = "".join(map(_strip, strips))
    table = f'<table class="strips">{rows}</table>'
    if not _is_film(strips):
        return f'<div class="panel">{table}</div>'
    return f'<div class="panel film">{_PLAYER}{table}</div>'


_PLAYER = (
    '<div class="player"><button type="button" class="play">play</button>'
    '<input type="range" min="0" aria-label="epoch"><output></output>'
    '<button type="button" class="all" aria-pressed="false">all epochs</button></div>'
)


def _is_film(strips: Sequence[Strip]) -> bool:
    return sum(strip.epoch is not None for strip in strips) > 1


def _strip(strip: Strip) -> str:
    large = "" if strip.width <= PIXELATED else ' class="large"'
    data = b64encode(strip.png).decode()
    of = "" if strip.epoch is None else f' data-epoch="{strip.epoch}"'
    of += ' class="played"' if strip.played else ""
    return (
        f"<tr{of}><th>{escape(strip.title)}</th>"
        f'<td><img alt="" decoding="sync"{large} style="max-width: {strip.count * _WIDEST}px" '
        f'src="data:image/png;base64,{data}"></td></tr>'
    )


def _legend(legend: Sequence[tuple[str, str]]) -> str:
    entries = "".join(
        f'<li><span style="background: {colour}"></span>{escape(label)}</li>'
        for label, colour in legend
    )
    return f'<ul class="legend">{entries}</ul>' if legend else ""


def _regions(regions: Sequence[RegionScores]) -> str:
    rows = "".join(
        f'<tr><td>{escape(r.label)}</td><td class="figure">{r.pixels:,}</td>'
        f'<td class="figure">{_percent(r.iou)}</td><td class="figure">{_percent(r.dice)}</td></tr>'
        for r in regions
    )
    return table(["class", "pixels", "IoU", "Dice"], rows, 1) if rows else ""


def _picture(picture: Picture) -> str:
    large = "" if picture.width <= PIXELATED else ' class="large"'
    wrong = f", taken for <b>{escape(picture.wrong)}</b>" if picture.wrong else ""
    wrong += f": {escape(picture.sure)}" if picture.sure else ""
    data = b64encode(picture.png).decode()
    return (
        f'<figure><img alt=""{large} src="data:image/png;base64,{data}">'
        f"<figcaption>{escape(picture.caption)}{wrong}</figcaption></figure>"
    )


def _epochs(progress: Progress) -> str:
    names = [n for n in SCORES if any(n in e.val or n in e.train for e in progress.epochs)]
    if all(epoch.val.get("top5", 1.0) == 1 for epoch in progress.epochs):
        names = [name for name in names if name != "top5"]
    trained = [name for name in names if name == "top1"]
    columns = ["epoch", "learning rate", "train loss", "val loss"]
    columns += [f"train {SCORES[name].title}" for name in trained]
    columns += [*(f"val {SCORES[name].title}" for name in names), "time"]
    rows: list[str] = []
    for epoch in progress.epochs:
        cells = [
            str(epoch.number),
            f"{epoch.rate:.3g}",
            _figure(epoch.train.get("loss")),
            _figure(epoch.val.get("loss")),
            *(SCORES[name].text(epoch.train.get(name)) for name in trained),
            *(SCORES[name].text(epoch.val.get(name)) for name in names),
            duration(epoch.seconds),
        ]
        kind = ' class="best"' if epoch is progress.best else ""
        filled = "".join(f'<td class="figure">{cell}</td>' for cell in cells)
        rows.append(f"<tr{kind}>{filled}</tr>")
    return table(columns, "".join(rows), 0)


def table(titles: Sequence[str], rows: str, first_figure: int) -> str:
    """A table as HTML, of rows that are; columns from `first_figure` on hold figures."""
    head = "".join(
        f"<th{' class=figure' if i >= first_figure else ''}>{escape(title)}</th>"
        for i, title in enumerate(titles)
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead>{rows}</table></div>'


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.2f} %"
