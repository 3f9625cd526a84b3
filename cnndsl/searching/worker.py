"""One worker: it takes trials and does them, one after the other, on data that are opened once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from os import getpid
from secrets import token_hex
from statistics import fmean
from time import monotonic

from cnndsl.data.dataset import DataSet
from cnndsl.diagnostics import SpecError, UsageError
from cnndsl.downloads import Progress as Downloading
from cnndsl.searching.costs import costs_of, refusal
from cnndsl.searching.folder import SearchFolder
from cnndsl.searching.locks import FileLock
from cnndsl.searching.objectives import figure
from cnndsl.searching.search import Search
from cnndsl.searching.study import Claim, Study
from cnndsl.training.callbacks import Callback, Callbacks, EpochEnd
from cnndsl.training.config import Config
from cnndsl.training.folder import RunFolder
from cnndsl.training.interrupts import Interrupts
from cnndsl.training.running import Outcome, begin_on, data_for

MOST_FAILURES = 3
"""Where so many trials fail before one is done, all will."""


class Data:
    """The data of trials, opened once for each way to split them."""

    def __init__(self, search: Search):
        self._search = search
        self._opened: dict[object, DataSet] = {}

    def of(self, config: Config, progress: Downloading | None = None) -> DataSet:
        """The data that a trial is trained on; `progress` is told about downloads.

        Raises UsageError.
        """
        key = config.training.seed, config.data.ignore_index
        if key not in self._opened:
            self._opened[key] = data_for(config, progress)
        return self._opened[key]

    def check(self, data: DataSet) -> DataSet:
        """The same data. Raises UsageError where they aren't what the search began with."""
        if self._search.data_mark and not data.is_what(self._search.data_mark):
            raise UsageError(
                f"the data at `{self._search.data}` isn't what the search began with: put it back, "
                f"or begin a new search"
            )
        return data


class Pruning(Callback):
    """Stops a training where the other trials were better after as many epochs."""

    def __init__(self, claim: Claim, search: Search):
        self._claim = claim
        self._objective = search.objectives[0].name if search.plan.prune else ""
        self.hopeless = False

    def on_epoch(self, epoch: EpochEnd, /) -> bool:
        value = epoch.metrics.get(self._objective)
        if value is not None and isfinite(value):
            self.hopeless = self._claim.report(epoch.epoch, value)
        return self.hopeless


class Worker:
    """Does trials until there are none left, the time is over, or a signal comes."""

    def __init__(
        self,
        folder: SearchFolder,
        search: Search,
        *,
        threads: int | None = None,
        data: Data | None = None,
        callback: Callback | None = None,
    ):
        self.folder, self.search, self.threads = folder, search, threads
        self.data, self.callback = data or Data(search), callback or Callback()
        self.name = f"{getpid()}-{token_hex(4)}"

    def work(
        self, until: float | None = None, look: Callable[[Study], None] = lambda study: None
    ) -> int | None:
        """Do trials, none that would begin after `until` on the monotonic clock, and `look` at the
        study after each; return the signal that interrupted it, None where none did.

        Raises UsageError, OSError.
        """
        lock = FileLock(self.folder.locks / self.name)
        study = Study(self.folder, self.search, self.name)
        first = self.search.config({})
        data = self.data.check(self.data.of(first))
        try:
            with lock, Interrupts() as interrupts:
                while not interrupts.requested and (until is None or monotonic() < until):
                    claim = study.claim(lambda values: refusal(self.search, values, data))
                    look(study)
                    if claim is None:
                        return None
                    signal = self._do(claim)
                    look(study)
                    if signal is not None:
                        return signal
                    _check_any(study)
                return interrupts.requested
        finally:
            lock.path.unlink(missing_ok=True)

    def _do(self, claim: Claim) -> int | None:
        """Train, and write down what came of it; the signal where one interrupted it."""
        try:
            config = self.search.config(claim.values)
            if self.threads and not config.training.threads:
                config = config.with_training(threads=self.threads)
            costs = costs_of(config, self.data.of(config))
            pruning = Pruning(claim, self.search)
            runs: list[dict[str, float]] = []
            while len(runs) < self.search.plan.seeds and not pruning.hopeless:
                outcome = self._train(config, claim.number, len(runs), pruning)
                if outcome.signal is not None:
                    claim.give_back()
                    return outcome.signal
                runs.append(_figures(outcome))
            figures = _means(runs) | costs.figures()
            objectives = [figure(o, figures) for o in self.search.objectives]
        except SpecError as e:
            claim.fail(f"the net has mistakes: {e.diagnostics[0].message}")
        except UsageError as e:
            claim.fail(str(e))
        except BaseException:
            claim.give_back()
            raise
        else:
            if pruning.hopeless:
                claim.prune({n: v for n, v in figures.items() if isfinite(v)})
            elif all(map(isfinite, objectives)):
                claim.finish(objectives, {n: v for n, v in figures.items() if isfinite(v)})
            else:
                claim.fail("an objective came to no finite number")
        return None

    def _train(self, config: Config, number: int, repeat: int, pruning: Pruning) -> Outcome:
        """A trial's run, or one of its repeats with the seeds that follow: trials are compared
        epoch by epoch in the first one. Raises SpecError, UsageError.
        """
        callback = self.callback if repeat else Callbacks(self.callback, pruning)
        config = config.with_training(seed=config.training.seed + repeat)

        def folder() -> RunFolder:
            path = self.folder.trial(number, repeat)
            if path.exists():  # what was lost
                shutil.rmtree(path)
            return RunFolder.make(path)

        return begin_on(self.data.of(config), config, callback, folder)


def _figures(outcome: Outcome) -> dict[str, float]:
    """The scores of the weights that a run keeps, and how long it took."""
    best = outcome.progress.best
    row = best.row() if best else {}
    scores = {n: v for n, v in row.items() if n.startswith(("train_", "val_"))}
    test = {f"test_{name}": value for name, value in (outcome.test or {}).items()}
    return scores | test | {"epoch": row.get("epoch", 0), "seconds": outcome.progress.seconds}


def _means(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The means of figures over runs that differ in their seed alone."""
    return {name: fmean(run[name] for run in runs if name in run) for name in runs[0]}


def _check_any(study: Study) -> None:
    """Raise UsageError where all trials fail."""
    attempts = study.attempts()
    failed = [a for a in attempts if a.state == "failed"]
    if len(failed) >= MOST_FAILURES and not any(a.state == "done" for a in attempts):
        said = f"{len(failed)} trials failed, and none was done"
        raise UsageError(f"{said}; the last one: {failed[-1].said}")
