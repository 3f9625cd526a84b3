"""Keeps a training in its run folder: checkpoints, results, the best weights."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cnndsl.diagnostics import UsageError
from cnndsl.training.averaging import Average
from cnndsl.training.checkpoint import save_checkpoint
from cnndsl.training.folder import RunFolder, write_csv, write_json
from cnndsl.training.progress import Epoch, Progress, Scores
from cnndsl.training.train_step import TrainStep
from cnndsl.weights.save import Float, write_tensors

VERSION = 1


class FolderCheckpointer:
    """Writes into a run's folder, each file whole or not at all.

    `export` writes the ONNX model of a net's weights, which `whole` makes of those that are
    trained; `metadata` are texts that files of weights get. Where the disk is full, or writing
    fails otherwise, a UsageError says so and how to go on from what is kept.
    """

    def __init__(
        self,
        folder: RunFolder,
        train_step: TrainStep,
        average: Average | None,
        export: Callable[[Mapping[str, Float], Path], None],
        facts: Mapping[str, Any],
        whole: Callable[[Mapping[str, Float]], Mapping[str, Float]] = lambda values: values,
        metadata: Mapping[str, str] | None = None,
    ):
        self.folder, self.train_step, self.average = folder, train_step, average
        self._export, self.facts, self._whole = export, dict(facts), whole
        self._metadata = metadata
        self._kept = "nothing"

    def checkpoint(self, progress: Progress) -> None:
        with self._explained():
            save_checkpoint(self.folder.checkpoint, self.train_step, self.average, progress)
        self._kept = f"step {progress.steps:,}"

    def epoch(self, progress: Progress) -> None:
        rows = [epoch.row() for epoch in progress.epochs]
        columns = list(dict.fromkeys(name for row in rows for name in row))
        with self._explained():
            if progress.best is progress.epochs[-1]:
                weights = self._whole(evaluated(self.train_step, self.average))
                write_tensors(self.folder.best_weights, weights, self._metadata)
                self._export(weights, self.folder.best_model)
            last = self._whole(self.train_step.weights.read())
            write_tensors(self.folder.last_weights, last, self._metadata)
            write_csv(self.folder.metrics, columns, rows)
            write_results(self.folder, progress, self.facts)
            self.folder.note(_described(progress.epochs[-1]))

    @contextmanager
    def _explained(self) -> Generator[None]:
        try:
            yield
        except OSError as e:
            where = e.filename or self.folder.path
            raise UsageError(
                f"`{where}` can't be written: {e.strerror or e}; the run is kept as of "
                f"{self._kept}. Make room, then: cnndsl resume {self.folder.path}"
            ) from None


def evaluated(train_step: TrainStep, average: Average | None) -> dict[str, Float]:
    """The weights that are evaluated: averaged ones where there are."""
    return train_step.weights.read() | (average.read() if average else {})


def write_results(
    folder: RunFolder, progress: Progress, facts: Mapping[str, Any], test: Scores | None = None
) -> dict[str, Any]:
    """Write results.json, and return its content. Raises OSError."""
    content = results(progress, facts, test)
    if (seconds := folder.features_seconds()) is not None:
        content["features_seconds"] = seconds
    write_json(folder.results, content)
    return content


def results(
    progress: Progress, facts: Mapping[str, Any], test: Scores | None = None
) -> dict[str, Any]:
    """The content of results.json: scores of the best and the last epoch, and of the test."""
    best = progress.best
    return {
        "version": VERSION,
        **facts,
        "best": _scores(best),
        "last": _scores(progress.epochs[-1] if progress.epochs else None),
        "test": test,
        "epochs": len(progress.epochs),
        "steps": progress.steps,
        "seconds": round(progress.seconds, 3),
        "ended": progress.ended or None,
    }


def _scores(epoch: Epoch | None) -> dict[str, Any] | None:
    if epoch is None:
        return None
    row = {"epoch": epoch.number}
    return row | {n: v for n, v in epoch.row().items() if n.startswith(("train_", "val_"))}


def _described(epoch: Epoch) -> str:
    parts = [f"{name} {value:.6g}" for name, value in epoch.row().items() if name != "epoch"]
    return f"epoch {epoch.number}: {', '.join(parts)}"
