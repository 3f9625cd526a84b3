"""The report as a page: whole, self-contained, and safe whatever names it shows."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from cnndsl import resources
from cnndsl.show.page import as_page
from cnndsl.show.plot import charts, svg
from cnndsl.show.report import report
from tests.show.nets import OPEN, SMALL, analysed, zoo_analysed, zoo_source

VOID = {"wbr", "meta", "input", "path", "rect", "br"}


class Outline(HTMLParser):
    """Collects tags, ids and texts; fails where a tag is closed that isn't open."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.linked: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        found = dict(attrs)
        self.ids += [found["id"] or ""] if "id" in found else []
        self.linked += [found[key] or "" for key in ("src", "href") if key in found]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("name", resources.zoo_names())
def test_zoo(name: str) -> None:
    made = report(zoo_analysed(name, zoo_source(name)), f"zoo/{name}.cnn")
    page = as_page(made)
    outline = Outline(page)
    assert outline.linked == []
    assert set(outline.ids) >= {e.name for e in made.layers}
    assert len(outline.ids) == len(set(outline.ids))
    assert f"{made.totals.params:,}" in page


def test_text_is_escaped() -> None:
    hostile = "<script>alert(1)</script>"
    page = as_page(report(analysed(SMALL), hostile))
    assert hostile not in page
    assert page.count("<script") == 2


def test_charts_are_left_out_where_nothing_is_known() -> None:
    titles = [chart.title for chart in charts(report(analysed(OPEN), ""))]
    assert titles == ["weights", "receptive field"]
    folded = [chart.title for chart in charts(report(analysed(SMALL), "", depth=1))]
    assert "outputs held at inference" not in folded
    only_relu = analysed("cnndsl 1\nnet R\ninput x @8\nrelu\n")
    assert "<figure>" in as_page(report(only_relu, ""))
    vector_open = analysed("cnndsl 1\nnet R\ninput x 3@HxW\ngap\n")
    assert "<figure>" not in as_page(report(vector_open, ""))


def test_bars_and_lines_stay_within_the_chart() -> None:
    for chart in charts(report(analysed(SMALL), "")):
        drawn = svg(chart)
        numbers = [float(n) for n in re.findall(r"[MVH ](-?\d+(?:\.\d+)?)", drawn)]
        assert min(numbers) >= 0
        assert max(numbers) <= 1000


def test_it_is_light_and_dark() -> None:
    page = as_page(report(analysed(SMALL), ""))
    assert "prefers-color-scheme: dark" in page
    assert 'data-theme="dark"' in page
