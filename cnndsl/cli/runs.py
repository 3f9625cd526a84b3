"""`cnndsl runs`: the runs below a folder, a line each."""

from __future__ import annotations

from pathlib import Path

import click

from cnndsl.cli.output import echo, echo_line, terminal_width
from cnndsl.cli.train_options import FOLDER
from cnndsl.diagnostics import UsageError


@click.command(short_help="List what trainings left behind.")
@click.argument("folder", type=FOLDER, default="runs")
@click.option(
    "--sort", "column", metavar="COLUMN", help="By score, the best first; or by any other column."
)
@click.option("--reverse", is_flag=True, help="The other way round.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
)
def command(folder: Path, column: str | None, reverse: bool, form: str) -> None:
    """List the runs below FOLDER (by default runs/) with their scores, sizes and times, and the
    choices in which they differ.

    Columns are called as in CSV and JSON, choices as on the command line: --sort val_loss, --sort
    lr. `cnndsl compare RUN RUN` draws the curves of runs into one plot.

    \b
      cnndsl runs --sort score
      cnndsl runs runs/kernels --format csv > runs.csv
    """
    from cnndsl.runs import find_runs, listing
    from cnndsl.show.table import UNLIMITED

    runs = find_runs(folder)
    for problem in runs.problems:
        echo_line(f"note: {problem}", err=True)
    if not runs:
        raise UsageError(f"there are no runs below `{folder}`: `cnndsl train lenet5` makes one")
    if column or reverse:
        runs = runs.sorted_by(column or "run", reverse=reverse)
    if form == "table":
        echo(listing.as_text(runs, folder, terminal_width() or UNLIMITED))
    else:
        echo(listing.as_csv(runs) if form == "csv" else listing.as_json(runs))
