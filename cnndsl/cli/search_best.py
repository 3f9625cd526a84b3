"""`cnndsl search best`: the folder of the best trial's run."""

from __future__ import annotations

from pathlib import Path

import click

from cnndsl.cli.output import echo_line
from cnndsl.diagnostics import UsageError


@click.command(short_help="Print the folder of the best trial's run.")
@click.argument("folder", type=click.Path(path_type=Path))
def command(folder: Path) -> None:
    """Print the folder of the best run of the search in FOLDER, for other commands: `cnndsl eval
    $(cnndsl search best FOLDER)`.
    """
    from cnndsl.searching.running import show

    best = show(folder).best
    if best is None:
        raise UsageError(f"no trial of `{folder}` is done yet")
    if not best.is_dir():
        raise UsageError(f"the best trial's run, `{best}`, is there no more")
    echo_line(best)
