"""Runs beside each other: what is said of them is counted by hand from their files."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from cnndsl.diagnostics import UsageError
from cnndsl.runs import RunRecord
from cnndsl.runs.comparison import Comparison, Statistic, compared
from cnndsl.runs.comparison_page import charts, write_comparison
from cnndsl.runs.comparison_table import as_csv, as_json, as_markdown, as_text
from cnndsl.training.progress import Epoch
from tests.support.command_line import cnndsl
from tests.support.run_folders import NET, epoch, epochs, write_run

SHADES = (
    "cnndsl 1\nnet Shades\ninput image 1@8x8\nconv 3x3 8 same relu\ngap\nout: fc 2\noutput out\n"
)
UNET = (
    "cnndsl 1\nnet U(classes=2)\ninput image 1@8x8\nconv 3x3 4 same relu\nmask: conv 1x1 classes\n"
)


def read(*paths: Path) -> Comparison:
    return compared([RunRecord.read(path) for path in paths])


def seeds(root: Path, rate: float = 0.1, count: int = 3, number: int = 4) -> list[Path]:
    """Runs of random scores, with tests, that differ in their seed alone."""
    random = np.random.default_rng(round(1000 * rate))

    def scores() -> dict[str, float]:
        return {"loss": random.random(), "top1": random.random(), "top5": 1.0}

    found: list[Path] = []
    for seed in range(count):
        over = [epoch(n + 1, scores(), scores(), random.random()) for n in range(number)]
        path = root / f"net-{rate}-{seed}"
        found.append(write_run(path, over, test=scores(), learning_rate=rate, seed=seed))
    return found


def by_hand(path: Path) -> list[dict[str, float]]:
    """metrics.csv, read without our reader."""
    with (path / "metrics.csv").open() as file:
        return [{n: float(v) for n, v in row.items()} for row in csv.DictReader(file)]


def test_figures_are_those_of_the_files(tmp_path: Path) -> None:
    paths = seeds(tmp_path)
    comparison = read(*paths)
    found = json.loads(as_json(comparison))["groups"][0]
    rows = [by_hand(path) for path in paths]
    best = [max(run, key=lambda row: row["val_top1"]) for run in rows]
    tests = [json.loads((path / "results.json").read_text())["test"] for path in paths]
    expected = {
        "best_epoch": [row["epoch"] for row in best],
        "train_loss": [row["train_loss"] for row in best],
        "val_loss": [row["val_loss"] for row in best],
        "train_score": [row["train_top1"] for row in best],
        "val_score": [row["val_top1"] for row in best],
        "test_loss": [test["loss"] for test in tests],
        "test_score": [test["top1"] for test in tests],
        "seconds": [sum(row["seconds"] for row in run) for run in rows],
    }
    for name, values in expected.items():
        assert found["figures"][name]["mean"] == pytest.approx(np.mean(values), abs=1e-3), name
        deviation = found["figures"][name]["deviation"]
        assert deviation == pytest.approx(np.std(values, ddof=1), abs=1e-3), name
    for name, curve in found["curves"].items():
        values = np.array([[row[name] for row in run] for run in rows])
        assert curve["mean"] == pytest.approx(values.mean(axis=0)), name
        assert curve["deviation"] == pytest.approx(values.std(axis=0, ddof=1)), name
        times = np.array([[row["seconds"] for row in run] for run in rows]).cumsum(axis=1)
        assert curve["seconds"] == pytest.approx(times.mean(axis=0), abs=1e-3)
        assert curve["epoch"] == [1, 2, 3, 4]
    assert {*found["curves"]} == {"train_loss", "val_loss", "train_top1", "val_top1"}
    row = next(csv.DictReader(as_csv(comparison).splitlines()))
    assert float(row["val_score"]) == found["figures"]["val_score"]["mean"]
    assert float(row["val_score_deviation"]) == found["figures"]["val_score"]["deviation"]


STATISTICS: list[tuple[list[float | None], Statistic | None]] = [
    ([], None),
    ([None], None),
    ([float("nan"), float("inf")], None),
    ([2.0], Statistic(2.0, None)),
    ([2.0, None], Statistic(2.0, None)),
    ([1.0, 2.0, 3.0], Statistic(2.0, 1.0)),
    ([1.0, 1.0], Statistic(1.0, 0.0)),
]


@pytest.mark.parametrize(("values", "expected"), STATISTICS)
def test_means_and_deviations(values: list[float | None], expected: Statistic | None) -> None:
    assert Statistic.of(values) == expected


GROUPS: list[tuple[list[dict[str, Any]], list[tuple[str, int]]]] = [
    ([{"seed": 0}, {"seed": 1}], [("0", 2)]),
    ([{"seed": 0}, {"threads": 2}], [("0", 2)]),
    ([{"seed": 0}, {"batch": 8}], [("batch=64", 1), ("batch=8", 1)]),
    ([{}, {"epochs": 9}], [("epochs=1", 1), ("epochs=9", 1)]),
    ([{}, {"spec": "b.cnn"}, {"seed": 2}], [("tiny", 2), ("b", 1)]),
    ([{}, {"data": "x/photos"}], [("on quarters", 1), ("on photos", 1)]),
    ([{}, {"settings": {"width": 8}, "clip": 0.5}], [("0", 1), ("clip=0.5 width=8", 1)]),
]


@pytest.mark.parametrize(("given", "expected"), GROUPS)
def test_groups(
    given: list[dict[str, Any]], expected: list[tuple[str, int]], tmp_path: Path
) -> None:
    paths = [write_run(tmp_path / str(n), epochs([0.5], [1.0]), **g) for n, g in enumerate(given)]
    found = [(group.label, len(group.runs)) for group in read(*paths).groups]
    if ("0", 1) in expected:  # the one without a label has its run's name
        expected = [
            (f"{n} {label}".replace("0 0", "0"), c) for n, (label, c) in enumerate(expected)
        ]
    assert found == expected


def test_a_training_that_was_repeated_counts_once(tmp_path: Path) -> None:
    """A search draws the same values again: that is no second seed."""
    seed = [(0, 0.5), (0, 0.5), (1, 0.7)]
    paths = [
        write_run(tmp_path / f"t{n}", epochs([score], [1.0]), seed=seed)
        for n, (seed, score) in enumerate(seed)
    ]
    (group,) = read(*paths).groups
    assert group.best("val", "top1") == Statistic.of([0.5, 0.7])
    assert group.curve("val", "top1")[0].score == Statistic.of([0.5, 0.7])
    same = read(*paths[:2])
    assert same.notes == ("the same as others, seed and all, and counted once: t1",)
    assert not same.repeats and "±" not in as_text(same, 200)


def test_a_net_that_was_edited_is_another_group(tmp_path: Path) -> None:
    nets = (NET, NET.replace("8 p1", "9 p1"))
    paths = [
        write_run(tmp_path / str(n), epochs([0.5], [1.0]), net=net, seed=n)
        for n, net in enumerate(nets)
    ]
    first, second = read(*paths).groups
    assert first.label.startswith("network=") and first.label != second.label


def test_runs_that_came_less_far_count_for_their_epochs(tmp_path: Path) -> None:
    long = write_run(tmp_path / "a", epochs([0.25, 0.5, 0.75], [1.0, 0.5, 0.25]), epochs=9)
    short: Any = {"epochs": 9, "seed": 1, "ended": ""}
    brief = write_run(tmp_path / "b", epochs([0.75], [0.5]), **short)
    (group,) = read(long, brief).groups
    curve = group.curve("val", "top1")
    assert [(p.epoch, p.score.mean) for p in curve] == [(1, 0.5), (2, 0.5), (3, 0.75)]
    assert curve[0].score.deviation == pytest.approx(0.5**0.5 / 2)
    assert curve[1].score.deviation is None
    shown = as_text(read(long, brief))
    assert "1–3/9" in shown and "± is the deviation" in shown


def several(root: Path) -> list[Path]:
    """Runs of three kinds, one without an epoch, one of a loss that became NaN."""
    nan = epochs([0.5, 0.25], [0.5, 0.75])
    nan[1].val["loss"] = nan[1].train["loss"] = float("nan")
    return [
        *seeds(root),
        *seeds(root, 0.2, 1),
        write_run(root / "nan", nan, batch=3),
        write_run(root / "none", batch=2),
        write_run(root / "u", epochs([0.5], [1.0], "iou"), spec="unet.cnn", net=UNET, data="cells"),
        write_run(root / "s", epochs([0.5], [1.0], "r2"), spec="s.cnn", net=SHADES, data="l.csv"),
    ]


def test_what_cannot_be_compared_is_said(tmp_path: Path) -> None:
    comparison = read(*several(tmp_path))
    assert comparison.notes == (
        "no epoch is over yet of none",
        "the runs answer with different things (R², mean IoU, top-1), so losses aren't compared",
        "the runs were judged on different data: quarters, cells, l.csv",
    )
    titles = [chart.title for chart in charts(comparison)]
    assert titles == [
        f"{part} {title} over the epochs"
        for title in ("top-1", "mean IoU", "R²")
        for part in ("validation", "training")
    ]
    shown = as_text(comparison)
    assert "mean IoU 50.00 %" in shown and "R² 0.5000" in shown
    alone = read(*several(tmp_path / "again")[:6])
    assert alone.notes == ("no epoch is over yet of none",)
    assert [chart.up for chart in charts(alone)] == ["loss", "loss", "top-1", "top-1"]


@pytest.mark.parametrize("width", [100, 80, 60])
def test_narrow_terminals(width: int, tmp_path: Path) -> None:
    lines = as_text(read(*several(tmp_path)), width).splitlines()
    assert max(map(len, lines)) <= width
    lines = as_text(read(*several(tmp_path / "again")[:4]), width).splitlines()
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize("over", ["epochs", "time"])
@pytest.mark.parametrize("suffix", [".html", ".svg", ".png"])
def test_drawings_are_well_formed(suffix: str, over: Any, tmp_path: Path) -> None:
    path = tmp_path / f"curves{suffix}"
    comparison = read(*several(tmp_path))
    write_comparison(comparison, path, over)
    if suffix == ".png":
        with Image.open(path) as image:
            colours = image.convert("RGB").getcolors(1 << 20)
            assert image.width == 2 * (2 * 440 + 24) and colours and len(colours) > 50
        return
    text = path.read_text(encoding="utf-8")
    if suffix == ".svg":
        ElementTree.fromstring(text)
    for label in ("net-0.1-0 lr=0.1", "net-0.2-0 lr=0.2") if suffix == ".svg" else ("net-0.1-0",):
        assert label in text or "lr=0.1" in text
    assert ("seconds of training" in text) == (over == "time")
    assert (
        "nan" not in text.replace("nan batch=3", "").replace(">nan<", "").lower().split("style")[-1]
    )


def test_more_groups_than_colours(tmp_path: Path) -> None:
    paths = [p for n in range(1, 15) for p in seeds(tmp_path, n / 100, 1, 2)]
    write_comparison(read(*paths), tmp_path / "curves.svg")
    text = (tmp_path / "curves.svg").read_text()
    assert "line c12" in text and "line c13" not in text


def test_wrong_comparisons(tmp_path: Path) -> None:
    (one,) = seeds(tmp_path, 0.1, 1)
    empty = write_run(tmp_path / "empty")
    with pytest.raises(UsageError, match="needs two runs or more"):
        read(one)
    with pytest.raises(UsageError, match=r"go into a \.html, \.svg or \.png"):
        write_comparison(read(one, empty), tmp_path / "curves.pdf")
    other = write_run(tmp_path / "other", batch=2)
    with pytest.raises(UsageError, match="no epoch of these runs is over"):
        write_comparison(read(empty, other), tmp_path / "curves.svg")
    assert "0/1" in as_text(read(empty, other))


def test_names_are_shown_as_they_are(tmp_path: Path) -> None:
    odd: list[Epoch] = epochs([0.5], [1.0])
    paths = [
        write_run(tmp_path / name, odd, data=f"<b>{name}|\x1b[31m") for name in ("<i>a", "b&\u202e")
    ]
    comparison = read(*paths)
    for text in (as_text(comparison), as_markdown(comparison), as_csv(comparison)):
        assert "\x1b" not in text and "\u202e" not in text
    write_comparison(comparison, tmp_path / "c.html")
    write_comparison(comparison, tmp_path / "c.svg")
    for name in ("c.html", "c.svg"):
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert "<i>a" not in text and "<b>" not in text and "\x1b" not in text
    ElementTree.parse(tmp_path / "c.svg")


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    seeds(Path("runs"))
    seeds(Path("runs"), 0.2, 1)
    Path("runs/notes").mkdir()
    result = cnndsl("compare", "runs", "-o", "curves.html")
    assert "±" in result.stdout and "lr=0.2" in result.stdout
    assert result.stderr == "note: `runs/notes` holds no run\ncurves: curves.html\n"
    assert "</html>" in Path("curves.html").read_text(encoding="utf-8")
    pair = ("runs/net-0.1-0", "runs/net-0.2-0")
    for form in ("md", "csv", "json"):
        assert "0.2" in cnndsl("compare", *pair, "--format", form).stdout
    mixed = json.loads(cnndsl("compare", pair[0], "lenet5", "--format", "json").stdout)["nets"]
    assert [net["params"] for net in mixed] == [596, 61706]


WRONG = [
    (["runs/net-0.1-0"], "a comparison needs two runs or more"),
    (["runs", "--set", "a=1"], "are for specs, not for runs"),
    (["runs", "--batch", "2"], "are for specs, not for runs"),
    (["lenet5", "resnet20", "-o", "x.html"], "for the curves of runs, and `lenet5` is none"),
    (["runs/net-0.1-0", "lenet5", "--over", "time"], "curves of runs, and `lenet5` is none"),
    (["runs", "lenet5"], "`runs` is a folder"),
    (["runs", "-o", "x.pdf"], "curves go into a .html, .svg or .png"),
    (["runs", "-o", "nowhere/x.svg"], "there is no folder `nowhere`"),
    (["runs", "runs/nothing"], "there is no file `runs/nothing`"),
    (["nothing"], "there is no file `nothing`"),
    (["runs/nothing", "runs/net-0.1-0"], "there is no file `runs/nothing`"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_wrong_calls(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    seeds(Path("runs"), 0.1, 2)
    assert message in cnndsl("compare", *arguments, code=1).stderr
