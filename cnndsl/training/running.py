"""Training from the first step to the report, and going on with a run that stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cnndsl.data.dataset import DataSet
from cnndsl.data.opening import is_there
from cnndsl.data.readable import with_remarks
from cnndsl.diagnostics import UsageError
from cnndsl.downloads import Progress as Downloading
from cnndsl.printing import html_table
from cnndsl.training.adapters import ModelAdapter
from cnndsl.training.assembly import Training
from cnndsl.training.callbacks import Callback, RunBegin, RunEnd
from cnndsl.training.checkpoint import load_checkpoint, read_progress
from cnndsl.training.checkpointer import FolderCheckpointer, write_results
from cnndsl.training.config import Config, read_config, write_config
from cnndsl.training.describing import described_stage, header
from cnndsl.training.finishing import finish
from cnndsl.training.folder import RunFolder
from cnndsl.training.interrupts import Interrupts
from cnndsl.training.loop import Limits, Loop
from cnndsl.training.networks import adapter_for, first_adapter, kept_adapter
from cnndsl.training.preparing import fitting, opened_data, resolved
from cnndsl.training.progress import Progress, Scores
from cnndsl.training.records import (
    describe_run,
    facts,
    kept_task,
    not_finite,
    summary,
    write_graphs,
)
from cnndsl.training.tasks import make_task
from cnndsl.training.train_step import NotFiniteError
from cnndsl.training.watching import watch
from cnndsl.weights.metadata import as_metadata

MOST_TOLD = 5
"""So many pictures that can't be read are named on the callback; the log has them all."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run stands: `signal` is what interrupted it, None where it came to its end."""

    folder: Path
    progress: Progress
    test: Scores | None
    signal: int | None = None

    @property
    def accuracy(self) -> float | None:
        """Right answers of the best weights: of the test, else of validation; None without."""
        best = self.progress.best
        scores = self.test or (best.val if best else None) or {}
        return scores.get("top1")

    def __str__(self) -> str:
        found = "" if self.accuracy is None else f", accuracy {100 * self.accuracy:.2f} %"
        count = len(self.progress.epochs)
        return f"{self.folder}: {count} epoch{'s' * (count != 1)}{found}"

    def _repr_html_(self) -> str:
        """What notebooks show."""
        rows = [epoch.row() for epoch in self.progress.epochs]
        columns = list(dict.fromkeys(name for row in rows for name in row))
        return html_table(str(self), columns, ([row.get(n) for n in columns] for row in rows))


def begin(
    config: Config,
    callback: Callback,
    *,
    root: Path = Path("runs"),
    name: str | None = None,
    progress: Downloading | None = None,
) -> Outcome:
    """Train in a new folder; `progress` is told about downloads.

    Raises SpecError, UsageError.
    """
    data = data_for(config, progress)

    def folder() -> RunFolder:
        return RunFolder.create(root, name or Path(config.model.spec).stem)

    return begin_on(data, config, callback, folder)


def data_for(config: Config, progress: Downloading | None = None) -> DataSet:
    """Open the data of a training; `progress` is told about downloads.

    Raises SpecError, UsageError.
    """
    return with_remarks(opened_data(config, _first(config), progress))


def begin_on(
    data: DataSet, config: Config, callback: Callback, folder: Callable[[], RunFolder]
) -> Outcome:
    """Train on data that are open; the `folder` is made when nothing can be wrong any more.

    Raises SpecError, UsageError.
    """
    adapter, notes = adapter_for(config.model.spec, data, config.model.settings, config.shapes())
    config, more = fitting(config, data, adapter)
    with Training(config, make_task(config, adapter, data)) as training:
        training.start()
        training.sample()  # what the loss can't take of the data is said before there is a folder
        return train_in(folder(), training, callback, notes + more)


Run = Callable[[Any, RunFolder, Progress, Callback], Outcome]


def train_in(
    folder: RunFolder,
    training: Training,
    callback: Callback,
    notes: Sequence[str] = (),
    run: Run | None = None,
) -> Outcome:
    """Train in a folder that is new, from the weights that are in place; `notes` go below the
    header. `run` does it in another way than by steps.
    """
    with folder.locked():
        describe_run(folder, training)
        lines = [*header(training, str(folder.path)), *notes, *training.task.data.notes]
        epochs = training.config.training.epochs
        callback.on_begin(RunBegin(folder.path, epochs, 0, lines, facts(training)))
        return (run or _run)(training, folder, Progress(), callback)


def resume(
    path: Path,
    callback: Callback,
    build: Callable[..., Training] = Training,
    *,
    data: str | None = None,
    **changes: Any,
) -> Outcome:
    """Go on with a run; `changes` are new values for `training`, such as more epochs.

    `data` is where its data is now, if it has moved. `build` puts its parts together, of
    configuration, task, kept graphs and steps done. Raises UsageError where there is nothing to
    go on from, or the data isn't the same any more.
    """
    folder = RunFolder.open(path)
    config = read_config(folder.config)
    if config.training.learning_rate is None:
        raise UsageError(f"`{folder.config}` lacks the learning_rate that the run began with")
    if not folder.checkpoint.exists():
        raise UsageError(f"`{path}` stopped before its first checkpoint: begin a new run")
    with folder.locked():
        if changes:
            config = config.with_training(**changes)
        if data is not None:
            config = replace(config, data=replace(config.data, path=resolved(data)))
        elif not is_there(config.data.path):
            raise UsageError(
                f"the run's data isn't at `{config.data.path}` any more: say where it is now, "
                f"`cnndsl resume {path} --data PATH`"
            )
        adapter = kept_adapter(path)
        task = kept_task(folder, config, adapter, opened_data(config, adapter))
        if config.training.batch > len(task.data.train):
            raise UsageError(
                f"`{folder.config}`: [training] batch is {config.training.batch:,}, and there are "
                f"{len(task.data.train):,} training examples"
            )
        steps = read_progress(folder.checkpoint).steps
        with build(config, task, folder.graphs, steps) as training:
            progress = load_checkpoint(folder.checkpoint, training.train_step, training.average)
            _reopen(training, progress)
            if changes or data is not None:
                write_config(config, folder.config)
            folder.note(f"resumed after step {progress.steps:,}")
            lines = [*header(training, str(path)), f"resumed after step {progress.steps:,}"]
            epochs = config.training.epochs
            callback.on_begin(RunBegin(path, epochs, progress.steps, lines, facts(training)))
            return _run(training, folder, progress, callback)


def _first(config: Config) -> ModelAdapter | None:
    return first_adapter(config.model.spec, config.model.settings, config.shapes())


def assemble(config: Config) -> Training:
    """A training's parts without a folder. Raises SpecError, UsageError."""
    data = opened_data(config, _first(config))
    adapter, _ = adapter_for(config.model.spec, data, config.model.settings, config.shapes())
    config, _ = fitting(config, data, adapter)
    return Training(config, make_task(config, adapter, data))


def _run(training: Training, folder: RunFolder, progress: Progress, callback: Callback) -> Outcome:
    with Interrupts() as interrupts:
        try:
            ended = _train(training, folder, progress, callback, interrupts)
        except NotFiniteError as e:
            raise UsageError(not_finite(e, folder, progress)) from None
        if not ended:
            folder.note(f"interrupted after step {progress.steps:,}")
            done = f"stopped after step {progress.steps:,}"
            callback.on_note(f"{done}; everything is kept. To go on:")
            callback.on_note(f"  cnndsl resume {folder.path}")
            callback.on_end(RunEnd(folder.path, (), {}, interrupts.requested))
            return Outcome(folder.path, progress, None, interrupts.requested)
    return conclude(training, folder, progress, callback)


def conclude(
    training: Training, folder: RunFolder, progress: Progress, callback: Callback
) -> Outcome:
    """Judge the best weights, and write the report. Raises OSError."""
    with Interrupts():  # it takes a moment, and is worth it
        test = finish(training, folder, progress)
        results = write_results(folder, progress, facts(training), test)
        folder.note(f"ended: {progress.ended}")
    lines = summary(training, folder, progress, test)
    callback.on_end(RunEnd(folder.path, lines, results))
    return Outcome(folder.path, progress, test)


def checkpointer_for(training: Training, folder: RunFolder) -> FolderCheckpointer:
    """What writes the training as it is in this stage into a folder."""
    return FolderCheckpointer(
        folder,
        training.train_step,
        training.average,
        training.export,
        facts(training),
        training.whole,
        as_metadata(training.task.picture.preprocessing, training.task.data.labels),
    )


def _train(
    training: Training,
    folder: RunFolder,
    progress: Progress,
    callback: Callback,
    interrupts: Interrupts,
) -> bool:
    """Stage after stage to the end; whether it was reached."""
    choice, told = training.config.training, set[str]()
    while True:
        write_graphs(folder, training)
        checkpointer = checkpointer_for(training, folder)
        if not progress.steps:
            checkpointer.checkpoint(progress)
        plan, stage = training.plan, training.stage
        loop = Loop(
            training.train_step,
            training.feed,
            lambda: _evaluate(training, folder, progress, callback, told),
            training.rate,
            Limits(
                choice.epochs,
                choice.time_limit,
                choice.patience,
                choice.checkpoint_every,
                plan.stages[stage].after,
                plan.end(stage),
            ),
            progress,
            checkpointer,
            callback,
            training.average,
        )
        if not loop.run(interrupts):
            return False
        if progress.ended:
            return True
        training.advance(progress.steps)
        text = described_stage(training)
        folder.note(text)
        callback.on_note(text)


def _evaluate(
    training: Training,
    folder: RunFolder,
    progress: Progress,
    callback: Callback,
    told: set[str],
) -> Scores:
    """The validation's scores; says which pictures couldn't be read meanwhile."""
    scores = training.evaluate()
    watch(training, folder, len(progress.epochs) + 1)
    for name, reason in training.skipped().items():
        if name not in told:
            told.add(name)
            folder.note(f"left out: {reason}")
            if len(told) <= MOST_TOLD:
                callback.on_note(f"left out: {reason}")
    return scores


def _reopen(training: Training, progress: Progress) -> None:
    """Forget an end that new limits lift, and a callback's."""
    choice = training.config.training
    if progress.ended == "stopped":
        progress.ended = ""
    if progress.ended == "epochs" and progress.steps < choice.epochs * training.epoch_steps:
        progress.ended = ""
    if progress.ended == "time" and progress.seconds < (choice.time_limit or float("inf")):
        progress.ended = ""
    if progress.ended == "patience" and progress.waited <= (choice.patience or 1 << 60):
        progress.ended = ""
