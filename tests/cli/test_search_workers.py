"""Several workers: each trial is done once, whoever is killed meanwhile."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from cnndsl.searching.folder import SearchFolder
from cnndsl.searching.search import Search
from cnndsl.searching.study import Attempt, Study
from cnndsl.searching.workers import Workers
from tests.support import peers
from tests.support.command_line import ENVIRONMENT, PROGRAM, cnndsl
from tests.support.toy_data import write_toy

OPTIONS = ("--data", "quarters.npz", "--batch", "32", "--threads", "1", "--vary", "lr=0.001..0.1")
OPTIONS = (*OPTIONS, "--method", "random", "--trials", "4", "--epochs", "30")
ALONE, TOGETHER = Path("runs/alone-search-001"), Path("runs/together-search-001")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    peers.optuna()
    write_toy(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def begun() -> subprocess.Popen[bytes]:
    """The same search twice: done by one worker, and begun by two."""
    cnndsl("search", "tiny.cnn", *OPTIONS, "-q", "--name", "alone")
    command = [*PROGRAM, "search", "tiny.cnn", *OPTIONS, "-q"]
    command += ["--name", "together", "--workers", "2"]
    return subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.PIPE)


def results(folder: Path) -> list[tuple[str, ...]]:
    rows = csv.DictReader((folder / "leaderboard.csv").open())
    return sorted((row["trial"], row["lr"], row["val_loss"]) for row in rows)


def attempts() -> list[Attempt]:
    folder = SearchFolder.open(TOGETHER)
    return Study(folder, Search.read(folder)).attempts()


def at_work() -> dict[int, int]:
    """The processes of workers and the trials that they are at."""
    folder = SearchFolder.open(TOGETHER)
    study = Study(folder, Search.read(folder))
    found = study._study.get_trials()  # pyright: ignore[reportPrivateUsage]
    claims = [t.user_attrs["claim"] for t in found if not t.state.is_finished()]
    return {int(worker.partition("-")[0]): number for number, worker in claims}


@pytest.mark.slow
def test_a_workers_trial_is_done_again_once_where_it_was_killed() -> None:
    process = begun()
    killed = 0
    while process.poll() is None and not killed:
        time.sleep(0.05)
        if (TOGETHER / "trial-002" / "metrics.csv").is_file():
            worker, killed = next(iter(at_work().items()))
            os.kill(worker, signal.SIGKILL)
    assert process.wait() == 0 and killed
    done = [a.number for a in attempts() if a.state == "done"]
    assert sorted(done) == [1, 2, 3, 4]
    assert [a.number for a in attempts() if a.state != "done"] == [killed]
    assert results(TOGETHER) == results(ALONE)


@pytest.mark.slow
@pytest.mark.parametrize("kill", [signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_the_search(kill: signal.Signals) -> None:
    process = begun()
    while not (TOGETHER / "trial-002" / "metrics.csv").is_file():
        time.sleep(0.05)
    workers = list(at_work())
    process.send_signal(kill)
    assert process.wait() == (143 if kill == signal.SIGTERM else -signal.SIGKILL)
    late = time.monotonic() + 20
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < late, "they are still there"
        time.sleep(0.05)
    cnndsl("search", "resume", str(TOGETHER), "--workers", "2", "-q")
    assert results(TOGETHER) == results(ALONE)


@pytest.mark.slow
def test_what_is_wrong_in_a_worker_is_said(place: Path) -> None:
    few = ("--vary", "lr=0.1", "--method", "grid", "--trials", "1", "--epochs", "1")
    cnndsl("search", "tiny.cnn", *OPTIONS[:6], *few, "--name", "together", "-q")
    (TOGETHER / "study.journal").unlink()
    (place / "quarters.npz").write_bytes(b"")
    command = ("search", "resume", str(TOGETHER), "--workers", "2", "-q")
    assert "quarters.npz" in cnndsl(*command, code=1).stderr


def test_no_more_workers_than_trials_that_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []

    def count(self: Workers, folder: SearchFolder, count: int, until: float | None) -> None:
        counts.append(count)

    monkeypatch.setattr(Workers, "__init__", count)
    monkeypatch.setattr(Workers, "work", lambda *_: None)
    grid = ("search", "lenet5", "--vary", "lr=0.1,0.2,0.3", "--method", "grid", "--workers")
    cnndsl(*grid, "200", "-q", code=1)  # nothing is done
    assert counts == [3]
    assert "has 1 to 256 workers, not 9,999" in cnndsl(*grid, "9999", code=1).stderr
