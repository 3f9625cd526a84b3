"""What a run's folder says of its training: choices, epochs, scores, the size of its net.

config.toml has the choices, metrics.csv the epochs, results.json what came of them, network.cnn the
net. Nothing else is read, and nothing is run.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from hashlib import file_digest
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from cnndsl.analyse import analyse
from cnndsl.data.targets import leading_score
from cnndsl.diagnostics import SpecError, UsageError
from cnndsl.files import check_ordinary, read_bounded
from cnndsl.source import Source
from cnndsl.specs import load
from cnndsl.training.config import Config, read_config
from cnndsl.training.folder import RunFolder
from cnndsl.training.progress import (
    LARGEST,
    MOST_STEPS,
    Ending,
    Epoch,
    Progress,
    Scores,
)

_MOST_BYTES = 64 << 20
_MOST_NETS = 1000
"""Nets whose sizes are remembered: runs of one net are many."""

_Seconds = Annotated[float, Field(ge=0, lt=MOST_STEPS)]
_Score = Annotated[float, Field(ge=-LARGEST, le=LARGEST)]


@dataclass(frozen=True, slots=True)
class Results:
    """What results.json says beside the scores of epochs, which metrics.csv has."""

    data: str = ""
    targets: str = ""
    trained_parameters: Annotated[int, Field(ge=0)] | None = None
    test: dict[str, _Score | None] | None = None
    seconds: _Seconds = 0.0
    features_seconds: _Seconds = 0.0
    ended: Literal["epochs", "patience", "time", "stopped"] | None = None


@dataclass(frozen=True)
class RunRecord:
    """A run as its folder tells it. `progress` has the epochs that are over, none where the run
    stopped before; `test` are the test's scores, None before the end or without a test.
    """

    folder: RunFolder
    config: Config
    progress: Progress
    results: Results = field(default_factory=Results)

    @classmethod
    def read(cls, path: Path) -> RunRecord:
        """Read the run in a folder. Raises UsageError where it is none, or is damaged."""
        folder = RunFolder.open(path)
        config = read_config(folder.config)
        results = _results(folder.results)
        seconds, ended = results.seconds, results.ended or ""
        progress = Progress(epochs=_epochs(folder.metrics), seconds=seconds, ended=ended)
        return cls(folder, config, progress, results)

    @property
    def name(self) -> str:
        """The folder's."""
        return self.folder.path.name

    @property
    def net(self) -> str:
        """What was trained: `lenet5`, a spec's file without folder and suffix."""
        return Path(self.config.model.spec).stem

    @property
    def data(self) -> str:
        """The name of the data."""
        return self.results.data or Path(self.config.data.path).name

    @property
    def epochs(self) -> list[Epoch]:
        """Those that are over."""
        return self.progress.epochs

    @property
    def planned(self) -> int:
        """How many epochs were asked for."""
        return self.config.training.epochs

    @property
    def ended(self) -> Ending:
        """Why no more epochs are done; "" where the run was interrupted, or is going on."""
        return self.progress.ended

    @property
    def seconds(self) -> float:
        """The time spent on features, training and evaluation."""
        return self.progress.seconds + self.results.features_seconds

    @property
    def best(self) -> Epoch | None:
        """The epoch whose weights are kept as the best; None before the first one."""
        return self.progress.best

    @property
    def metric(self) -> str | None:
        """The score that says most about this kind of answer, by its name in SCORES; None where
        there is nothing but a loss, or no epoch.
        """
        return leading_score(self.best.judged) if self.best else None

    @property
    def score(self) -> float | None:
        """The `metric` of the best epoch: of validation, or training where nothing is validated."""
        return self.best.judged[self.metric] if self.best and self.metric else None

    @property
    def loss(self) -> float | None:
        """The loss of the best epoch, as `score`."""
        return self.best.judged.get("loss") if self.best else None

    @cached_property
    def test(self) -> Scores | None:
        """The best weights' scores of the test; None before the end, or without a test."""
        found = self.results.test
        return None if found is None else {n: v for n, v in found.items() if v is not None}

    @property
    def test_score(self) -> float | None:
        """The `metric` of the test."""
        return (self.test or {}).get(self.metric or "")

    @property
    def parameters(self) -> int | None:
        """The net's, or those of an ONNX model that were trained; None where nothing says it."""
        return self._size[0] if self._size else self.results.trained_parameters

    @property
    def macs(self) -> int | None:
        """The net's multiply-adds for one example; None for an ONNX model."""
        return self._size[1] if self._size else None

    @cached_property
    def network_mark(self) -> str:
        """Six digits that another net has others of; "" where no net is kept."""
        for path in (self.folder.network, self.folder.model):
            try:
                check_ordinary(path)
                with path.open("rb") as file:
                    return file_digest(file, "sha256").hexdigest()[:6]
            except OSError:
                continue
        return ""

    @cached_property
    def _size(self) -> tuple[int, int | None] | None:
        try:
            return _size(read_bounded(self.folder.network, _MOST_BYTES).decode())
        except (OSError, ValueError):
            return None


@lru_cache(_MOST_NETS)
def _size(text: str) -> tuple[int, int | None] | None:
    """Parameters and multiply-adds of a spec; None where it is damaged."""
    try:
        totals = analyse(load(Source("network.cnn", text))[0]).totals
    except (SpecError, UsageError):
        return None
    return totals.params, totals.macs


def _epochs(path: Path) -> list[Epoch]:
    """The epochs in metrics.csv; none where there is no such file yet. Raises UsageError."""
    text = _text(path)
    try:
        return [Epoch.of_row(row) for row in csv.DictReader(io.StringIO(text, newline=""))]
    except (ValueError, csv.Error):
        raise UsageError(f"`{path}` is damaged: it has no epoch a row") from None


def _results(path: Path) -> Results:
    """The content of results.json; empty where there is no such file yet. Raises UsageError."""
    text = _text(path)
    try:
        return TypeAdapter(Results).validate_json(text) if text else Results()
    except ValidationError:
        raise UsageError(f"`{path}` is damaged: it doesn't say what came of the run") from None


def _text(path: Path) -> str:
    """A text file's content, "" where there is none. Raises UsageError."""
    try:
        return read_bounded(path, _MOST_BYTES).decode()
    except FileNotFoundError:
        return ""
    except OSError as e:
        raise UsageError(f"`{path}` can't be read: {e.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"`{path}` is no UTF-8 text") from None
