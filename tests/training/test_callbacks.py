"""Callbacks: what they are told, that they may stop a training, and that they can't spoil one."""

from __future__ import annotations

import csv
import errno
import json
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

import cnndsl
from cnndsl.diagnostics import UsageError
from cnndsl.training.callbacks import Callback, EpochEnd, RunBegin, RunEnd, StepEnd
from cnndsl.training.config import read_config
from cnndsl.training.running import Outcome
from tests.cli.training import place, train  # noqa: F401
from tests.support.command_line import cnndsl as command

STEPS = 6
RECIPE: dict[str, Any] = {"batch": 32, "threads": 1, "schedule": "constant", "learning_rate": 0.01}


class Recorder(Callback):
    """Keeps what it is told; stops or fails at a step or an epoch."""

    def __init__(self, stop: str = "", error: Exception | None = None):
        self.told: list[Any] = []
        self.stop, self.error = stop, error

    def on_begin(self, begin: RunBegin, /) -> None:
        self.told.append(begin)

    def on_step(self, step: StepEnd, /) -> bool:
        self.told.append(step)
        return self._answer(f"step {step.step}")

    def on_epoch(self, epoch: EpochEnd, /) -> bool:
        self.told.append(epoch)
        return self._answer(f"epoch {epoch.epoch}")

    def on_end(self, end: RunEnd, /) -> None:
        self.told.append(end)

    def _answer(self, moment: str) -> bool:
        if moment != self.stop:
            return False
        if self.error:
            raise self.error
        return True

    def kinds(self) -> str:
        """`bsse`: begin, two steps, an epoch; the end is `.`"""
        letters = {RunBegin: "b", StepEnd: "s", EpochEnd: "e", RunEnd: "."}
        return "".join(letters[type(event)] for event in self.told)


def begin(*callbacks: Callback, epochs: int = 2, **more: Any) -> Outcome:
    return cnndsl.train(
        "tiny.cnn",
        "quarters.npz",
        epochs=epochs,
        quiet=True,
        callbacks=callbacks,
        **(RECIPE | more),
    )


def bits(run: Path) -> bytes:
    return (run / "last.safetensors").read_bytes()


def test_what_a_callback_is_told_is_what_the_run_keeps() -> None:
    told = Recorder()
    outcome = begin(told)
    assert told.kinds() == f"b{'s' * STEPS}e{'s' * STEPS}e."
    first, *middle, end = told.told
    assert (first.run, first.epochs, first.step) == (outcome.folder, 2, 0)
    assert first.facts["classes"] == 4 and any("tiny" in line for line in first.lines)
    steps = [event for event in middle if isinstance(event, StepEnd)]
    assert [step.step for step in steps] == list(range(1, 2 * STEPS + 1))
    assert [(step.epoch, step.place, step.steps) for step in steps[-2:]] == [(2, 5, 6), (2, 6, 6)]
    assert {step.learning_rate for step in steps} == {0.01}
    epochs = [event for event in middle if isinstance(event, EpochEnd)]
    rows = list(csv.DictReader((outcome.folder / "metrics.csv").open()))
    assert [{n: str(v) for n, v in epoch.metrics.items()} for epoch in epochs] == rows
    losses = [step.loss for step in steps[:STEPS]]
    assert sum(losses) / STEPS == pytest.approx(epochs[0].metrics["train_loss"])
    assert end.results == json.loads((outcome.folder / "results.json").read_text())
    assert end.run == outcome.folder and end.signal is None and end.lines


def test_a_stop_after_an_epoch_leaves_a_whole_run_that_can_go_on() -> None:
    whole = begin(epochs=3)
    told = Recorder("epoch 2")
    outcome = begin(told, epochs=3)
    assert told.kinds().count("e") == 2 and told.kinds().endswith("e.")
    assert outcome.progress.ended == "stopped" and outcome.accuracy is not None
    assert outcome.signal is None
    assert (outcome.folder / "report.html").exists() and (outcome.folder / "best.onnx").exists()
    assert told.told[-1].results["ended"] == "stopped"
    assert "stopped by a callback" in told.told[-1].lines[0]
    again = Recorder()
    resumed = cnndsl.resume(outcome.folder, quiet=True, callbacks=[again])
    assert again.told[0].step == 2 * STEPS and again.told[0].epochs == 3
    assert resumed.progress.ended == "epochs" and len(resumed.progress.epochs) == 3
    assert bits(resumed.folder) == bits(whole.folder)


def test_a_stop_within_an_epoch_is_followed_by_an_evaluation() -> None:
    whole = begin()
    told = Recorder("step 3")
    outcome = begin(told)
    assert told.kinds() == "bssse."
    assert outcome.progress.ended == "stopped" and outcome.accuracy is not None
    resumed = cnndsl.resume(outcome.folder, quiet=True)
    assert resumed.progress.steps == 2 * STEPS and resumed.progress.ended == "epochs"
    assert bits(resumed.folder) == bits(whole.folder)


@pytest.mark.parametrize("moment", ["epoch 2", f"step {2 * STEPS}"])
def test_a_stop_where_the_training_ends_anyway_changes_nothing(moment: str) -> None:
    outcome = begin(Recorder(moment))
    assert outcome.progress.ended == "epochs"
    assert cnndsl.resume(outcome.folder, quiet=True).progress.steps == 2 * STEPS


def test_a_stage_that_was_stopped_goes_on_before_the_next_one() -> None:
    """The evaluation after the stop is no reason to take the epoch for over."""
    plan: Any = {"freeze": ["*"], "stages": ["0:logits", "1:conv1"]}
    whole = begin(**plan)
    outcome = begin(Recorder("step 3"), **plan)
    assert bits(cnndsl.resume(outcome.folder, quiet=True).folder) == bits(whole.folder)


@pytest.mark.parametrize("moment", ["step 8", "epoch 1"])
def test_a_callback_that_fails_ends_the_run_with_its_own_error(moment: str) -> None:
    whole = begin()
    told = Recorder(moment, ZeroDivisionError("mine"))
    with pytest.raises(ZeroDivisionError, match="mine"):
        begin(told)
    assert not told.kinds().endswith(".")
    resumed = cnndsl.resume(told.told[0].run, quiet=True)
    assert bits(resumed.folder) == bits(whole.folder)


def test_a_signal_is_told_at_the_end() -> None:
    class Impatient(Recorder):
        def on_step(self, step: StepEnd, /) -> bool:
            if step.step == 3:
                os.kill(os.getpid(), signal.SIGTERM)
            return super().on_step(step)

    told = Impatient()
    outcome = begin(told)
    end = told.told[-1]
    assert told.kinds() == "bsss." and end.signal == outcome.signal == signal.SIGTERM
    assert not end.results and not end.lines


def test_every_callback_is_told_though_one_stops() -> None:
    first, second = Recorder("step 1"), Recorder()
    begin(first, second)
    assert first.kinds() == second.kinds() == "bse."


@pytest.mark.parametrize("wrong", [Recorder, print])
def test_what_is_no_callback_is_refused_before_anything_is_made(place: Path, wrong: Any) -> None:  # noqa: F811
    with pytest.raises(TypeError, match="isn't an object of a class"):
        begin(wrong)
    assert not (place / "runs").exists()


def test_a_head_on_features_has_callbacks_too() -> None:
    run = begin().folder
    told = Recorder()
    cnndsl.transfer(
        run, "quarters.npz", strategy="features", epochs=2, quiet=True, callbacks=[told]
    )
    assert told.kinds().startswith("bs") and told.kinds().endswith("e.")
    assert told.kinds().count("e") == 2


def test_nothing_is_said_where_there_is_no_callback(capsys: pytest.CaptureFixture[str]) -> None:
    begin()
    assert capsys.readouterr() == ("", "")


def test_tensorboard_reads_what_is_written_for_it() -> None:
    reading: Any = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    outcome = begin(cnndsl.TensorBoard(), Recorder("step 8"))
    with pytest.raises(ZeroDivisionError):
        failing = Recorder("step 10", ZeroDivisionError())
        cnndsl.resume(outcome.folder, quiet=True, callbacks=[cnndsl.TensorBoard(), failing])
    cnndsl.resume(outcome.folder, quiet=True, callbacks=[cnndsl.TensorBoard()])
    found = reading.EventAccumulator(str(outcome.folder)).Reload()
    losses = found.Scalars("loss")
    assert [event.step for event in losses] == list(range(1, 2 * STEPS + 1))
    assert [event.value for event in found.Scalars("learning_rate")] == pytest.approx(
        [0.01] * 2 * STEPS
    )
    rows = list(csv.DictReader((outcome.folder / "metrics.csv").open()))
    shown = [event.value for event in found.Scalars("val_top1")]
    assert shown == pytest.approx([float(row["val_top1"]) for row in rows])
    assert [event.step for event in found.Scalars("val_top1")] == [int(row["step"]) for row in rows]


def test_tensorboard_on_the_command_line(place: Path) -> None:  # noqa: F811
    pytest.importorskip("tensorboard")
    train("--epochs", "1", "--tensorboard")
    run = place / "runs" / "tiny-001"
    assert len(list(run.glob("events.out.tfevents.*"))) == 1
    command("resume", str(run), "--epochs", "2", "--tensorboard", "--quiet")
    assert len(list(run.glob("events.out.tfevents.*"))) == 2
    assert read_config(run / "config.toml").training.epochs == 2


def test_where_curves_find_no_room_a_sentence_names_their_file(
    place: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    records: Any = pytest.importorskip("tensorboard.summary.writer.record_writer")

    def full(*arguments: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(records.RecordWriter, "flush", full)
    output = train("--epochs", "1", "--tensorboard", code=1).output
    assert re.search(r"tiny-001/events\.out\.tfevents\.\d+` can't be written: No space", output)
    monkeypatch.undo()
    monkeypatch.chdir(place)
    assert "tiny-001/best.onnx" in command("resume", "runs/tiny-001").output


def test_tensorboard_may_write_elsewhere(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    begin(cnndsl.TensorBoard(tmp_path / "curves"), epochs=1)
    assert len(list((tmp_path / "curves").iterdir())) == 1


def test_without_its_package_tensorboard_is_a_sentence(
    place: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    for name in [name for name in sys.modules if name.startswith("tensorboard.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(UsageError, match="pip install tensorboard"):
        cnndsl.TensorBoard()
    assert "pip install tensorboard" in train("--tensorboard", code=1).output
    assert not (place / "runs").exists()
