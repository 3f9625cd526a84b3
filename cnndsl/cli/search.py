"""`cnndsl search`: many trainings of a net, each with other values of what is varied."""

from __future__ import annotations

import click

from cnndsl.cli.listed import Listed

BEGIN = "begin"
SEARCHES = {
    BEGIN: "Search; the word may be left out, as in `cnndsl search lenet5 --vary …`.",
    "resume": "Go on with a search that stopped.",
    "show": "Show the trials of a search, the best first.",
    "best": "Print the folder of the best trial's run.",
    "work": "Do trials of a search beside its other workers.",
}
"""Every subcommand with its one-line help; `search_NAME.py` holds it."""


class Searches(Listed):
    """What is no command is the net of a new search, or an option of one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in (*SEARCHES, *ctx.help_option_names):
            args = [BEGIN, *args]
        return super().parse_args(ctx, args)


@click.group(
    cls=Searches,
    listed=SEARCHES,
    prefix="search_",
    short_help="Train a net many times, to find good settings.",
)
def command() -> None:
    """Train a net many times with other settings, and find the best ones.

    cnndsl search lenet5 --vary lr=1e-4..1e-1:log --vary batch=16,32,64 --trials 20

    `cnndsl search begin --help` lists the options; all those of `cnndsl train` are among them.
    """
