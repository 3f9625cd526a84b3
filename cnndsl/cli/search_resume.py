"""`cnndsl search resume`: a search goes on where it stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cnndsl.cli.search_begin import REPORTS, WORKERS, end, reporter
from cnndsl.cli.train_options import options


@click.command(short_help="Go on with a search that stopped.")
@click.argument("folder", type=click.Path(path_type=Path))
@options(WORKERS, REPORTS)
@click.pass_context
def command(context: click.Context, folder: Path, **values: Any) -> None:
    """Go on with the search in FOLDER: trials that weren't finished are done again."""
    from cnndsl.searching.running import resume

    end(context, resume(folder, reporter(values), workers=values["workers"]))
