"""A search from the first look at net and data to the leaderboard, and going on with one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic

from cnndsl.diagnostics import UsageError
from cnndsl.downloads import Progress as Downloading
from cnndsl.printing import html_table
from cnndsl.searching.folder import SearchFolder
from cnndsl.searching.leaderboard import fronts, ranked, shown, standings, write_leaderboard
from cnndsl.searching.locks import CAN_LOCK
from cnndsl.searching.objectives import check_objective, check_pruning, usual_objective
from cnndsl.searching.page import SearchReport, as_page
from cnndsl.searching.reporting import Reporter
from cnndsl.searching.search import Search, mark_of
from cnndsl.searching.study import Attempt, Study, check_installed
from cnndsl.searching.worker import Data, Worker
from cnndsl.searching.workers import MOST_WORKERS, Workers
from cnndsl.training.callbacks import Callback
from cnndsl.training.folder import write_text
from cnndsl.training.networks import adapter_for
from cnndsl.training.tasks import make_task


@dataclass(frozen=True, slots=True)
class SearchOutcome:
    """How a search stands: every trial's last attempt in `trials`, those that are done in `ranked`,
    the best first; `signal` is what interrupted it, None where nothing did.
    """

    folder: Path
    search: Search
    trials: tuple[Attempt, ...]
    signal: int | None = None

    @property
    def ranked(self) -> list[Attempt]:
        """The trials that are done, the best first."""
        return ranked(self.search, self.trials)

    @property
    def front(self) -> list[Attempt]:
        """The Pareto front: those than which no other one is better in all objectives."""
        found = fronts(self.search, self.ranked)
        return [trial for trial in self.ranked if found[trial.number] == 1]

    @property
    def best(self) -> Path | None:
        """The folder of the best trial's run; None where none is done."""
        found = self.ranked
        return SearchFolder(self.folder).trial(found[0].number) if found else None

    def __str__(self) -> str:
        found = self.ranked
        text = f"{self.folder}: {len(found)} of {self.search.plan.trials} trials"
        if not found:
            return text
        objective = self.search.objectives[0]
        return f"{text}, best {objective.name} {objective.text(found[0].objectives[0])}"

    def _repr_html_(self) -> str:
        """What notebooks show."""
        return html_table(str(self), *standings(self.search, self.ranked))


def begin(
    search: Search,
    reporter: Reporter,
    *,
    root: Path = Path("runs"),
    name: str | None = None,
    workers: int = 1,
    callback: Callback | None = None,
    progress: Downloading | None = None,
) -> SearchOutcome:
    """Search in a new folder, by so many `workers`: one is this process, several are others.
    `callback` is told how each trial's training goes where it is done in this process, and
    `progress` about downloads. Raises SpecError, UsageError.
    """
    _check(workers)
    config = search.config({})
    data = Data(search)
    opened = data.of(config, progress)
    adapter, _ = adapter_for(config.model.spec, opened, config.model.settings, config.shapes())
    target = make_task(config, adapter, opened).target
    objectives = search.objectives or (usual_objective(target, opened),)
    check_pruning(search.plan, objectives)
    for objective in objectives:
        check_objective(objective, target, opened)
    search = replace(
        search,
        plan=replace(search.plan, objectives=tuple(o.name for o in objectives)),
        spec_mark=mark_of(config),
        data_mark=opened.fingerprint,
    )
    folder = SearchFolder.create(root, name or Path(config.model.spec).stem)
    search.write(folder)
    worker = Worker(folder, search, data=data, callback=callback)
    return _run(worker, reporter, workers, search.plan.time_limit)


def resume(
    path: Path,
    reporter: Reporter,
    *,
    workers: int = 1,
    threads: int | None = None,
    time_limit: float | None = None,
) -> SearchOutcome:
    """Go on with a search that stopped, or beside others that are at it; `threads` are those of a
    training, and no trial begins after `time_limit` seconds, by default the search's own.

    Raises UsageError, also where net or data have changed.
    """
    _check(workers)
    folder = SearchFolder.open(path)
    search = Search.read(folder)
    config = search.config({})
    if mark_of(config) != search.spec_mark:
        raise UsageError(
            f"`{config.model.spec}` isn't what it was when the search began, so its trials can't "
            f"be compared: put it back, or begin a new search"
        )
    worker = Worker(folder, search, threads=threads)
    return _run(worker, reporter, workers, time_limit or search.plan.time_limit)


def show(path: Path, page: bool = False) -> SearchOutcome:
    """How the search in a folder stands; its `page` is written anew where that is asked for.

    Raises UsageError, OSError.
    """
    check_installed()
    folder = SearchFolder.open(path)
    search = Search.read(folder, with_net=False)
    study = Study(folder, search)
    outcome = SearchOutcome(path, search, _latest(study.attempts()))
    if page:
        _write_page(folder, outcome, study)
    return outcome


def _check(workers: int) -> None:
    """Raise UsageError where Optuna isn't installed, or more workers are asked for than can be."""
    check_installed()
    if not 1 <= workers <= MOST_WORKERS:
        raise UsageError(f"a search has 1 to {MOST_WORKERS} workers, not {workers:,}")
    if workers > 1 and not CAN_LOCK:
        raise UsageError("this system has no locks that several workers need: take --workers 1")


def _run(
    worker: Worker, reporter: Reporter, workers: int, time_limit: float | None
) -> SearchOutcome:
    """Do what is left to do, and say how it stands then."""
    folder, search = worker.folder, worker.search
    until = None if time_limit is None else monotonic() + time_limit
    study = Study(folder, search)
    board = _Board(folder, search, reporter, study)
    reporter.begin(search, _header(folder, search, board.trials))
    if workers == 1:
        signal = worker.work(until, board.update)
    else:
        over = sum(trial.state not in ("running", "lost") for trial in board.trials)
        count = max(1, min(workers, search.plan.trials - over))  # none without a trial to do
        signal = Workers(folder, count, until).work(lambda: board.update(study))
    outcome = SearchOutcome(folder.path, search, board.trials, signal)
    _write_page(folder, outcome, study)
    for line in _end(outcome, study.is_complete):
        reporter.note(line)
    return outcome


def _write_page(folder: SearchFolder, outcome: SearchOutcome, study: Study) -> None:
    report = SearchReport(folder, outcome.search, outcome.trials, study.importances())
    write_text(folder.page, as_page(report))


class _Board:
    """Tells of trials when they are over, and keeps the leaderboard. What was over before isn't
    told.
    """

    def __init__(self, folder: SearchFolder, search: Search, reporter: Reporter, study: Study):
        self.folder, self.search, self.reporter = folder, search, reporter
        self._told = {n for n, a in enumerate(study.attempts()) if a.state != "running"}
        self._attempts = study.attempts()

    @property
    def trials(self) -> tuple[Attempt, ...]:
        """Each trial's last attempt, by their numbers."""
        return _latest(self._attempts)

    def update(self, study: Study) -> None:
        """Look what is new. Raises OSError."""
        with study.exclusive:  # nobody writes an older leaderboard over a newer one
            self._attempts = study.attempts()
            write_leaderboard(self.folder, self.search, self._attempts)
        best = ranked(self.search, self._attempts)[:1]
        for place, attempt in enumerate(self._attempts):
            if place in self._told or attempt.state == "running":
                continue
            self._told.add(place)
            if attempt.state != "lost":
                self.reporter.trial(self.search, attempt, attempt in best)


def _header(folder: SearchFolder, search: Search, trials: Sequence[Attempt]) -> list[str]:
    """Lines that say what is searched, and how."""
    plan, done = search.plan, sum(attempt.state == "done" for attempt in trials)
    count = f"{plan.trials} trial{'s' * (plan.trials != 1)}"
    config = search.config({})
    goals = [f"{o.name} ({'least' if o.falls else 'most'})" for o in search.objectives]
    entries = {
        "net": config.model.spec,
        "data": config.data.path,
        "search": f"{plan.method}, {count}" + (f", {done} done before" if done else ""),
        **_repeats(search),
        "objective": ", ".join(goals),
        **{
            "vary" if not place else f"vary {place}": f"{p.name} = {p.domain}"
            for place, p in enumerate(search.parameters)
        },
        "folder": str(folder.path),
    }
    width = 11
    return [f"{name.partition(' ')[0]:<{width}}{text}" for name, text in entries.items()]


def _repeats(search: Search) -> dict[str, str]:
    """A remark on a search that is longer than it has different trials."""
    if search.plan.method == "grid" or not all(p.is_finite for p in search.parameters):
        return {}
    combinations = math.prod(len(p.points()) for p in search.parameters)
    if combinations >= search.plan.trials:
        return {}
    count = f"{combinations} combination{'s' * (combinations != 1)}"
    return {"note": f"{count} of values in all: --method grid tries each once"}


def _end(outcome: SearchOutcome, complete: bool) -> list[str]:
    """Lines that say how the search stands."""
    search, states = outcome.search, [trial.state for trial in outcome.trials]
    lines = [""]
    if pruned := states.count("pruned"):
        lines.append(f"pruned     {pruned} trial{'s' * (pruned != 1)}")
    if failed := states.count("failed"):
        lines.append(f"failed     {failed} trial{'s' * (failed != 1)}")
    if refused := states.count("refused"):
        trials = f"{refused} trial{'s' * (refused != 1)}"
        lines.append(f"refused    {trials} of nets beyond the limits, or with mistakes")
    if outcome.best:
        best = outcome.ranked[0]
        values = ", ".join(f"{name}={shown(value)}" for name, value in best.values.items())
        figures = ", ".join(
            f"{o.name} {o.text(v)}" for o, v in zip(search.objectives, best.objectives, strict=True)
        )
        lines += [f"best       trial {best.number}: {figures}", f"           {values}"]
        lines.append(f"run        {outcome.best}")
        lines.append(f"report     {SearchFolder(outcome.folder).page}")
    if others := states.count("running"):
        lines.append(f"others are at {others} trial{'s' * (others != 1)}")
    elif not complete:
        why = "stopped" if outcome.signal else "the time is over"
        lines.append(f"{why}; everything is kept. To go on:")
        lines.append(f"  cnndsl search resume {outcome.folder}")
    return lines


def _latest(attempts: Sequence[Attempt]) -> tuple[Attempt, ...]:
    """Each trial's last attempt, by their numbers."""
    found = {attempt.number: attempt for attempt in attempts}
    return tuple(found[number] for number in sorted(found))
