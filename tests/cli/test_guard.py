"""Whatever happens, a command ends with a sentence and the right exit status."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cnndsl.cli import main
from cnndsl.cli.guard import BUG
from tests.support.command_line import ENVIRONMENT, program

STARTED = """\
import cnndsl.__main__ as program
program._fill_closed_streams = lambda: print("started", flush=True)
program.main()
"""


@pytest.fixture
def no_bug() -> Iterator[None]:
    """Here bugs are made: in place of the fixture that fails a test for them."""
    yield


@pytest.mark.parametrize(
    ("shell", "code", "said"),
    [
        (">&-", 1, "standard output can't be written: Bad file descriptor"),
        ("2>&-", 0, ""),
        ("<&-", 0, ""),
        (">/dev/full", 1, "standard output can't be written: No space left on device"),
        ("2>/dev/full", 0, ""),
        (">&- 2>&-", 1, ""),
    ],
)
def test_streams_that_are_closed_or_full(shell: str, code: int, said: str) -> None:
    done = program("report", "lenet5", code=code, shell=shell)
    assert done.stderr == (f"error: {said}\n" if said else "")
    assert ("lenet5" in done.stdout) == (code == 0)


@pytest.mark.parametrize("shell", ["2>&-", "2>/dev/full"])
def test_an_error_that_nobody_can_be_told_is_one_still(shell: str) -> None:
    program("report", "nix", code=1, shell=shell)
    program("nix", code=2, shell=shell)


@pytest.mark.parametrize("arguments", [("report", "lenet5"), ("explain", "conv"), ("--help",)])
def test_a_reader_that_has_gone_ends_it_as_sigpipe_does(arguments: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = program(*arguments, code=None, capture_output=False, stdout=writing, stderr=-1)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("share", [0, 0.05, 0.3, 0.8])
def test_an_interrupt_at_any_moment_is_no_traceback(
    number: signal.Signals, share: float, whole: float
) -> None:
    command = [sys.executable, "-c", STARTED, "report", "resnet18"]
    process = subprocess.Popen(
        command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout and process.stdout.readline() == "started\n"
    time.sleep(share * whole)
    process.send_signal(number)
    output, errors = process.communicate(timeout=60)
    assert errors == ""
    finished = process.returncode == 0 and output.endswith("pixels\n")
    assert finished or process.returncode == 128 + number


@pytest.fixture(scope="module")
def whole() -> float:
    """Seconds that the command takes."""
    begin = time.monotonic()
    program("report", "resnet18")
    return time.monotonic() - begin


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (
            IndexError("list index out of range"),
            BUG,
            "`cnndsl report 'a net.cnn'` ended in IndexError at cnndsl/cli/report.py:",
        ),
        (MemoryError(), 1, "needs more memory than there is"),
        (RecursionError(), 1, "nested too deeply"),
        (PermissionError(13, "Permission denied", "net.cnn"), 1, "`net.cnn`: Permission denied"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_an_error_that_nobody_foresaw_is_two_sentences(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, said: str
) -> None:
    result = failing(monkeypatch, error)
    assert result.exit_code == code
    assert said in result.stderr and "Traceback" not in result.stderr
    assert ("this is a bug of cnndsl: please report it" in result.stderr) == (code == BUG)


def test_the_trace_is_shown_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNDSL_DEBUG", "1")
    result = failing(monkeypatch, IndexError("list index out of range"))
    assert result.exit_code == BUG
    assert "Traceback" in result.stderr and "bug of cnndsl" in result.stderr


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> Result:
    def find(*_: object) -> None:
        raise error

    monkeypatch.setattr("cnndsl.cli.report.find_net", find)
    return CliRunner().invoke(main, ["report", "a net.cnn"])


def test_nothing_half_written_is_left(tmp_path: Path) -> None:
    """An interrupt tidies up on its way out."""
    target = tmp_path / "net.onnx"
    command = [sys.executable, "-m", "cnndsl", "compile", "resnet18", "-o", str(target), "-q"]
    process = subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
    while not any(tmp_path.iterdir()) and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=60)[1] == ""
    assert process.returncode in (143, 0)
    assert process.returncode == 0 or not any(tmp_path.iterdir())
