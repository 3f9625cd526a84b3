"""Groups of commands that load a command's module only when it is called."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from cnndsl.cli.misuse import Misuse
from cnndsl.diagnostics import did_you_mean


class Group(click.Group):
    """Commands below a command; an unknown one is answered with what was probably meant."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if args and args[0] not in known and not args[0].startswith("-"):
            hint = did_you_mean(args[0], known, f"`{ctx.command_path} --help` lists them")
            raise Misuse(f"`{ctx.command_path}` has no command `{args[0]}`", hint, ctx)
        return super().resolve_command(ctx, args)


class Listed(Group):
    """Commands with their one-line helps; `cnndsl.cli.MODULE` holds each, where MODULE is `prefix`
    and the command's name, with `_` for `-`.
    """

    def __init__(self, *, listed: Mapping[str, str], prefix: str = "", **attributes: Any):
        super().__init__(**attributes)
        self.listed, self.prefix = listed, prefix

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.listed)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.listed:
            return None
        return import_module(f"cnndsl.cli.{self.prefix}{cmd_name.replace('-', '_')}").command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self.listed.items()))
