"""`cnndsl lr-find`: a learning rate for a net and its data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cnndsl.cli.options import spec_options
from cnndsl.cli.output import counted, echo
from cnndsl.cli.train import read_config
from cnndsl.cli.train_options import DATA, DEVICE, FROM_SCRATCH, RECIPE, START, options

WIDTH = 40


@click.command("lr-find", short_help="Find a learning rate.")
@spec_options
@options(DATA, FROM_SCRATCH, RECIPE, START, DEVICE)
@click.option("--steps", type=click.IntRange(min=20), default=200, show_default=True)
@click.option("--from", "low", type=float, default=1e-6, show_default=True, help="First rate.")
@click.option("--to", "high", type=float, default=10.0, show_default=True, help="Last rate.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The curve, as a .csv or .svg.",
)
@click.option("-q", "--quiet", is_flag=True, help="The rate alone.")
def command(
    spec: str,
    steps: int,
    low: float,
    high: float,
    output: Path | None,
    quiet: bool,
    **values: Any,
) -> None:
    """Let the learning rate grow from step to step, and see where the loss of SPEC falls fastest.

    The options are those of `cnndsl train`: the rate depends on optimiser and batch too.
    """
    from cnndsl.training.lr_range import judged, range_test
    from cnndsl.training.running import assemble

    with assemble(read_config(spec, values)) as training:
        training.start()
        curve: list[tuple[float, float]] = []
        with counted("looking", steps, hidden=quiet) as progress:
            for point in range_test(training, steps, low, high):
                curve.append(point)
                progress(1)
    found = judged(curve)
    if output:
        _write(output, curve, found.steepest)
    if not quiet:
        for line in _lines(curve, found.steepest, found.lowest):
            echo(line)
    echo(f"{found.steepest:.2g}")


def _lines(curve: list[tuple[float, float]], steepest: float, lowest: float) -> list[str]:
    """The curve in a few bars, and what it says."""
    step = max(1, len(curve) // 20)
    highest = max(loss for _, loss in curve)
    lines = [
        f"{rate:>9.1e}  {'█' * round(WIDTH * loss / highest):<{WIDTH}}  {loss:.4f}"
        for rate, loss in curve[::step]
    ]
    return [
        *lines,
        f"the loss falls fastest at {steepest:.2g} and is lowest at {lowest:.2g}",
        "a good peak for one-cycle or cosine lies between the first and a third of the second:",
    ]


def _write(path: Path, curve: list[tuple[float, float]], steepest: float) -> None:
    from math import log10

    from cnndsl.training.folder import write_csv, write_text
    from cnndsl.training.report.chart import Chart, Line, svg
    from cnndsl.training.report.page import standalone

    if path.suffix.lower() != ".svg":
        rows = [{"lr": rate, "loss": loss} for rate, loss in curve]
        write_csv(path, ["lr", "loss"], rows)
        return
    points = tuple((log10(rate), loss) for rate, loss in curve)
    line = Line("loss", points, 2)
    mark = (log10(steepest), f"{steepest:.2g}")
    chart = Chart(
        "loss over the learning rate",
        "learning rate, as a power of ten",
        "loss",
        (line,),
        lambda v: f"{v:.3g}",
        mark,
    )
    write_text(path, standalone(svg(chart)))
