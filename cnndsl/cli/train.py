"""`cnndsl train`: a spec learns from data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cnndsl.cli.options import read_inputs, read_settings, spec_settings
from cnndsl.cli.output import downloading
from cnndsl.cli.pictures import given_fields, picture_options
from cnndsl.cli.train_options import FOLDER, USUAL_DATA, option, screen, train_options
from cnndsl.diagnostics import UsageError

if TYPE_CHECKING:
    from cnndsl.training.config import Config
    from cnndsl.training.running import Outcome
    from cnndsl.training.settings import Options


@click.command(short_help="Train a net on data.")
@click.argument("spec", required=False)
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Begin with a run's config.toml; SPEC and options that are given replace its own.",
)
@spec_settings
@train_options()
@option("allow-missing")
@click.option(
    "--runs", type=FOLDER, default="runs", show_default=True, help="Where run folders are made."
)
@click.option("--name", help="The run's name; by default the spec's.")
@picture_options
@click.pass_context
def command(
    context: click.Context,
    spec: str | None,
    config: Path | None,
    runs: Path,
    name: str | None,
    **values: Any,
) -> None:
    """Train SPEC (or an .onnx model, from the weights in it) on data, and keep everything in a new
    folder under runs/.

    Ctrl-C stops it between two steps; `cnndsl resume` goes on from there, to the same bits.
    """
    from cnndsl.training.running import begin

    whole = read_config(spec, values, config)
    shown = screen(values)
    outcome = begin(whole, shown, root=runs, name=name, progress=downloading)
    end(context, outcome, values["assert_accuracy"])


def read_config(spec: str | None, values: Mapping[str, Any], base: Path | None = None) -> Config:
    """The options as a configuration, over that in the file `base`. Raises UsageError."""
    from cnndsl.training import config
    from cnndsl.training.settings import configure

    start = config.read_config(base) if base else None
    data = values["data"] or (None if start else USUAL_DATA)
    return configure(spec, data, start, **read_options(values))


def read_options(values: Mapping[str, Any]) -> Options:
    """The command line's options as those of a training, without those that aren't given."""
    from cnndsl.training.settings import Options

    options: Any = {
        **{name: values.get(name) for name in Options.__annotations__},
        "settings": read_settings(values["settings"]),
        "input_shapes": read_inputs(values["inputs"]),
        "preprocessing": given_fields(values),
    }
    # What may be given several times is empty where it isn't given, and a flag is False.
    missing = {name for name, v in options.items() if v is None or v is False or v == ()}
    return {name: v for name, v in options.items() if name not in missing}  # pyright: ignore


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
