"""`cnndsl search work`: one more worker for a search that is going on."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import click

from cnndsl.cli.durations import read_duration
from cnndsl.cli.search_begin import REPORTS, reporter
from cnndsl.cli.train_options import POSITIVE, options


@click.command(short_help="Do trials of a search beside its other workers.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--threads", type=POSITIVE, help="For a training; by default all cores.")
@click.option("--time-limit", metavar="10m", help="No trial begins after so long.")
@click.option("--attached", is_flag=True, hidden=True, help="End when standard input does.")
@options(REPORTS)
@click.pass_context
def command(context: click.Context, folder: Path, **values: Any) -> None:
    """Do trials of the search in FOLDER until there are none left, beside other workers, of which
    each has another trial. Workers on other machines must see FOLDER and the data at the same
    paths.
    """
    from cnndsl.searching.running import resume

    if values["attached"]:
        threading.Thread(target=_end_with_input, daemon=True).start()
    limit = values["time_limit"]
    outcome = resume(
        folder,
        reporter(values),
        threads=values["threads"],
        time_limit=read_duration(limit, "--time-limit") if limit else None,
    )
    if outcome.signal is not None:
        context.exit(128 + outcome.signal)


def _end_with_input() -> None:
    """Wait until nobody can write to standard input any more, then ask this process to stop."""
    while os.read(0, 1024):  # sys.stdin's lock would be held when the interpreter ends
        pass
    os.kill(os.getpid(), signal.SIGTERM)
