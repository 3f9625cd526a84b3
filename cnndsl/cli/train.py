"""`cnndsl train`: a spec learns from data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cnndsl.cli.durations import read_duration
from cnndsl.cli.loading import allow_missing_option
from cnndsl.cli.options import read_inputs, read_settings, spec_options
from cnndsl.cli.output import downloading
from cnndsl.cli.pictures import given_fields, picture_options
from cnndsl.cli.train_options import FOLDER, read_rates, screen, train_options
from cnndsl.diagnostics import UsageError

if TYPE_CHECKING:
    from cnndsl.training.config import Config
    from cnndsl.training.running import Outcome
    from cnndsl.training.settings import Options

OTHER_NAMES = {"lr": "learning_rate", "ema": "average", "unfreeze": "stages"}
"""Options that are short on the command line, and their names everywhere else."""


@click.command(short_help="Train a net on data.")
@spec_options
@train_options()
@allow_missing_option
@click.option(
    "--runs", type=FOLDER, default="runs", show_default=True, help="Where run folders are made."
)
@click.option("--name", help="The run's name; by default the spec's.")
@picture_options
@click.pass_context
def command(
    context: click.Context,
    spec: str,
    settings: tuple[str, ...],
    inputs: tuple[str, ...],
    runs: Path,
    name: str | None,
    **values: Any,
) -> None:
    """Train SPEC (or an .onnx model, from the weights in it) on data, and keep everything in a new
    folder under runs/.

    Ctrl-C stops it between two steps; `cnndsl resume` goes on from there, to the same bits.
    """
    from cnndsl.training.running import begin

    config = read_config(spec, read_settings(settings), values)
    shown = screen(values, config.training.epochs, config.training.batch)
    outcome = begin(
        config,
        shown,
        root=runs,
        name=name,
        inputs=read_inputs(inputs),
        pictures=given_fields(values),
        progress=downloading,
    )
    end(context, outcome, values["assert_accuracy"])


def read_config(
    spec: str, settings: dict[str, int | float | str], values: dict[str, Any]
) -> Config:
    """The options as a configuration; those about the end may be missing. Raises UsageError."""
    from cnndsl.training.settings import configure

    return configure(spec, values["data"], **read_options(settings, values))


def read_options(settings: dict[str, int | float | str], values: dict[str, Any]) -> Options:
    """The command line's options as those of a training; what isn't given is None."""
    from cnndsl.training.settings import Options

    limit, every = values.get("time_limit"), values.get("checkpoint_every")
    options: Any = {
        **{name: values.get(name) for name in Options.__annotations__},
        **{name: values[word] for word, name in OTHER_NAMES.items()},
        "settings": settings,
        "learning_rates": read_rates(values["lr_of"]),
        "time_limit": read_duration(limit, "--time-limit") if limit else None,
        "checkpoint_every": read_duration(every, "--checkpoint-every") if every else None,
    }
    return {name: value for name, value in options.items() if value is not None}  # pyright: ignore


def end(context: click.Context, outcome: Outcome, wanted: float | None) -> None:
    """The exit code: 128 + the signal where it was interrupted, 1 where it isn't good enough."""
    if outcome.signal is not None:
        context.exit(128 + outcome.signal)
    if wanted is None:
        return
    found = outcome.accuracy
    if found is None:
        raise UsageError("--assert-accuracy is for nets with classes, and data to judge them on")
    if 100 * found < wanted:
        raise UsageError(f"the accuracy is {100 * found:.2f} %, and {wanted:g} % was asked for")
