"""`cnndsl search begin`: a search in a new folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cnndsl.cli.durations import read_duration
from cnndsl.cli.options import spec_settings
from cnndsl.cli.output import downloading
from cnndsl.cli.pictures import picture_options
from cnndsl.cli.quantities import read_bytes, read_count
from cnndsl.cli.train import read_options
from cnndsl.cli.train_options import (
    DATA,
    DEVICE,
    FOLDER,
    FROM_SCRATCH,
    POSITIVE,
    RECIPE,
    START,
    USUAL_DATA,
    Field,
    option,
    options,
)
from cnndsl.diagnostics import UsageError
from cnndsl.searching.options import METHODS, PRUNERS, TRIALS

if TYPE_CHECKING:
    from cnndsl.searching.reporting import Reporter
    from cnndsl.searching.running import SearchOutcome

SEARCH = (
    click.option(
        "--vary",
        multiple=True,
        metavar="NAME=VALUES",
        help="A parameter of the net or an option: width=16,32,64, lr=1e-4..1e-2:log, "
        "batch=16..64:step=16. Once or more.",
    ),
    click.option(
        "--method",
        cls=Field,
        type=click.Choice(METHODS),
        otherwise="tpe",
        help="grid: every combination; random; tpe: where good trials were; nsga2: for several "
        "objectives, by generations.",
    ),
    click.option(
        "--trials",
        cls=Field,
        type=POSITIVE,
        otherwise=f"{TRIALS}; the whole of a grid",
        help="How many trainings.",
    ),
    click.option(
        "--seeds",
        cls=Field,
        type=POSITIVE,
        otherwise="1",
        help="Train each trial with so many seeds; figures are means.",
    ),
    click.option("--time-limit", metavar="10m", help="No trial begins after so long."),
    click.option(
        "--objective",
        "objectives",
        multiple=True,
        metavar="NAME",
        help="What trials are judged by: val_top1, val_loss, test_top1, params, seconds …; by "
        "default what the best epoch is chosen by. Several make a Pareto front.",
    ),
    click.option(
        "--prune",
        type=click.Choice(PRUNERS),
        help="Stop trials that others beat after as many epochs.",
    ),
)
LIMITS = (
    click.option("--max-params", metavar="5M", help="The most trained parameters of a net."),
    click.option("--max-macs", metavar="300M", help="The most multiply-adds for one example."),
    click.option("--max-memory", metavar="16GB", help="The most memory of a training step."),
)
MORE = (option("patience"), option("checkpoint-every"), option("allow-missing"))
WORKERS = (
    click.option(
        "--workers", type=POSITIVE, default=1, show_default=True, help="Processes that do trials."
    ),
)
REPORTS = (
    click.option("-q", "--quiet", is_flag=True, help="Nothing but errors."),
    click.option("--json", "as_json", is_flag=True, help="A JSON object a line."),
)


READERS = {
    "time_limit": read_duration,
    "max_params": read_count,
    "max_macs": read_count,
    "max_memory": read_bytes,
}
"""How amounts are read that people write with a unit."""

PLAN = ("method", "trials", "objectives", "prune", "seeds", *READERS)


@click.command(short_help="Search.")
@click.argument("spec", required=False)
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Begin with a run's config.toml; SPEC and options that are given replace its own.",
)
@options(SEARCH, LIMITS)
@spec_settings
@options(DATA, FROM_SCRATCH, RECIPE, START, MORE, DEVICE)
@options(WORKERS, REPORTS)
@click.option(
    "--runs", type=FOLDER, default="runs", show_default=True, help="Where folders are made."
)
@click.option("--name", help="The search's name; by default the spec's.")
@picture_options
@click.pass_context
def command(
    context: click.Context, spec: str | None, config: Path | None, runs: Path, **values: Any
) -> None:
    """Train SPEC once for each trial, with the values that are varied, and keep everything in a
    new folder under runs/: a run for each trial, and the leaderboard.

    SPEC may be a search.toml, which says what is tried; options that are given replace its own.

    Ctrl-C stops it; `cnndsl search resume` goes on.
    """
    from cnndsl.searching.request import request
    from cnndsl.searching.running import begin
    from cnndsl.training.config import read_config

    written = None
    if spec and Path(spec).suffix == ".toml":
        from cnndsl.searching.file import read_file

        written, spec = read_file(Path(spec)), None
    given = read_options(values | {"time_limit": None})
    if written:
        given = with_written(given, written.options)
    data = values["data"] or (written.data if written else None)
    search = request(
        written.spec if written else spec,
        data or (None if config else USUAL_DATA),
        {**(written.vary if written else {}), **read_vary(values["vary"])},
        base=read_config(config) if config else None,
        options=given,
        **read_plan(values, written.plan if written else {}),
    )
    outcome = begin(
        search,
        reporter(values),
        root=runs,
        name=values["name"],
        workers=values["workers"],
        progress=downloading,
    )
    end(context, outcome)


def with_written(options: Mapping[str, Any], written: Mapping[str, Any]) -> dict[str, Any]:
    """A file's options, under those of the command line."""
    found = {**written, **{name: value for name, value in options.items() if value != {}}}
    if isinstance(settings := written.get("settings"), dict):
        found["settings"] = {**settings, **options.get("settings", {})}
    return found


def read_plan(values: Mapping[str, Any], written: Mapping[str, Any]) -> dict[str, Any]:
    """How the search is done: what a file says, under the options that are given.

    Raises UsageError.
    """
    given = {name: values[name] for name in PLAN if values[name] not in (None, ())}
    plan = {"trials": None, **written, **given}
    for name, read in READERS.items():
        if isinstance(text := plan.get(name), str):
            plan[name] = read(text, f"--{name.replace('_', '-')}")
    return plan


def read_vary(texts: Sequence[str]) -> dict[str, str]:
    """`width=16,32` as a name and its values. Raises UsageError."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, values = text.partition("=")
        if not equals or not name.strip() or not values.strip():
            raise UsageError(f"`--vary {text}` isn't written --vary NAME=VALUES, as in lr=0.01,0.1")
        if name.strip() in found:
            raise UsageError(f"--vary names `{name.strip()}` twice")
        found[name.strip()] = values
    return found


def reporter(values: Mapping[str, Any]) -> Reporter:
    """Who is told how the search goes, as --quiet and --json ask for."""
    from cnndsl.searching.reporting import JsonReporter, Reporter, TableReporter

    if values["as_json"]:
        return JsonReporter()
    return Reporter() if values["quiet"] else TableReporter()


def end(context: click.Context, outcome: SearchOutcome) -> None:
    """The exit code: 128 + the signal where it was interrupted, 1 where no trial is done."""
    if outcome.signal is not None:
        context.exit(128 + outcome.signal)
    if outcome.best is None and all(trial.state != "running" for trial in outcome.trials):
        context.exit(1)
