"""The page of a run: charts with round numbers, the matrix, mistakes; everything in one file."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from shutil import which
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnndsl.training.progress import Epoch, Progress
from cnndsl.training.report import chart, confusion
from cnndsl.training.report.chart import Chart, Line, ticks
from cnndsl.training.report.curves import curves
from cnndsl.training.report.page import (
    Card,
    Picture,
    RunReport,
    Strip,
    as_page,
    standalone,
)

LABELS = ("cat", "dog & wolf", "<fish>")
COUNTS = np.array([[8, 2, 0], [1, 9, 0], [0, 0, 0]])


def progress(epochs: int) -> Progress:
    scores = {"loss": 0.5, "top1": 0.75, "top5": 1.0}
    return Progress(
        epochs=[Epoch(n + 1, 10 * n, 0.1, scores, scores, 1.0, 100.0) for n in range(epochs)]
    )


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_are_round_and_within(low: float, span: float) -> None:
    found = ticks(low, low + span)
    assert len(found) <= 12
    assert all(low - 1e-6 * span - 1e-6 <= t <= low + span * (1 + 1e-6) + 1e-6 for t in found)


def test_ticks_are_multiples_of_one_two_or_five() -> None:
    assert ticks(0, 10) == [0, 2, 4, 6, 8, 10]
    assert ticks(0.13, 0.61) == pytest.approx([0.2, 0.3, 0.4, 0.5, 0.6])
    assert ticks(3, 3) == [3]


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [(0.02, 0.2, ["0.02", "0.05", "0.1", "0.2"]), (0.03, 0.09, ["0.04", "0.06", "0.08"])],
)
def test_a_logarithmic_axis_has_two_numbers(first: float, last: float, expected: list[str]) -> None:
    lines = (Line("a", ((first, 1.0), (last, 2.0))),)
    drawn = chart.svg(Chart("t", "lr", "loss", lines, str, logarithmic=True, whole=False))
    assert all(f">{text}</text>" in drawn for text in expected)


@pytest.mark.parametrize("epochs", [1, 2, 200])
def test_charts_are_well_formed(epochs: int) -> None:
    drawn = curves(progress(epochs), [(0.0, 0.1), (10.0, 0.0)])
    assert [(c.title, c.across, c.up) for c in drawn] == [
        ("loss over the epochs", "epoch", "loss"),
        ("right answers over the epochs", "epoch", "right answers (top-1)"),
        ("learning rate over the steps", "step", "learning rate"),
    ]
    for each in drawn:
        for text in (chart.svg(each), standalone(chart.svg(each))):
            ElementTree.fromstring(text)
            assert all(f">{name}</text>" in text for name in (each.title, each.across, each.up))


def test_a_chart_leaves_out_what_is_no_number() -> None:
    line = Line("loss", ((1.0, 2.0), (2.0, float("nan")), (3.0, float("inf")), (4.0, 1.0)))
    text = chart.svg(Chart("loss", "epoch", "loss", (line,), str))
    assert text.count("<circle") == 2 and "nan" not in text and "inf" not in text
    empty = Line("loss", ((1.0, float("nan")),))
    assert chart.svg(Chart("loss", "epoch", "loss", (empty,), str)) == ""


def test_names_of_lines_that_end_together_are_moved_apart() -> None:
    lines = tuple(Line(name, ((0.0, 0.0), (1.0, 1.0))) for name in ("train", "val"))
    text = chart.svg(Chart("loss", "epoch", "loss", lines, str))
    ys = [float(y) for y in re.findall(r'class="name c1" x="[\d.]+" y="([\d.]+)"', text)]
    assert len(ys) == 2 and round(ys[1] - ys[0], 1) >= chart.LABEL_GAP


def test_a_logarithmic_axis_has_round_numbers_and_names_have_room() -> None:
    lines = (Line("a long name", ((3.0, 1.0), (30.0, 2.0), (300.0, 3.0))), Line("b", ((5.0, 1.0),)))
    text = chart.svg(Chart("loss", "seconds", "loss", lines, str, logarithmic=True))
    assert all(f">{n}</text>" in text for n in (5, 10, 20, 50, 100, 200))
    middle, end = (float(x) for x in re.findall(r'cx="([\d.]+)"', text)[1:3])
    assert middle == pytest.approx((chart.LEFT + end) / 2, abs=0.1)
    assert end + 8 + 6 * len("a long name") < chart.WIDTH


def test_the_matrix_counts_targets_by_row_and_answers_by_column() -> None:
    counts = confusion.confusion(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 0]), 3)
    assert counts.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]


def test_the_commonest_mistakes_come_first() -> None:
    found = confusion.mistakes(COUNTS)
    assert [(m.target, m.answer, m.count) for m in found] == [(0, 1, 2), (1, 0, 1)]


def test_scores_of_classes_without_examples_are_unknown() -> None:
    cat, dog, fish = confusion.class_scores(COUNTS)
    assert (cat.recall, cat.precision) == (0.8, 8 / 9)
    assert (dog.recall, dog.examples) == (0.9, 10)
    assert (fish.recall, fish.precision) == (None, None)


@pytest.mark.parametrize("classes", [2, 10, 40, 150])
def test_the_matrix_is_drawn_for_any_number_of_classes(classes: int) -> None:
    counts = np.random.default_rng(0).integers(0, 3, (classes, classes))
    ElementTree.fromstring(confusion.svg(counts, [f"<class {n}>" for n in range(classes)]))
    assert confusion.svg(np.zeros((151, 151), np.int64), [""] * 151) == ""


def test_the_page_needs_no_other_file_and_escapes_what_it_shows() -> None:
    picture = Picture(b"png", 28, "<fish>", "dog & wolf", "99 %")
    page = as_page(
        RunReport(
            "<net> on data",
            "run 1",
            (Card("accuracy", "91 %", "of the test"),),
            progress(3),
            ((0.0, 0.1), (1.0, 0.2)),
            LABELS,
            COUNTS,
            "test",
            (picture,),
            (picture,),
            "seed = 1",
            '{"python": "3"}',
        )
    )
    assert "<net>" not in page and "<fish>" not in page
    assert not re.search(r'(src|href)="(?!data:)', page)
    for text in ("91 %", "data:image/png;base64,cG5n", "seed = 1", "taken for", 'class="best"'):
        assert text in page
    assert "&lt;fish&gt;, taken for <b>dog &amp; wolf</b>: 99 %" in page


def test_a_run_without_classes_or_pictures_has_a_page_too() -> None:
    page = as_page(RunReport("net", "run", (), Progress(), ()))
    assert "taken for" not in page and "</html>" in page


def test_labels_keep_away_from_the_axis_name() -> None:
    points = tuple((float(n), 13.5 + n / 100) for n in range(4))
    text = chart.svg(Chart("PSNR", "epoch", "PSNR", (Line("val", points),), "{:.3f} dB".format))
    ((x, label),) = re.findall(r'<text class="y" x="([\d.]+)" y="[\d.]+">([^<]*)</text>', text)[:1]
    assert label.endswith(" dB") and float(x) - chart.LETTER * len(label) >= chart.AXIS_NAME - 0.1
    start = min(float(n) for n in re.findall(r'<circle class="c1" cx="([\d.]+)"', text))
    assert start == pytest.approx(float(x) + 8, abs=0.1)


def film(*epochs: int, played: tuple[int, ...] = ()) -> str:
    strips = [Strip("picture", b"in", 28, 8)]
    strips += [Strip(f"epoch {n}", b"%d" % n, 28, 8, n, played=n in played) for n in epochs]
    strips.append(Strip("answer, epoch 3", b"best", 28, 8))
    return as_page(RunReport("run", "", (), progress(3), (), strips=tuple(strips)))


def test_answers_are_played_where_there_are_several() -> None:
    """Without the script all rows are there but those that are played alone; nothing is loaded."""
    page = film(1, 2, 3, 4, played=(2,))
    assert re.findall(r'<tr data-epoch="(\d)"( class="played")?>', page) == [
        ("1", ""), ("2", ' class="played"'), ("3", ""), ("4", ""),
    ]  # fmt: skip
    assert page.count('class="player"') == 1 and 'querySelectorAll(".film")' in page
    assert ".strips tr.played, .player { display: none; }" in page
    assert "prefers-reduced-motion: reduce" in page
    assert not re.search(r'(src|href)="(?!data:)', page)
    single = film(1)
    assert 'class="player"' not in single and ".film" not in single.split("<script>")[1]
    assert "epoch 1" in single


def test_the_slider_and_the_button_show_one_epoch(tmp_path: Path) -> None:
    """From the last one to one that is chosen, from there to the end, and from the beginning."""
    node = which("node")
    if node is None:
        pytest.skip("plays the page's script, which needs node")
    (tmp_path / "report.html").write_text(film(1, 2, 3, 5, played=(2,)))
    command = [node, str(Path(__file__).with_name("film.js")), str(tmp_path / "report.html")]
    seen = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    assert seen == [
        ["5", "epoch 5", "play", True],
        ["2", "epoch 2", "play", True],
        ["2", "epoch 2", "pause", True],
        ["5", "epoch 5", "play", True],
        ["1", "epoch 1", "pause", True],
        ["1", "epoch 1", "play", False],
    ]
