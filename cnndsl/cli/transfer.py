"""`cnndsl transfer`: from a trained net to one for other data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cnndsl.cli.options import spec_settings
from cnndsl.cli.output import counted, downloading
from cnndsl.cli.pictures import picture_options
from cnndsl.cli.train import end, read_options
from cnndsl.cli.train_options import FOLDER, USUAL_DATA, chosen, screen, train_options

STRATEGIES = ["auto", "features", "last", "full", "gradual", "scratch"]
HEADS = ["linear", "mlp", "logistic"]
POOLS = ["none", "mean", "max"]
BY_STRATEGY = chosen(
    "30 for features and scratch, 10 for others",
    "32, or 16 where there are few pictures",
    "light, or none for features",
)


@click.command(short_help="Make a net for other data of a trained one.")
@click.argument("model")
@click.option(
    "--strategy",
    type=click.Choice(STRATEGIES),
    default="auto",
    show_default=True,
    help="What is trained: a head on stored features, head and last block, all, more and more.",
)
@click.option("--head", type=click.Choice(HEADS), default="linear", show_default=True)
@click.option("--at", metavar="LAYER", help="Put the new head on an earlier layer.")
@click.option(
    "--pool",
    type=click.Choice(POOLS),
    default="mean",
    show_default=True,
    help="What the head gets of that layer's maps: all values, or one of each.",
)
@click.option(
    "--similar/--different", default=True, help="Whether the data is like what the net knows."
)
@spec_settings
@train_options(BY_STRATEGY)
@click.option(
    "--runs", type=FOLDER, default="runs", show_default=True, help="Where run folders are made."
)
@click.option("--name", help="The run's name; by default the model's.")
@picture_options
@click.pass_context
def command(
    context: click.Context,
    model: str,
    strategy: Any,
    head: Any,
    at: str | None,
    pool: Any,
    similar: bool,
    runs: Path,
    name: str | None,
    **values: Any,
) -> None:
    """Take MODEL (a spec with --weights, an .onnx or a run with its own), give it a new head
    for the classes of the data, and train as the strategy has it.

    What the options of training don't say, the strategy chooses. Pictures are prepared as the
    weights want it. `cnndsl resume`, `eval` and `predict` take the run as any other.
    """
    from cnndsl.transfer.requests import Request
    from cnndsl.transfer.running import begin

    request = Request(
        model=model,
        data=values["data"] or USUAL_DATA,
        strategy=strategy,
        head=head,
        at=at,
        pool=pool,
        similar=similar,
        options=read_options(values),
    )

    outcome = begin(
        request,
        screen(values),
        root=runs,
        name=name,
        downloading=downloading,
        counting=counted,
    )
    end(context, outcome, values["assert_accuracy"])
