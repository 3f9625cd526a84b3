"""Curves for TensorBoard, written by its own package."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from time import time, time_ns
from typing import Any

from cnndsl.diagnostics import UsageError
from cnndsl.files import blamed_on
from cnndsl.training.callbacks import Callback, EpochEnd, RunBegin, RunEnd, StepEnd


class TensorBoard(Callback):
    """Writes loss and learning rate of every step, and the metrics of every epoch, for TensorBoard:
    into the run's folder, or another one.

    Raises UsageError where the package `tensorboard` is missing.
    """

    def __init__(self, folder: str | Path | None = None):
        self.folder = folder
        try:
            self._records = import_module("tensorboard.summary.writer.record_writer")
            self._events = import_module("tensorboard.compat.proto.event_pb2")
            self._summaries = import_module("tensorboard.compat.proto.summary_pb2")
        except ModuleNotFoundError as e:
            raise UsageError(
                f"the package `{e.name}` is missing, which writes for TensorBoard: "
                "`pip install tensorboard`"
            ) from None

    def on_begin(self, begin: RunBegin, /) -> None:
        folder = Path(self.folder or begin.run)
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"events.out.tfevents.{time_ns()}"  # read in the order of their names
        self._writer = self._records.RecordWriter(self._path.open("xb"))
        self._add(0, file_version="brain.Event:2")
        if begin.step:  # steps after the checkpoint are done once more, so their curves begin anew
            start = self._events.SessionLog(status=self._events.SessionLog.START)
            self._add(begin.step + 1, session_log=start)

    def on_step(self, step: StepEnd, /) -> None:
        self._scalars(step.step, {"loss": step.loss, "learning_rate": step.learning_rate})

    def on_epoch(self, epoch: EpochEnd, /) -> None:
        step = int(epoch.metrics["step"])
        self._scalars(step, {n: v for n, v in epoch.metrics.items() if n not in ("step", "lr")})
        with blamed_on(self._path):
            self._writer.flush()

    def on_end(self, end: RunEnd, /) -> None:
        with blamed_on(self._path):
            self._writer.close()

    def _scalars(self, step: int, numbers: Mapping[str, float]) -> None:
        value = self._summaries.Summary.Value
        values = [value(tag=name, simple_value=number) for name, number in numbers.items()]
        self._add(step, summary=self._summaries.Summary(value=values))

    def _add(self, step: int, **content: Any) -> None:
        event = self._events.Event(wall_time=time(), step=step, **content)
        with blamed_on(self._path):
            self._writer.write(event.SerializeToString())
