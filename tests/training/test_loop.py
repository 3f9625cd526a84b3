"""The loop: its order of events, its ends, and that nothing is lost however it is stopped."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import pytest

from cnndsl.diagnostics import UsageError
from cnndsl.training.interrupts import Interrupts
from cnndsl.training.loop import Limits
from cnndsl.training.progress import Progress
from tests.training.toy_loop import Silent, Toy

REPOSITORY = Path(__file__).resolve().parents[2]


def run(observer: Silent, limits: Limits, interrupts: Interrupts | None = None, **kw: int) -> Toy:
    training = Toy(observer, limits, **kw)
    training.loop.run(interrupts or Interrupts())
    return training


def test_an_epoch_is_steps_then_an_evaluation_then_a_checkpoint() -> None:
    observer = Silent()
    training = run(observer, Limits(2))
    steps = [f"step {n} of 6" for n in range(1, 7)]
    assert observer.events == [*steps, "evaluating", "epoch", "checkpoint", "epoch"] * 2
    assert [e.number for e in training.progress.epochs] == [1, 2]
    assert training.progress.ended == "epochs"
    first = training.progress.epochs[0]
    assert first.train.keys() == {"loss", "top1"} and first.images_per_second > 0


def test_several_batches_make_a_step() -> None:
    observer = Silent()
    run(observer, Limits(1), accumulate=4)
    assert observer.events[:3] == ["step 1 of 2", "step 2 of 2", "evaluating"]


@pytest.mark.parametrize("stop_after", range(1, 13))
def test_a_stopped_training_goes_on_to_the_same_bits(tmp_path: Path, stop_after: int) -> None:
    whole = run(Silent(), Limits(2))
    path = tmp_path / "checkpoint.safetensors"
    interrupts = Interrupts()

    def stop(progress: Progress) -> None:
        if progress.steps == stop_after:
            interrupts.requested = signal.SIGINT

    stopped = run(Silent(path, stop), Limits(2), interrupts)
    assert stopped.progress.steps == stop_after
    assert run(Silent(path), Limits(2)).result() == whole.result()


def test_killed_at_any_moment_it_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    """SIGKILL gives no warning: what is on the disk must do, half-written files or not."""
    whole = run(Silent(), Limits(4))
    rng = random.Random(1)
    command = [sys.executable, "-m", "tests.training.toy_loop", str(tmp_path)]
    for _ in range(100):
        process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
        wait_for_start(tmp_path, process)
        sleep(rng.uniform(0, 0.06))
        process.kill()
        if "ended" in process.communicate()[0]:
            break
    else:
        pytest.fail("it makes no headway")
    result = Toy(Silent(tmp_path / "checkpoint.safetensors"), Limits(4)).result()
    assert result == whole.result()


def wait_for_start(folder: Path, process: subprocess.Popen[str]) -> None:
    """Until the program has written something anew, so that each start gets somewhere."""
    before = snapshot(folder)
    limit = monotonic() + 60
    while snapshot(folder) == before and process.poll() is None and monotonic() < limit:
        sleep(0.002)


def snapshot(folder: Path) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    for path in folder.iterdir():
        try:
            found.append((path.name, path.stat().st_mtime_ns))
        except FileNotFoundError:  # renamed meanwhile
            continue
    return sorted(found)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_are_requests(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "tests.training.toy_loop", str(tmp_path)]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    wait_for_start(tmp_path, process)
    process.send_signal(number)
    output = process.communicate(timeout=60)[0]
    word, steps = output.split()
    if word == "interrupted":
        kept = Toy(Silent(tmp_path / "checkpoint.safetensors"), Limits(4))
        assert kept.progress.steps == int(steps)


def test_patience_ends_a_training_that_gets_no_better() -> None:
    training = Toy(Silent(), Limits(50, patience=2))
    scores = iter([0.5, 0.7, 0.6, 0.65, 0.7, 0.9])
    training.loop.evaluate = lambda: {"loss": 1.0, "top1": next(scores)}
    training.loop.run(Interrupts())
    assert len(training.progress.epochs) == 5
    assert training.progress.ended == "patience"
    assert training.progress.best is not None and training.progress.best.number == 2


def test_a_time_limit_ends_with_an_evaluation() -> None:
    observer = Silent(after=lambda progress: sleep(0.02))
    training = run(observer, Limits(1000, seconds=0.2))
    assert training.progress.ended == "time"
    assert observer.events[-4:] == ["evaluating", "epoch", "checkpoint", "epoch"]
    assert training.progress.epochs[-1].val


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    observer = Silent(path)
    run(observer, Limits(1))
    data = path.read_bytes()
    path.write_bytes(data.replace(b"fc.weight", b"xx.weight"))
    with pytest.raises(UsageError, match="is of another training: there are no values for"):
        Toy(observer, Limits(1))
    path.write_bytes(data.replace(b'"cnndsl.checkpoint": "1"', b'"cnndsl.checkpoint": "7"'))
    with pytest.raises(UsageError, match="no checkpoint that this version"):
        Toy(observer, Limits(1))
    path.write_bytes(data.replace(b'\\"steps\\"', b'\\"stops\\"'))
    with pytest.raises(UsageError, match="record of progress is damaged"):
        Toy(observer, Limits(1))
