"""The study: which trials there are, who does them and what came of them, in Optuna's journal.

This is Optuna's only door. A trial has a number from 1 on. Optuna numbers attempts: where the
process of one died, the trial has another one.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from cnndsl.diagnostics import UsageError
from cnndsl.searching.folder import SearchFolder
from cnndsl.searching.locks import FileLock
from cnndsl.searching.parameters import Choices, Parameter, Value, Values
from cnndsl.searching.search import Search

if TYPE_CHECKING:
    from optuna import Study as OptunaStudy
    from optuna import Trial
    from optuna.distributions import BaseDistribution
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

State = Literal["running", "done", "pruned", "failed", "refused", "lost"]
"""`pruned` are trials that were stopped since others were better by then, `failed` came to no
figure, `refused` are a grid's that cost too much and weren't trained, `lost` were begun by a
process that ended; these are done again."""

MOST_TRIES = 200
"""So often values are drawn for a trial before it is given up."""

MOST_LEARNT_TRIES = 20
"""After so many a sampler that learns gives way to chance: it may insist."""

STARTUP = 10
"""So many trials are drawn by chance before anything can be learnt from them."""

GENERATIONS, LEAST_POPULATION = 5, 4
"""NSGA-II's trials make so many generations, none smaller than that."""

NAME = "search"
_CLAIM, _OUTCOME = "claim", "outcome"

Refusal = Callable[[Values], str]
"""Says why values aren't worth a training; empty where they are."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a trial: its values, its state and, where it is done or pruned, the objectives
    and all `figures` of the run. `said` is why it failed or was refused.
    """

    number: int
    values: Values
    state: State
    objectives: tuple[float, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict[str, float])
    said: str = ""


class Claim:
    """A trial that is this worker's to do."""

    def __init__(self, study: Study, trial: Trial, number: int):
        self._study, self._trial, self.number = study, trial, number
        self.values: Values = dict(trial.params)

    def finish(self, objectives: Sequence[float], figures: Mapping[str, float]) -> None:
        """The trial is done."""
        self._study.close(self._trial, "done", objectives, figures=dict(figures))

    def report(self, epoch: int, value: float) -> bool:
        """Note an epoch's value of the objective; return whether the trial is to be stopped, since
        others were better by then.
        """
        with _quiet():
            self._trial.report(value, epoch)
            return self._trial.should_prune()

    def prune(self, figures: Mapping[str, float]) -> None:
        """The trial was stopped, as `report` said."""
        self._study.close(self._trial, "pruned", figures=dict(figures))

    def fail(self, said: str) -> None:
        """The trial came to nothing, and would again."""
        self._study.close(self._trial, "failed", said=said)

    def give_back(self) -> None:
        """The trial was interrupted: it is to be done again."""
        self._study.close(self._trial, "lost")


class Study:
    """The trials of a search, for one worker of the name `worker`."""

    def __init__(self, folder: SearchFolder, search: Search, worker: str = ""):
        self.folder, self.search, self.worker = folder, search, worker
        self.exclusive = FileLock(folder.locks / "claims")
        self._grid = search.grid() if search.plan.method == "grid" else []
        self._distributions = _distributions(search.parameters)
        with self.exclusive:
            self._study = _open(folder, search)
        self._study.pruner = _pruner(search)

    def claim(self, refusal: Refusal = lambda values: "") -> Claim | None:
        """Take the next trial that is to be done; None where there is none.

        Raises UsageError where no values can be found that aren't refused.
        """
        with self.exclusive:
            self._bury()
            while (number := self._next()) is not None:
                trial = self._propose(number, refusal)
                trial.set_user_attr(_CLAIM, [number, self.worker])
                said = refusal(dict(trial.params)) if self._grid else ""
                if not said:
                    return Claim(self, trial, number)
                self.close(trial, "refused", said=said)
            return None

    def attempts(self) -> list[Attempt]:
        """All attempts in the order in which they began."""
        found = self._study.get_trials(deepcopy=False)
        try:
            attempts = [_attempt(trial) for trial in found if _CLAIM in trial.user_attrs]
        except (TypeError, ValueError, AttributeError):
            raise UsageError(f"`{self.folder.journal}` is damaged") from None
        for attempt in attempts:
            self._check(attempt)
        return attempts

    def _check(self, attempt: Attempt) -> None:
        """Raise UsageError for what no search like this one wrote."""
        names = {parameter.name for parameter in self.search.parameters}
        count = len(self.search.objectives) if attempt.state in ("done", "pruned") else 0
        whole = isinstance(attempt.number, int) and attempt.state in get_args(State)  # pyright: ignore
        if not whole or set(attempt.values) != names or len(attempt.objectives) != count:
            raise UsageError(f"`{self.folder.journal}` is damaged: it is of another search")

    def importances(self) -> dict[str, float]:
        """How much of what differs in the first objective each parameter accounts for, as parts of
        1 by names, the most first; empty where too few trials are done to say it.
        """
        from optuna.importance import get_param_importances

        done = [a for a in self.attempts() if a.state == "done"]
        if len(done) < STARTUP or len({a.objectives[0] for a in done}) < 2:
            return {}
        with _quiet():
            return get_param_importances(
                self._study, target=lambda trial: float(trial.values[0]), normalize=True
            )

    @property
    def is_complete(self) -> bool:
        """Whether every trial is done."""
        return self._next(running=False) is None

    def close(
        self, trial: Trial, state: State, objectives: Sequence[float] = (), **about: Any
    ) -> None:
        """Write down what became of an attempt."""
        from optuna.trial import TrialState

        trial.set_user_attr(_OUTCOME, {"state": state, **about})
        if state == "done":
            self._study.tell(trial, list(objectives))
        elif state == "pruned":
            self._study.tell(trial, state=TrialState.PRUNED)
        else:
            self._study.tell(trial, state=TrialState.FAIL)

    def _next(self, running: bool = True) -> int | None:
        """The first trial that nobody has done, or is at where `running` ones count; None where
        there is none.
        """
        open_states = {"lost"} if running else {"lost", "running"}
        taken = {a.number for a in self.attempts() if a.state not in open_states}
        return next((n for n in range(1, self.search.plan.trials + 1) if n not in taken), None)

    def _bury(self) -> None:
        """Mark the attempts of workers that are there no more as lost."""
        from optuna.trial import TrialState

        for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            _, worker = trial.user_attrs.get(_CLAIM, (0, ""))
            if not (worker and FileLock(self.folder.locks / worker).is_held):
                self._study.tell(trial.number, state=TrialState.FAIL)

    def _propose(self, number: int, refusal: Refusal) -> Trial:
        """An attempt at a trial, with the values of one that was lost, of the grid, or drawn until
        they aren't refused. Raises UsageError.

        They are drawn in a copy of the study, so that what is refused costs no writing; NSGA-II
        keeps in the study itself which generation a trial belongs to.
        """
        from optuna.trial import TrialState

        attempts = self.attempts()
        before = next((a.values for a in attempts if a.number == number), None)
        if self._grid:
            before = self._grid[number - 1]
        if before is not None:
            return self._ask(self._study, _given(before))
        learns = sum(a.state == "done" for a in attempts) >= STARTUP
        study, said = self._study, ""
        if self.search.plan.method != "nsga2":
            study = self._copy()
        for draw in range(MOST_TRIES):
            sampler = self._sampler(number, draw, learns and draw < MOST_LEARNT_TRIES)
            trial = self._ask(study, sampler)
            said = refusal(dict(trial.params))
            if not said and study is self._study:
                return trial
            if not said:
                return self._ask(self._study, _given(dict(trial.params)))
            trial.set_constraint("costs", 1.0)  # the sampler is to learn where not to look
            study.tell(trial, state=TrialState.PRUNED)
        raise UsageError(
            f"trial {number}: {MOST_TRIES} draws in a row were refused, the last one because "
            f"{said}; vary within narrower ranges, or allow more"
        )

    def _copy(self) -> OptunaStudy:
        """The study with all its trials, in memory."""
        import optuna

        with _quiet():
            copy = optuna.create_study(directions=self._study.directions)
            copy.add_trials(self._study.get_trials(deepcopy=False))
        return copy

    def _ask(self, study: OptunaStudy, sampler: BaseSampler) -> Trial:
        study.sampler = sampler
        with _quiet():
            return study.ask(self._distributions)

    def _sampler(self, number: int, draw: int, learns: bool) -> BaseSampler:
        """What draws values: they follow from seed, trial and draw, and where it `learns` from the
        trials that are done, so that it doesn't matter who asks.
        """
        from optuna import samplers

        text = f"{self.search.plan.seed} {number} {draw}"
        seed = int.from_bytes(sha256(text.encode()).digest()[:4], "big")
        plan = self.search.plan
        if plan.method == "tpe" and learns:
            return samplers.TPESampler(seed=seed)
        if plan.method == "nsga2" and draw < MOST_LEARNT_TRIES:
            population = min(50, max(LEAST_POPULATION, plan.trials // GENERATIONS))
            return samplers.NSGAIISampler(seed=seed, population_size=population)
        return samplers.RandomSampler(seed=seed)


def _pruner(search: Search) -> BasePruner:
    """What compares trials epoch by epoch, and says which are hopeless."""
    from optuna import pruners

    match search.plan.prune:
        case "median":
            return pruners.MedianPruner(n_startup_trials=STARTUP // 2)
        case "halving":
            return pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2)
        case "hyperband":
            varied = any(parameter.keyword == "epochs" for parameter in search.parameters)
            epochs = search.config({}).training.epochs
            most = "auto" if varied else max(epochs, 2)
            return pruners.HyperbandPruner(1, most, reduction_factor=2)
        case None:
            return pruners.NopPruner()


def _open(folder: SearchFolder, search: Search) -> OptunaStudy:
    """The study in the folder's journal, a new one where there is none. Raises UsageError."""
    try:
        import optuna
        from optuna.storages import journal
    except ModuleNotFoundError as e:
        raise UsageError(
            f"a search needs Optuna, and {e.name} is not installed: pip install 'cnndsl[search]'"
        ) from None
    lock = FileLock(folder.locks / "journal")
    _mend(folder.journal, lock)
    backend: Any = journal.JournalFileBackend
    directions: Any = ["minimize" if o.falls else "maximize" for o in search.objectives]
    try:
        with _quiet():
            return optuna.create_study(
                storage=journal.JournalStorage(backend(str(folder.journal), lock)),
                study_name=NAME,
                directions=directions,
                load_if_exists=True,
            )
    except (LookupError, ValueError, TypeError, AttributeError, AssertionError) as e:
        raise UsageError(f"`{folder.journal}` is damaged: {str(e)[:100]}") from None


def check_installed() -> None:
    """Raise UsageError where Optuna isn't installed."""
    from importlib.util import find_spec

    if find_spec("optuna") is None:
        raise UsageError("a search needs Optuna: pip install 'cnndsl[search]'")


def _mend(path: Path, lock: FileLock) -> None:
    """Cut off a last line that was being written when its process died. Raises OSError."""
    with lock:
        if not path.is_file():
            return
        with path.open("r+b") as file:
            content = file.read()
            if content and not content.endswith(b"\n"):
                file.truncate(content.rfind(b"\n") + 1)


@contextmanager
def _quiet() -> Generator[None]:
    """Keep Optuna from telling what it does: that is for its own users."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(before)


def _distributions(parameters: Sequence[Parameter]) -> dict[str, BaseDistribution]:
    """What is varied in Optuna's words."""
    from optuna import distributions

    found: dict[str, BaseDistribution] = {}
    for parameter in parameters:
        domain = parameter.domain
        if isinstance(domain, Choices):
            chosen = distributions.CategoricalDistribution(domain.values)
        elif isinstance(domain.low, int) and isinstance(domain.high, int):
            step = int(domain.step or 1)
            chosen = distributions.IntDistribution(domain.low, domain.high, domain.log, step)
        else:
            chosen = distributions.FloatDistribution(
                domain.low, domain.high, domain.log, domain.step
            )
        found[parameter.name] = chosen
    return found


def _given(values: Values) -> BaseSampler:
    """A sampler that draws nothing: it gives these values."""
    from optuna.samplers import BaseSampler

    class Given(BaseSampler):
        def infer_relative_search_space(
            self, study: OptunaStudy, trial: FrozenTrial
        ) -> dict[str, BaseDistribution]:
            return {}

        def sample_relative(
            self,
            study: OptunaStudy,
            trial: FrozenTrial,
            search_space: dict[str, BaseDistribution],
        ) -> dict[str, Any]:
            return {}

        def sample_independent(
            self,
            study: OptunaStudy,
            trial: FrozenTrial,
            param_name: str,
            param_distribution: BaseDistribution,
        ) -> Value:
            return values[param_name]

    return Given()


def _attempt(trial: FrozenTrial) -> Attempt:
    """An attempt as the journal has it."""
    number, _ = trial.user_attrs[_CLAIM]
    about = trial.user_attrs.get(_OUTCOME, {})
    state: State = about.get("state", "lost") if trial.state.is_finished() else "running"
    judged = state in ("done", "pruned")
    if judged and not trial.values:  # its process died between two lines
        state = "lost"
    objectives = tuple(trial.values or ()) if judged else ()
    values, figures = dict(trial.params), about.get("figures", {})
    return Attempt(number, values, state, objectives, figures, about.get("said", ""))
