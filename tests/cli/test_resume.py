"""However a training is stopped, it goes on to the same bits."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.training import place, train
from tests.support.command_line import cnndsl

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAM = [sys.executable, "-c", "from cnndsl.cli import main; main()"]
STAGES = ["--freeze", "*", "--unfreeze", "0:logits,3:bn1,5:*@0.5", "--layer-decay", "0.8"]
STAGES += ["--batch", "40", "--class-weights", "balanced"]  # the last batch has 32


@pytest.mark.slow
@pytest.mark.parametrize("stages", [[], STAGES], ids=["one stage", "three stages"])
def test_killed_at_random_moments_it_resumes_to_the_same_bits(
    place: Path, stages: list[str]
) -> None:
    epochs = "10" if stages else "16"
    options = ["--epochs", epochs, "--augment", "strong", "--ema", "0.9", "--clip", "1"]
    options += ["--checkpoint-every", "0.02s", *stages]
    train(*options, "--name", "whole", "-q")
    command = [*PROGRAM, "train", "tiny.cnn", "--data", "quarters.npz", "--batch", "32"]
    command += ["--threads", "1", "-q", "--name", "killed", *options]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    rng = random.Random(3)
    run = place / "runs" / "killed-001"
    for attempt in range(40):  # noqa: B007 - the last one tells how often it was killed
        process = subprocess.Popen(command, env=environment)
        before = _stamp(run)
        while _stamp(run) == before and process.poll() is None:
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.3))
        process.kill()
        if process.wait() == 0:
            break
        command = [*PROGRAM, "resume", str(run), "-q"]
    else:
        pytest.fail("it makes no headway")
    assert attempt >= 1, "it was never killed"
    for name in ("last.safetensors", "best.safetensors", "metrics.csv"):
        ours, theirs = run / name, place / "runs" / "whole-001" / name
        if name == "metrics.csv":
            assert _scores(ours) == _scores(theirs)
        else:
            assert ours.read_bytes() == theirs.read_bytes(), name


def _stamp(run: Path) -> int:
    try:
        return (run / "checkpoint.safetensors").stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _scores(path: Path) -> list[dict[str, str]]:
    """All columns but those that tell the time."""
    rows = list(csv.DictReader(path.open()))
    return [{k: v for k, v in r.items() if k not in ("seconds", "images_per_second")} for r in rows]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_with_the_line_that_goes_on(place: Path, number: signal.Signals) -> None:
    command = [*PROGRAM, "train", "tiny.cnn", "--data", "quarters.npz", "--epochs", "100000"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    run = place / "runs" / "tiny-001"
    while not _stamp(run) and process.poll() is None:
        time.sleep(0.005)
    time.sleep(0.2)
    process.send_signal(number)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 128 + number
    assert f"cnndsl resume {run.relative_to(place)}" in output
    cnndsl("resume", str(run), "--time-limit", "0.01s")
    assert json.loads((run / "results.json").read_text())["ended"] == "time"


def test_more_epochs_continue_a_finished_run(place: Path) -> None:
    train("--epochs", "1", "-q", "--schedule", "constant")
    cnndsl("resume", "runs/tiny-001", "--epochs", "3", "-q")
    train("--epochs", "3", "-q", "--schedule", "constant")
    continued, whole = (place / f"runs/tiny-00{n}/last.safetensors" for n in (1, 2))
    assert continued.read_bytes() == whole.read_bytes()


__all__ = ["place"]
