"""`cnndsl resume`: a training goes on where it stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cnndsl.cli.durations import read_duration
from cnndsl.cli.train import end
from cnndsl.cli.train_options import POSITIVE, SCREEN, options, screen


@click.command(short_help="Go on with a training that stopped.")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--epochs", type=POSITIVE, help="Another number of epochs in all.")
@click.option("--time-limit", metavar="10m", help="Another limit, for the whole training.")
@click.option("--patience", type=click.IntRange(min=0), help="Another patience.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), help="Another device.")
@click.option("--data", help="Where the run's data is now, if it has moved.")
@click.option("--assert-accuracy", type=click.FloatRange(0, 100), help="Else fail, in percent.")
@options(SCREEN)
@click.pass_context
def command(context: click.Context, run: Path, **values: Any) -> None:
    """Go on with the training in the folder RUN, from its last checkpoint.

    Uninterrupted or not, a training ends at the same weights, bit by bit, on the same machine's
    CPU. With more epochs than planned it is another training: schedules stretch over all of them.
    """
    from cnndsl.transfer.running import resume

    changes = {name: values[name] for name in ("epochs", "patience", "device") if values[name]}
    if values["time_limit"]:
        changes["time_limit"] = read_duration(values["time_limit"], "--time-limit")
    outcome = resume(run, screen(values), data=values["data"], **changes)
    end(context, outcome, values["assert_accuracy"])
