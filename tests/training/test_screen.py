"""What a training shows, with a terminal and without one."""

from __future__ import annotations

import io
import json

import pytest

from cnndsl.training.progress import Epoch, Progress, Tally
from cnndsl.training.screen import JsonLines, Quiet, Screen, Table, duration

SCORES = {"loss": 0.5, "top1": 0.75, "top5": 1.0}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def play(screen: Screen) -> None:
    """Two epochs of three steps."""
    running = Progress()
    screen.say("hello")
    for epoch in range(2):
        for step in range(3):
            running.tally.add({"loss": 1.0, "correct": 3}, 4, 4)
            screen.step(running, step + 1, 3, 0.1)
        screen.evaluating()
        running.tally = Tally()
        running.epochs.append(Epoch(epoch + 1, 3, 0.1, SCORES, SCORES, 65.0, 12.0))
        screen.epoch(running)


def test_without_a_terminal_there_is_a_row_an_epoch() -> None:
    stream = io.StringIO()
    play(Table(2, 4, stream))
    lines = stream.getvalue().splitlines()
    assert "\r" not in stream.getvalue() and "\033" not in stream.getvalue()
    assert lines[0] == "hello"
    assert lines[1].split()[:4] == ["epoch", "lr", "train", "loss"]
    assert [line.split()[0] for line in lines[2:]] == ["1/2", "2/2"]
    assert lines[2].endswith("best") and not lines[3].endswith("best")


def test_a_terminal_gets_a_bar_that_rows_replace() -> None:
    stream = Terminal()
    play(Table(2, 4, stream))
    text = stream.getvalue()
    assert "▕" in text and "loss 1.0000" in text
    assert "\r\033[K" in text
    rows = [line.rpartition("\033[K")[2] for line in text.split("\n")]
    assert [row.split()[0] for row in rows[-3:-1]] == ["1/2", "2/2"]


def test_programs_get_an_object_a_line() -> None:
    stream = io.StringIO()
    play(JsonLines(stream))
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [e["event"] for e in events] == ["note", "epoch", "epoch"]
    assert events[1]["val_top1"] == 0.75 and events[1]["best"] is True


def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    play(Quiet())
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.42, "0.4 s"), (48.2, "48 s"), (185, "3:05 min"), (5999, "99:59 min"), (7800, "2:10 h")],
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert duration(seconds) == text
