"""The verbs of learning: `train`, `resume`, `search`, `transfer`; `runs` for what they leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Unpack

from cnndsl.training.callbacks import Callback, Callbacks

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from cnndsl.runs import Runs
    from cnndsl.searching.options import Method, Prune
    from cnndsl.searching.parameters import Value
    from cnndsl.searching.running import SearchOutcome
    from cnndsl.training.running import Outcome
    from cnndsl.training.settings import Options, TrialOptions


Arrays = tuple["ArrayLike", "ArrayLike"]
"""Pictures N×H×W, N×H×W×C or N×C×H×W, and a class or a number for each."""


def train(
    spec: str | Path | None = None,
    data: str | Path | Arrays | Mapping[str, Arrays] | None = None,
    *,
    config: Path | str | None = None,
    runs: Path | str = "runs",
    name: str | None = None,
    quiet: bool = False,
    callbacks: Sequence[Callback] = (),
    **options: Unpack[Options],
) -> Outcome:
    """Train a spec (its path or zoo name) or an .onnx model on data, and keep the run in a folder.

    `data` is what `--data` takes, arrays (pictures, classes), or such a pair by `train`, `val` and
    `test`. Arrays are written into `runs`, so that the run can go on.

    `options` are all that `cnndsl train` takes; what isn't given is that of `config`, the
    config.toml of a run, which may name spec and data too, else the default recipe chooses it. The
    outcome tells the folder, the accuracy and how it went; `callbacks` are told meanwhile. Raises
    UsageError, SpecError.
    """
    from cnndsl.training.config import read_config
    from cnndsl.training.running import begin
    from cnndsl.training.settings import configure

    base = None if config is None else read_config(Path(config))
    place = None if data is None else _place(data, Path(runs))
    whole = configure(spec, place, base, **options)
    return begin(whole, _told(quiet, callbacks), root=Path(runs), name=name)


def resume(
    run: Path | str,
    *,
    data: Path | str | None = None,
    quiet: bool = False,
    callbacks: Sequence[Callback] = (),
) -> Outcome:
    """Go on with the training in a run's folder; `data` is where its data is now, if it has moved.

    Raises UsageError.
    """
    from cnndsl.transfer.running import resume as resume_run

    place = None if data is None else str(data)
    return resume_run(Path(run), _told(quiet, callbacks), data=place)


def search(
    spec: str | Path | None = None,
    data: str | Path | Arrays | Mapping[str, Arrays] | None = None,
    *,
    vary: Mapping[str, str | Sequence[Value]],
    method: Method = "tpe",
    trials: int | None = None,
    time_limit: float | None = None,
    objectives: Sequence[str] = (),
    prune: Prune | None = None,
    seeds: int = 1,
    max_params: int | None = None,
    max_macs: int | None = None,
    max_memory: int | None = None,
    workers: int = 1,
    config: Path | str | None = None,
    runs: Path | str = "runs",
    name: str | None = None,
    quiet: bool = False,
    callbacks: Sequence[Callback] = (),
    **options: Unpack[TrialOptions],
) -> SearchOutcome:
    """Train a spec many times with other values of what is varied, and keep all runs in a folder.

    `vary` has values by the names of the net's parameters and of options: a text as on the command
    line ("16..64:step=16"), or a list. `options` are those of `train`, for every trial; trial k is
    the same for the same seed. No trial begins after `time_limit` seconds; nets that cost more than
    the limits allow aren't trained (`max_memory` in bytes of a training step). `objectives` are any
    figures of a run; several make a Pareto front. `prune` stops trials that others beat after as
    many epochs. With several `seeds` a trial is as many runs, and its figures are means. Several
    `workers` are processes of their own; `callbacks` are told how each
    training goes where there is one. Raises UsageError, SpecError.
    """
    from cnndsl.searching.reporting import Reporter, TableReporter
    from cnndsl.searching.request import request
    from cnndsl.searching.running import begin
    from cnndsl.training.config import read_config

    whole = request(
        None if spec is None else str(spec),
        None if data is None else str(_place(data, Path(runs))),
        vary,
        base=None if config is None else read_config(Path(config)),
        options=options,
        method=method,
        trials=trials,
        time_limit=time_limit,
        objectives=tuple(objectives) or None,
        prune=prune,
        seeds=seeds,
        max_params=max_params,
        max_macs=max_macs,
        max_memory=max_memory,
    )
    return begin(
        whole,
        Reporter() if quiet else TableReporter(),
        root=Path(runs),
        name=name,
        workers=workers,
        callback=Callbacks(*callbacks),
    )


def transfer(
    model: str | Path,
    data: str | Path | Arrays | Mapping[str, Arrays],
    *,
    strategy: Literal["auto", "features", "last", "full", "gradual", "scratch"] = "auto",
    head: Literal["linear", "mlp", "logistic"] = "linear",
    at: str | None = None,
    pool: Literal["none", "mean", "max"] = "mean",
    similar: bool = True,
    runs: Path | str = "runs",
    name: str | None = None,
    quiet: bool = False,
    callbacks: Sequence[Callback] = (),
    **options: Unpack[Options],
) -> Outcome:
    """Make a net for other data of a trained one, and keep the run in a folder.

    `model` is an .onnx file, the folder of a run, or a spec with a file of `weights`. `options`
    are those of `train` where the strategy's own aren't wanted. Raises UsageError, SpecError.
    """
    from cnndsl.transfer.requests import Request
    from cnndsl.transfer.running import begin

    given = {name: value for name, value in options.items() if value is not None}
    place = str(_place(data, Path(runs)))
    request = Request(str(model), place, strategy, head, at, pool, similar, given)
    return begin(request, _told(quiet, callbacks), root=Path(runs), name=name)


def runs(folder: str | Path = "runs") -> Runs:
    """Read the runs below a folder, or the one that it is: configurations, epochs, best scores.

    They are in the order of their names, `sorted_by` puts them into another; `to_pandas` makes a
    table. What is no run, or is damaged, is in `problems`. Raises UsageError where there is no such
    folder.
    """
    from cnndsl.runs import find_runs

    return find_runs(Path(folder))


def _told(quiet: bool, callbacks: Sequence[Callback]) -> Callback:
    """Who is told how a training goes. Raises TypeError for what is no Callback."""
    from cnndsl.training.screen import Table

    return Callbacks(*callbacks) if quiet else Callbacks(Table(), *callbacks)


def _place(data: str | Path | Arrays | Mapping[str, Arrays], runs: Path) -> str | Path:
    """Where data lies; arrays are put into a file first. Raises UsageError."""
    if isinstance(data, str | Path):
        return data
    from cnndsl.data.given import keep

    return keep(data if isinstance(data, Mapping) else {"train": data}, runs)
