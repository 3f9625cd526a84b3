"""Before a training: its data opened, and what depends on them and on the machine resolved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cnndsl.data.builtin import BUILTINS
from cnndsl.data.dataset import DataSet
from cnndsl.data.opening import open_data
from cnndsl.diagnostics import UsageError
from cnndsl.downloads import Progress
from cnndsl.runtime.session import available_cores
from cnndsl.training.adapters import ModelAdapter
from cnndsl.training.config import Config
from cnndsl.training.defaults import learning_rate


def opened_data(
    config: Config, adapter: ModelAdapter | None = None, progress: Progress | None = None
) -> DataSet:
    """The data that is trained on: numbers, pictures to answer with or volumes where the net wants
    them; `progress` is told about downloads.

    Raises UsageError, also for data without training examples.
    """
    chosen = config.data
    data = open_data(
        chosen.path,
        seed=config.training.seed,
        data_dir=Path(chosen.folder) if chosen.folder else None,
        progress=progress,
        unlabelled=True,
        ignore=chosen.ignore_index,
        numbers=adapter is not None and adapter.wants_numbers,
        volume=adapter.volume if adapter else None,
    )
    if "train" not in data:
        raise UsageError(
            f"{data.name} has nothing to train on, only {' and '.join(data.splits)}; training "
            f"pictures go into `train` beside it, those of each class into a folder of their own"
        )
    if chosen.ignore_index is not None and not data.train.masked:
        raise UsageError(f"--ignore-index is a number in masks, and {data.name} has none")
    return data


def fitting(config: Config, data: DataSet, adapter: ModelAdapter) -> tuple[Config, list[str]]:
    """The configuration with everything resolved that depends on data and machine, and notes."""
    notes: list[str] = []
    batch = config.training.batch
    if batch > len(data.train):
        batch = len(data.train)
        notes.append(f"batch {batch} instead of {config.training.batch}: there are no more")
    threads = config.training.threads or available_cores()
    rate = config.training.learning_rate
    if rate is None:
        rate = learning_rate(config.optimiser.word, adapter.layers, adapter.has_norms)
    path = config.data.path if data.where is None else resolved(config.data.path)
    return (
        replace(
            config.with_training(batch=batch, threads=threads, learning_rate=rate),
            data=replace(config.data, path=path, fingerprint=data.fingerprint),
        ),
        notes,
    )


def resolved(where: str) -> str:
    """The whole path of data that lies at one; a built-in name as it is."""
    path = Path(where).expanduser()
    return str(path.resolve()) if where not in BUILTINS and path.exists() else where
