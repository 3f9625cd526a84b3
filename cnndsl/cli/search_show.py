"""`cnndsl search show`: the trials of a search, the best first."""

from __future__ import annotations

from pathlib import Path

import click

from cnndsl.cli.output import echo, echo_line


@click.command(short_help="Show the trials of a search.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--page", is_flag=True, help="Write search.html anew, as at a search's end.")
def command(folder: Path, page: bool) -> None:
    """Show the trials of the search in FOLDER that are done, the best first."""
    from cnndsl.searching.leaderboard import as_text
    from cnndsl.searching.running import show

    outcome = show(folder, page)
    echo(as_text(outcome.search, outcome.ranked))
    echo("")
    echo_line(outcome)
