"""The command line: one small file a command, loaded when it is called."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from io import TextIOWrapper

import click

from cnndsl.diagnostics import SpecError, UsageError, did_you_mean

# Pydantic would look through all that is installed for plugins; that takes time, and we use none.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

COMMANDS = {
    "check": "Check a spec, and that it stays within limits.",
    "compare": "Put nets, or variants of one, side by side.",
    "compile": "Write a spec as an ONNX model.",
    "data": "Check a data set, and show what augmentation makes of it.",
    "eval": "Judge a trained model on data.",
    "explain": "Explain a diagnostic's code, or a layer.",
    "fmt": "Write specs in the canonical form.",
    "lr-find": "Find a learning rate.",
    "predict": "Name the classes of pictures.",
    "report": "Show every layer's shape, parameters and cost.",
    "resume": "Go on with a training that stopped.",
    "run": "Run a model on images or arrays.",
    "show": "Print any stage between the text and the ONNX model.",
    "train": "Train a net on data.",
    "zoo": "List the nets that come with cnndsl, or print one.",
}
"""Every command with its one-line help; the module of the same name holds it."""


class Commands(click.Group):
    """Loads a command's module when the command is called, and turns errors into messages."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return import_module(f"cnndsl.cli.{cmd_name.replace('-', '_')}").command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            hint = did_you_mean(args[0], COMMANDS, "`cnndsl --help` lists them")
            raise click.UsageError(f"there is no command `{args[0]}`; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        _speak_unicode()
        try:
            return super().invoke(ctx)
        except SpecError as e:
            colour = sys.stderr.isatty()
            for diagnostic in e.diagnostics:
                click.echo(diagnostic.render(colour), err=True)
            count = len(e.diagnostics)
            click.echo(f"{count} error{'s' * (count != 1)}", err=True)
        except UsageError as e:
            click.echo(f"error: {e}", err=True)
        except (BrokenPipeError, KeyboardInterrupt):
            raise
        except OSError as e:
            what = f"`{e.filename}`: " if e.filename else ""
            click.echo(f"error: {what}{e.strerror or e}", err=True)
        ctx.exit(1)


def _speak_unicode() -> None:
    """Let bars and minus signs be printed everywhere: files and pipes get UTF-8, which JSON and
    pages need; a terminal of another encoding gets `?` for what it doesn't know.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and stream.encoding.lower() not in ("utf-8", "utf8"):
            if stream.isatty():
                stream.reconfigure(errors="replace")
            else:
                stream.reconfigure(encoding="utf-8")


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cnndsl")
def main() -> None:
    """Write convolutional networks as on a whiteboard; check, count, compile and run them.

    A SPEC is a .cnn file or the name of a net in the zoo (`cnndsl zoo`).
    """
