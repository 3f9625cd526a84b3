"""`cnndsl search`: trials are runs, the leaderboard ranks them, and what stopped goes on."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

import cnndsl as package
from cnndsl.diagnostics import UsageError
from cnndsl.training.callbacks import RunBegin
from cnndsl.training.config import read_config
from tests.support import peers
from tests.support.command_line import ENVIRONMENT, PROGRAM, cnndsl
from tests.support.toy_data import SPEC, write_toy

WIDE = SPEC.replace("classes=3", "classes=3, width=8").replace("conv 3x3 8", "conv 3x3 width")
USUAL = ("--data", "quarters.npz", "--batch", "32", "--threads", "1", "--epochs", "2")
FOLDER = Path("runs/wide-search-001")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own with a net that has a parameter, and data."""
    peers.optuna()
    write_toy(tmp_path)
    (tmp_path / "wide.cnn").write_text(WIDE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def search(*arguments: str, code: int = 0) -> Result:
    return cnndsl("search", "wide.cnn", *USUAL, *arguments, code=code)


def leaderboard(folder: Path = FOLDER) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "leaderboard.csv").open()))


def test_each_trial_is_a_run_like_any_other() -> None:
    said = search("--vary", "width=4,8", "--vary", "lr=0.001,0.01", "--method", "grid").output
    rows = leaderboard()
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4"]
    assert len(said.splitlines()) > 10 and "best       trial" in said
    best = [float(row["val_top1"]) for row in rows]
    assert best == sorted(best, reverse=True)
    for row in rows:
        run = FOLDER / row["run"]
        config = read_config(run / "config.toml")
        assert config.training.learning_rate == float(row["lr"])
        assert config.model.settings["width"] == int(row["width"])
        metrics = [float(r["val_top1"]) for r in csv.DictReader((run / "metrics.csv").open())]
        assert max(metrics) == float(row["val_top1"])
        assert json.loads((run / "results.json").read_text())["best"]["val_top1"] == max(metrics)
    top = str(FOLDER / rows[0]["run"])
    assert (FOLDER / "best.txt").read_text().strip() == rows[0]["run"]
    assert cnndsl("search", "best", str(FOLDER)).output.strip() == top
    Path("wide.cnn").unlink()  # what came of a search can be looked at without its net
    shown = cnndsl("search", "show", str(FOLDER), "--page").output.splitlines()
    assert [line.split()[0] for line in shown[1:5]] == [row["trial"] for row in rows]
    cnndsl("eval", top, "--split", "val")


def test_a_trial_is_the_training_that_its_options_give() -> None:
    search("--vary", "optimiser=sgd", "--vary", "width=4", "--method", "grid", "--lr", "0.02")
    alone = ("--optimiser", "sgd", "--set", "width=4", "--lr", "0.02", "--name", "alone")
    cnndsl("train", "wide.cnn", *USUAL, *alone)
    ours, theirs = FOLDER / "trial-001", Path("runs/alone-001")
    assert read_config(ours / "config.toml") == read_config(theirs / "config.toml")
    weights = [(run / "last.safetensors").read_bytes() for run in (ours, theirs)]
    assert weights[0] == weights[1]


def test_data_are_opened_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from cnndsl.training import running

    opened: list[str] = []
    data_for = running.opened_data

    def counted(*arguments: Any) -> Any:
        opened.append("")
        return data_for(*arguments)

    monkeypatch.setattr(running, "opened_data", counted)
    search("--vary", "lr=0.001,0.01,0.1", "--method", "grid")
    assert len(opened) == 1


def test_what_costs_too_much_is_not_trained() -> None:
    said = search("--vary", "width=4,8,64", "--method", "grid", "--max-params", "700").output
    assert "refused: width=64: 4,804 parameters are more than 700" in said
    assert len(leaderboard()) == 2 and not (FOLDER / "trial-003").exists()
    said = search(
        "--vary", "width=2..64", "--method", "random", "--trials", "3", "--max-macs", "9k"
    )
    rows = leaderboard(Path("runs/wide-search-002"))
    assert len(rows) == 3 and all(float(row["macs"]) <= 9000 for row in rows)


def test_the_objective_may_be_any_figure() -> None:
    search("--vary", "width=8,4", "--method", "grid", "--objective", "params")
    assert [row["width"] for row in leaderboard()] == ["4", "8"]
    search("--vary", "width=8,4", "--method", "grid", "--objective", "val_loss", "--json")
    losses = [float(row["val_loss"]) for row in leaderboard(Path("runs/wide-search-002"))]
    assert losses == sorted(losses)


@pytest.mark.parametrize("prune", ["median", "halving", "hyperband"])
def test_hopeless_trials_are_stopped(prune: str) -> None:
    vary = ("--vary", "lr=0.1,0.05,0.02,0.01,0.005,1e-3,1e-4,1e-5,1e-6,1e-7", "--method", "grid")
    said = search(*vary, "--epochs", "4", "--prune", prune).output
    pruned = [line.split()[0] for line in said.splitlines() if line.endswith(" pruned")]
    rows = leaderboard()
    assert pruned and len(rows) + len(pruned) == 10
    assert not {row["trial"] for row in rows} & {*pruned} and rows[0]["trial"] not in pruned
    for number in pruned:
        run = FOLDER / f"trial-{int(number):03d}"
        assert len((run / "metrics.csv").read_text().splitlines()) - 1 <= 4
        assert (run / "report.html").is_file(), "it is a run like any other"
    assert len(list(csv.DictReader((FOLDER / "trial-001" / "metrics.csv").open()))) == 4


@pytest.mark.parametrize("method", ["nsga2", "tpe", "random"])
def test_several_objectives_make_a_front(method: str) -> None:
    goals = ("--objective", "val_loss", "--objective", "params", "--epochs", "1")
    vary = ("--vary", "width=2..32", "--vary", "lr=1e-4..1e-1:log", "--trials", "14")
    search(*vary, *goals, "--method", method, "--max-params", "2500")
    rows = [(int(r["front"]), float(r["val_loss"]), float(r["params"])) for r in leaderboard()]
    assert len(rows) == 14 and rows == sorted(rows)
    heads, first, *_ = cnndsl("search", "show", str(FOLDER)).output.splitlines()
    assert heads.split()[:2] == ["trial", "front"] and first.split()[1] == "1"
    for front, *own in rows:
        beating = [f for f, *o in rows if o != own and o[0] <= own[0] and o[1] <= own[1]]
        assert front == 1 + max(beating, default=0)


def test_a_search_may_be_written_as_a_file() -> None:
    text = """
spec = "wide.cnn"
data = "quarters.npz"
method = "grid"
objectives = ["val_loss"]
max_params = "700"
[options]
epochs = 1
batch = 32
threads = 1
weight-decay = 0.01
[options.settings]
classes = 4
[vary]
width = [4, 8, 64]
lr = "0.01,0.1"
"""
    Path("all.toml").write_text(text)
    cnndsl("search", "all.toml", "--vary", "lr=0.01", "--seed", "3")
    rows = leaderboard()
    assert sorted(row["width"] for row in rows) == ["4", "8"] and "val_loss" in rows[0]
    config = read_config(FOLDER / "trial-001" / "config.toml")
    assert (config.training.seed, config.training.epochs, config.training.batch) == (3, 1, 32)
    assert config.optimiser.weight_decay == 0.01 and config.model.settings["classes"] == 4
    cnndsl("search", str(FOLDER / "search.toml"))
    again = leaderboard(Path("runs/wide-search-002"))
    assert [row["val_loss"] for row in again] == [row["val_loss"] for row in rows]
    for wrong, said in (
        (text.replace("epochs", "epoch"), "did you mean `epochs`"),
        (text.replace("grid", "all"), "method must be"),
        (text.replace("method", "methods"), "did you mean `method`"),
        (text.replace("[vary]", "[[vary]]"), "must be a table"),
        (text.replace('"700"', '"a lot"'), "is no amount"),
        (text.replace("epochs = 1", "epochs = 'two'"), "epochs must be a whole number"),
        ("spec = 3", "spec must be a text"),
        ("spec = ", "is no TOML"),
    ):
        Path("all.toml").write_text(wrong)
        stderr = cnndsl("search", "all.toml", code=1).stderr
        assert said in stderr and stderr.count("\n") == 1, stderr


def test_figures_are_means_over_seeds() -> None:
    search("--vary", "lr=0.01,0.1", "--method", "grid", "--seeds", "3", "--seed", "5")
    for row in leaderboard():
        runs = [FOLDER / f"{row['run']}{repeat}" for repeat in ("", "-repeat-1", "-repeat-2")]
        configs = [read_config(run / "config.toml") for run in runs]
        assert [config.training.seed for config in configs] == [5, 6, 7]
        results = [json.loads((run / "results.json").read_text())["best"] for run in runs]
        losses = [result["val_loss"] for result in results]
        assert float(row["val_loss"]) == pytest.approx(sum(losses) / 3) and len({*losses}) == 3


def test_a_page_shows_the_search() -> None:
    vary = ("--vary", "width=4..16", "--vary", "optimiser=adam,sgd nesterov=yes")
    search(*vary, "--trials", "12", "--objective", "val_top1", "--objective", "params", "-q")
    page = (FOLDER / "search.html").read_text()
    for title in (
        "The Pareto front",
        "against each parameter",
        "Which parameters matter",
        "Leaderboard",
    ):
        assert title in page
    assert page.count('<svg class="chart"') == 1 + 2 + 3
    links = re.findall(r'href="(trial-\d+/report.html)"', page)
    assert len(links) == 12 and all((FOLDER / link).is_file() for link in links)
    (FOLDER / "search.html").unlink()
    (FOLDER / "trial-003" / "metrics.csv").write_text("nonsense")
    cnndsl("search", "show", str(FOLDER), "--page")
    assert (FOLDER / "search.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--vary", "lr=1,2", "--prune", "median", "--objective", "params"), "not params"),
        (("--vary", "lr=1,2", *("--objective", "macs") * 2), "`macs` is named twice"),
        (("--vary", "widht=4,8"), "did you mean `width`"),
        (("--vary", "width"), "isn't written --vary NAME=VALUES"),
        ((), "what is to be varied?"),
        (("--vary", "lr=0.1", "--vary", "lr=0.2"), "names `lr` twice"),
        (("--vary", "width=4..64", "--method", "grid", "--trials", "3"), "61 trials, more than"),
        (("--vary", "lr=0.1,1", "--objective", "val_iou"), "have loss, top1, top5"),
        (("--vary", "lr=0.1,1", "--objective", "test_loss"), "has no test"),
        (("--vary", "lr=0.1,1", "--objective", "val_top2"), "did you mean `val_top"),
        (("--vary", "width=9..64", "--max-params", "9"), "200 draws in a row were refused"),
        (("--vary", "lr=1e36..1e37", "--optimiser", "sgd"), "3 trials failed, and none was done"),
    ],
)
def test_what_is_wrong_ends_in_a_sentence(arguments: tuple[str, ...], said: str) -> None:
    result = search(*arguments, code=1)
    assert said in result.stderr and result.stderr.count("\n") == 1


def test_without_optuna_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    said = search("--vary", "lr=0.1,1", code=1).stderr
    assert "a search needs Optuna: pip install 'cnndsl[search]'" in said
    assert not Path("runs").exists()


def test_net_and_data_are_to_be_what_they_were(place: Path) -> None:
    search("--vary", "lr=0.1,1", "--method", "grid")
    resume = ("search", "resume", str(FOLDER))
    cnndsl(*resume)
    (place / "wide.cnn").write_text(WIDE.replace("dropout 0.2", "dropout 0.3"))
    assert "isn't what it was when the search began" in cnndsl(*resume, code=1).stderr
    (place / "wide.cnn").write_text(WIDE.replace("width", "breadth"))
    assert "neither Tiny nor" not in cnndsl(*resume, code=1).stderr
    (place / "wide.cnn").write_text(WIDE)
    np.savez(place / "quarters.npz", x=np.zeros((240, 8, 8), np.uint8), y=np.arange(240) % 4)
    assert "isn't what the search began with" in cnndsl(*resume, code=1).stderr


@pytest.mark.parametrize("content", ["", "trials = 'many'", "[vary]\nlr = '1..'", "[[vary]]", "x"])
def test_a_damaged_search_ends_in_a_sentence(content: str) -> None:
    search("--vary", "lr=0.1,1", "--method", "grid")
    (FOLDER / "search.toml").write_text(content)
    for command in ("resume", "show", "best"):
        said = cnndsl("search", command, str(FOLDER), code=1).stderr
        assert "search.toml" in said and said.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("kill", [signal.SIGINT, signal.SIGKILL])
def test_a_search_that_was_stopped_goes_on(place: Path, kill: signal.Signals) -> None:
    options = ("--vary", "lr=0.001..0.1", "--method", "random", "--trials", "4", "--epochs", "40")
    search(*options, "-q", "--name", "whole")
    command = [*PROGRAM, "search", "wide.cnn", *USUAL, *options, "-q"]
    process = subprocess.Popen(command, env=ENVIRONMENT)
    while not (FOLDER / "trial-002" / "metrics.csv").is_file() and process.poll() is None:
        time.sleep(0.01)
    os.kill(process.pid, kill)
    assert process.wait() in (128 + signal.SIGINT, -signal.SIGKILL)
    assert len(leaderboard()) == 1
    cnndsl("search", "resume", str(FOLDER))
    whole = Path("runs/whole-search-001")
    for ours, theirs in zip(leaderboard(), leaderboard(whole), strict=True):
        assert (ours["trial"], ours["lr"], ours["val_loss"]) == (
            theirs["trial"],
            theirs["lr"],
            theirs["val_loss"],
        )
    assert sorted(p.name for p in FOLDER.glob("trial-*")) == [f"trial-00{n}" for n in (1, 2, 3, 4)]
    assert not list((FOLDER / "locks").glob("*-*")) or kill is signal.SIGKILL


def test_the_verb_does_the_same(place: Path) -> None:
    begun: list[Path] = []

    class Watch(package.Callback):
        def on_begin(self, begin: RunBegin, /) -> None:
            begun.append(begin.run)

    outcome = package.search(
        "wide.cnn",
        "quarters.npz",
        vary={"learning_rate": "0.001..0.1:log", "width": [4, 8]},
        method="random",
        trials=2,
        quiet=True,
        callbacks=[Watch()],
        epochs=1,
        threads=1,
    )
    assert len(outcome.ranked) == 2 and outcome.best in begun
    assert "2 of 2 trials, best val_top1" in str(outcome) and "width" in outcome._repr_html_()
    with pytest.raises(UsageError, match="method must be `grid`"):
        package.search("wide.cnn", "quarters.npz", vary={"lr": "1,2"}, method="all")  # pyright: ignore


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_search_without_a_figure_fails(workers: str) -> None:
    grid = ("--vary", "width=0,-1", "--method", "grid", "--workers", workers)
    said = search(*grid, code=1).output
    assert "refused    2 trials of nets beyond the limits, or with mistakes" in said


def test_trials_that_can_only_repeat_others_are_said() -> None:
    said = search("--vary", "width=4", "--vary", "epochs=1..2", "--trials", "3").output
    assert "note       2 combinations of values in all: --method grid tries each once" in said
    assert not cnndsl("runs", str(FOLDER)).stderr  # the search's own folders are no lost runs
    shutil.rmtree(cnndsl("search", "best", str(FOLDER)).stdout.strip())
    assert "is there no more" in cnndsl("search", "best", str(FOLDER), code=1).stderr
