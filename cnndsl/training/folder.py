"""A run's folder: where everything lies, and how it is written so that nothing is ever half there.

runs/fashion_cnn-001/
  config.toml  spec.cnn  network.cnn (or model.onnx)
  environment.json  data.json  split.csv  labels.txt
  metrics.csv  results.json  log.txt  report.html
  checkpoint.safetensors             what `cnndsl resume` goes on from
  best.onnx  best.safetensors  last.safetensors
  graphs/  plots/
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from math import inf, isfinite
from pathlib import Path
from typing import Any, cast

from cnndsl.diagnostics import UsageError
from cnndsl.files import blamed_on, check_ordinary, replaced
from cnndsl.printing import encodable, json_text, printable

MOST_RUNS = 100_000


class RunFolder:
    """The paths of a run's files."""

    def __init__(self, path: Path):
        self.path = path
        self.config = path / "config.toml"
        self.spec = path / "spec.cnn"
        self.network = path / "network.cnn"
        self.model = path / "model.onnx"
        self.environment = path / "environment.json"
        self.data = path / "data.json"
        self.split = path / "split.csv"
        self.labels = path / "labels.txt"
        self.metrics = path / "metrics.csv"
        self.results = path / "results.json"
        self.log = path / "log.txt"
        self.report = path / "report.html"
        self.checkpoint = path / "checkpoint.safetensors"
        self.best_model = path / "best.onnx"
        self.best_weights = path / "best.safetensors"
        self.last_weights = path / "last.safetensors"
        self.graphs = path / "graphs"
        self.plots = path / "plots"
        self.answers = self.plots / "answers"
        self.features = path / "features.json"

    @classmethod
    def create(cls, root: Path, name: str) -> RunFolder:
        """A new folder `NAME-001`, or the next number that is free. Raises OSError."""
        stem = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "run"
        root.mkdir(parents=True, exist_ok=True)
        number = 1 + max(_numbers(root, stem), default=0)
        while number < MOST_RUNS:
            try:
                return cls.make(root / f"{stem}-{number:03d}")
            except FileExistsError:  # another training was faster
                number += 1
        raise UsageError(f"`{root}` holds too many runs called {stem}")

    @classmethod
    def make(cls, path: Path) -> RunFolder:
        """A new folder at this path. Raises OSError."""
        folder = cls(path)
        path.mkdir()
        folder.graphs.mkdir()
        folder.plots.mkdir()
        return folder

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """The folder of a run. Raises UsageError where it is none."""
        folder = cls(path)
        if not folder.config.is_file():
            raise UsageError(f"`{path}` is no folder that `cnndsl train` made")
        for file in (*vars(folder).values(), path / ".lock"):
            if file.exists() and not (file.is_file() or file.is_dir()):  # it might never end
                raise UsageError(f"`{file}` is no ordinary file, as `cnndsl train` writes it")
        return folder

    @contextmanager
    def locked(self) -> Generator[None]:
        """While one process trains here, no other one does. Raises UsageError."""
        try:
            import fcntl
        except ModuleNotFoundError:  # not on Windows
            yield
            return
        with (self.path / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise UsageError(f"`{self.path}` is being trained by another process") from None
            yield

    def data_record(self) -> dict[str, Any]:
        """What is kept of the data; empty where that is damaged."""
        return _object(self.data)

    def features_record(self) -> dict[str, Any]:
        """What is kept of the features that the run was trained on; empty where there are none."""
        return _object(self.features)

    def features_seconds(self) -> float | None:
        """How long they took; None where there are none."""
        found = self.features_record().get("seconds")
        return float(found) if isinstance(found, int | float) and 0 <= found < inf else None

    def note(self, text: str) -> None:
        """Append a line to the log, with the time."""
        with blamed_on(self.log), self.log.open("a", encoding="utf-8") as file:
            file.write(f"{datetime.now().isoformat(' ', 'seconds')}  {printable(text)}\n")


def _object(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty where there is none."""
    try:
        check_ordinary(path)
        found: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def write_text(path: Path, text: str) -> None:
    """Write a whole text, or nothing."""
    with replaced(path) as file:
        file.write(encodable(text).encode())


def write_json(path: Path, content: Any) -> None:
    """Write JSON that people can read."""
    text = json_text(finite(content), indent=2, allow_nan=False)
    write_text(path, text + "\n")


def finite(content: Any) -> Any:
    """The same with None for numbers that JSON lacks: NaN and the infinite ones."""
    if isinstance(content, float):
        return content if isfinite(content) else None
    if isinstance(content, Mapping):
        return {k: finite(v) for k, v in cast("Mapping[str, Any]", content).items()}
    if isinstance(content, list | tuple):
        return [finite(entry) for entry in cast("Sequence[Any]", content)]
    return content


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a table; what a row lacks is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: _cell(v) for k, v in row.items()} for row in rows)
    write_text(path, text.getvalue())


def _cell(value: Any) -> Any:
    return printable(value) if isinstance(value, str) else value


def of_run(model: str | Path, weights: str | Path | None) -> tuple[str | Path, str | Path | None]:
    """What a run's folder stands for where a model is meant: its net's spec and best weights, or
    its best model where a model from elsewhere was trained. Anything else stands for itself.
    """
    folder = RunFolder(Path(model))
    if folder.network.is_file() and folder.best_weights.is_file():
        return folder.network, weights or folder.best_weights
    return (folder.best_model if folder.best_model.is_file() else model), weights


def _numbers(root: Path, stem: str) -> Iterable[int]:
    for path in root.iterdir():
        match = re.fullmatch(re.escape(stem) + r"-(\d{3,6})", path.name)
        if match:
            yield int(match[1])
