"""`cnndsl runs`: a line a run."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from cnndsl.runs import find_runs, listing
from tests.support.command_line import cnndsl
from tests.support.run_folders import MACS, PARAMETERS, epochs, write_run


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def three() -> None:
    """Runs of one net on the same data: two rates, two seeds, one run that was interrupted."""
    test = {"loss": 0.5, "top1": 0.8125}
    write_run(Path("runs/tiny-001"), epochs([0.5, 0.75], [0.9, 0.625]), test=test)
    write_run(Path("runs/tiny-002"), epochs([0.875], [0.25]), seed=1, test=test)
    interrupted: Any = {"ended": "", "epochs": 9, "learning_rate": 0.02}
    write_run(Path("runs/tiny-010"), epochs([0.25] * 3, [150.0] * 3), **interrupted)


TABLE = """\
runs: 3 runs of tiny on quarters

run       epochs  best    loss    top-1     test  params    MACs   time  differs in
───────────────────────────────────────────────────────────────────────────────────────
tiny-001     2/2     2  0.6250  75.00 %  81.25 %     596  5.12 k  3.0 s  lr=0.1 seed=0
tiny-002     1/1     1  0.2500  87.50 %  81.25 %     596  5.12 k  1.5 s  lr=0.1 seed=1
tiny-010     3/9     1     150  25.00 %        –     596  5.12 k  4.5 s  lr=0.02 seed=0
───────────────────────────────────────────────────────────────────────────────────────
loss and score: of validation, in the best epoch; test: the best weights'
"""


def test_a_line_a_run() -> None:
    three()
    assert (PARAMETERS, MACS) == (596, 5120)
    assert cnndsl("runs").stdout == TABLE


@pytest.mark.parametrize("width", [100, 80, 60])
def test_narrow_terminals(width: int) -> None:
    three()
    write_run(Path("runs/other-001"), epochs([0.5], [1.0]), spec="a/rather_long_name.cnn")
    write_run(Path("runs/empty"), batch=1, clip=1.0, patience=3)
    lines = listing.as_text(find_runs(Path("runs")), Path("runs"), width).splitlines()
    assert max(map(len, lines)) <= width
    assert sum("87.50 %" in line for line in lines) == 1
    assert {"run", "epochs", "top-1", "test"} <= set(lines[2].split())


SORTED = [
    (("--sort", "score"), "tiny-002 tiny-001 tiny-010"),
    (("--sort", "score", "--reverse"), "tiny-010 tiny-001 tiny-002"),
    (("--sort", "val_loss"), "tiny-002 tiny-001 tiny-010"),
    (("--sort", "test_score"), "tiny-001 tiny-002 tiny-010"),
    (("--sort", "seconds"), "tiny-002 tiny-001 tiny-010"),
    (("--sort", "lr"), "tiny-010 tiny-001 tiny-002"),
    (("--sort", "seed", "--reverse"), "tiny-002 tiny-001 tiny-010"),
    (("--sort", "batch"), "tiny-001 tiny-002 tiny-010"),
    (("--reverse",), "tiny-010 tiny-002 tiny-001"),
]


@pytest.mark.parametrize(("options", "names"), SORTED)
def test_sorted_by_a_column(options: tuple[str, ...], names: str) -> None:
    three()
    shown = json.loads(cnndsl("runs", *options, "--format", "json").stdout)["runs"]
    assert [Path(row["run"]).name for row in shown] == names.split()


def test_runs_without_a_score_are_the_last() -> None:
    three()
    write_run(Path("runs/a"))
    lines = cnndsl("runs", "--sort", "score").stdout.splitlines()
    assert lines[7].split()[:5] == ["a", "0/1", "–", "–", "–"]


def test_formats_say_the_same() -> None:
    three()
    rows = json.loads(cnndsl("runs", "--format", "json").stdout)["runs"]
    read = csv.DictReader(io.StringIO(cnndsl("runs", "--format", "csv").stdout))
    for row, cells in zip(rows, read, strict=True):
        assert {n: "" if v is None else str(v) for n, v in row.items()} == cells
    assert rows[0]["test_score"] == 0.8125 and rows[2]["test_score"] is None
    assert rows[2]["ended"] is None and rows[2]["planned_epochs"] == 9


def test_several_kinds_of_answers() -> None:
    three()
    write_run(Path("runs/unet-001"), epochs([0.5], [0.9], "iou"), spec="unet.cnn", data="cells")
    write_run(Path("runs/shades-001"), epochs([0.5], [0.9], "r2"), spec="shades.cnn")
    output = cnndsl("runs").stdout
    assert "mean IoU 50.00 %" in output and "top-1 75.00 %" in output and "R² 0.5000" in output


def test_what_is_no_run_is_named() -> None:
    three()
    Path("runs/notes").mkdir()
    Path("runs/tiny-002/metrics.csv").write_text("x\n1\n")
    result = cnndsl("runs")
    assert "2 runs of tiny on quarters" in result.stdout
    assert result.stderr.splitlines() == [
        "note: `runs/notes` holds no run",
        "note: `runs/tiny-002/metrics.csv` is damaged: it has no epoch a row",
    ]
    found = json.loads(cnndsl("runs", "--format", "json").stdout)
    assert len(found["problems"]) == 2


WRONG = [
    (["nowhere"], "there is no folder `nowhere`"),
    (["."], "there are no runs below `.`: `cnndsl train lenet5` makes one"),
    (["one", "--sort", "scores"], "runs have no column `scores`; did you mean `score`?"),
    (["one", "--sort", "xyz"], "runs have no column `xyz`; there are score, run, net"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_wrong_calls(arguments: list[str], message: str) -> None:
    if "one" in arguments:
        write_run(Path("one"))
    assert message in cnndsl("runs", *arguments, code=1).stderr
