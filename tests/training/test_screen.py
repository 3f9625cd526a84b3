"""What a training shows, with a terminal and without one."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest

from cnndsl.show.table import shown_width
from cnndsl.training.callbacks import Callback, EpochEnd, RunBegin, StepEnd
from cnndsl.training.progress import Epoch, Progress, RunningMetrics
from cnndsl.training.screen import JsonLines, Table, duration

SCORES = {"loss": 0.5, "top1": 0.75, "top5": 1.0}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def play(screen: Callback) -> None:
    """Two epochs of three steps."""
    running = Progress()
    screen.on_begin(RunBegin(Path("runs/net-001"), 2, 0, ["hello"], {"classes": 10}))
    for epoch in range(2):
        for step in range(3):
            running.running_metrics.add({"loss": 1.0, "correct": 3}, 4, 4)
            place = epoch * 3 + step + 1
            screen.on_step(
                StepEnd(place, epoch + 1, step + 1, 3, 1.0, 0.1, running.running_metrics)
            )
        screen.on_evaluation()
        running.running_metrics = RunningMetrics()
        running.epochs.append(Epoch(epoch + 1, 3, 0.1, SCORES, SCORES, 65.0, 12.0))
        screen.on_epoch(EpochEnd.of(running))


def test_without_a_terminal_there_is_a_row_an_epoch() -> None:
    stream = io.StringIO()
    play(Table(stream))
    lines = [line for line in stream.getvalue().splitlines() if line]
    assert "\r" not in stream.getvalue() and "\033" not in stream.getvalue()
    assert lines[0] == "hello"
    assert lines[1].split()[:4] == ["epoch", "lr", "train", "loss"]
    assert [line.split()[0] for line in lines[2:]] == ["1/2", "2/2"]
    assert lines[2].endswith("best") and not lines[3].endswith("best")


def test_a_terminal_gets_a_bar_that_rows_replace() -> None:
    stream = Terminal()
    play(Table(stream))
    text = stream.getvalue()
    assert "▕" in text and "loss 1.0000" in text
    assert "\r\033[K" in text
    rows = [line.rpartition("\033[K")[2] for line in text.split("\n")]
    assert [row.split()[0] for row in rows[-3:-1]] == ["1/2", "2/2"]


@pytest.mark.parametrize("columns", [60, 80, 100, 120, 200])
def test_every_line_fits_the_terminal_and_none_ends_within_a_word(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    stream = Terminal()
    table = Table(stream)
    long = "strategy  " + "features of few pictures 写真 are taken " * 6
    run = Path("runs/net-001")
    table.on_begin(RunBegin(run, 100, 0, ["net       Tiny", long], {"classes": 10}))
    progress = Progress(epochs=[Epoch(9, 3, 8.7e-05, SCORES, SCORES, 65.0, 12.0)])
    for step in range(3):
        progress.running_metrics.add({"loss": 11.25, "correct": 3}, 4, 4)
        table._next = 0  # pyright: ignore[reportPrivateUsage]
        table.on_step(StepEnd(step + 4, 2, step + 1, 3, 11.25, 0.1, progress.running_metrics))
    table.on_epoch(EpochEnd.of(progress))
    shown = [part for line in stream.getvalue().split("\n") for part in re.split("\r|\033.K", line)]
    assert max(map(shown_width, shown)) < columns
    live = [part for part in shown if "▕" in part]
    wholes = r"epoch 2/100|loss 11\.2500|top-1 75\.00 %|[\d.:,]+ \w+ left|[\d,]+ images/s"
    wholes += r"|all epochs in [\d.:]+ \w+|[\d.]+ GB"
    for line in live:
        for part in line.partition("▏ ")[2].split("  "):
            assert re.fullmatch(wholes, part), part
    row = next(part for part in shown if part.strip().startswith("9/100")).split()
    assert row[-1] == "best" and "0.5000" in row and "75.00" in row
    words = {word for part in shown for word in part.split()}
    assert words.isdisjoint({"feature", "pict", "ures", "写"})


def test_programs_get_an_object_a_line() -> None:
    stream = io.StringIO()
    play(JsonLines(stream))
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [e["event"] for e in events] == ["begin", "epoch", "epoch"]
    assert events[1]["val_top1"] == 0.75 and events[1]["best"] is True


def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    play(Callback())
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.42, "0.4 s"), (48.2, "48 s"), (185, "3:05 min"), (5999, "99:59 min"), (7800, "2:10 h")],
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert duration(seconds) == text
