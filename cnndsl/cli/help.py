"""`cnndsl help`: the help of a command, as `--help` shows it."""

from __future__ import annotations

import click

from cnndsl.cli.output import echo
from cnndsl.diagnostics import UsageError


@click.command(short_help="Show the help of a command.")
@click.argument("names", nargs=-1, metavar="[COMMAND]…")
@click.pass_context
def command(context: click.Context, names: tuple[str, ...]) -> None:
    """Show the help of COMMAND, or the list of all commands.

    `cnndsl help weights map` is `cnndsl weights map --help`; `cnndsl explain` explains layers,
    words of the language and diagnostics.
    """
    shown = context.find_root()
    for name in names:
        group = shown.command
        if not isinstance(group, click.Group):
            raise UsageError(f"`{shown.command_path}` has no commands below it, such as `{name}`")
        _, found, _ = group.resolve_command(shown, [name])
        assert found is not None
        shown = click.Context(found, info_name=name, parent=shown)
    echo(shown.get_help())
