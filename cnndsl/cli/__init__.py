"""The command line: one small file a command, loaded when it is called."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from typing import Any

import click

from cnndsl.cli.guard import exit_status, interrupted
from cnndsl.cli.listed import Listed
from cnndsl.cli.misuse import reworded
from cnndsl.cli.output import echo_diagnostic, echo_error, echo_line
from cnndsl.diagnostics import SpecError, UsageError
from cnndsl.files import described

# Pydantic would look through all that is installed for plugins; that takes time, and we use none.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

COMMANDS = {
    "check": "Check a spec, and that it stays within limits.",
    "compare": "Put nets, variants of one, or runs side by side.",
    "compile": "Write a spec as an ONNX model.",
    "cut": "Write a part of a model as a model of its own.",
    "data": "Check a data set, and show what augmentation makes of it.",
    "eval": "Judge a trained model on data.",
    "explain": "Explain a diagnostic's code, or a layer.",
    "features": "Write what a layer makes of pictures to a file.",
    "fmt": "Write specs in the canonical form.",
    "help": "Show the help of a command.",
    "import": "Turn an ONNX model into a spec with its weights.",
    "lint": "Say what somebody with experience would mention about a spec.",
    "look": "Show what a net looks at in pictures, its maps and kernels.",
    "lr-find": "Find a learning rate.",
    "predict": "Name the classes of pictures.",
    "report": "Show every layer's shape, parameters and cost.",
    "resume": "Go on with a training that stopped.",
    "run": "Run a model on images or arrays.",
    "runs": "List what trainings left behind.",
    "sample": "Make pictures with a trained autoencoder.",
    "search": "Train a net many times, to find good settings.",
    "show": "Print any stage between the text and the ONNX model.",
    "train": "Train a net on data.",
    "transfer": "Make a net for other data of a trained one.",
    "weights": "Look into files of weights, convert, fetch and fit them.",
    "zoo": "List the nets that come with cnndsl, or print one.",
}
"""Every command with its one-line help; the module of the same name holds it."""


class Commands(Listed):
    """All commands; turns errors into messages."""

    def main(self, args: Any = None, *rest: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        if not standalone_mode:
            return super().main(args, *rest, standalone_mode=False, **extra)
        run = super().main
        given = sys.argv[1:] if args is None else args
        sys.exit(exit_status(lambda: run(args, *rest, **extra), given))

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as e:
            raise reworded(e, str(info_name)) from None
        except KeyboardInterrupt:  # click would print a word of its own
            raise SystemExit(interrupted()) from None

    def invoke(self, ctx: click.Context) -> object:
        try:
            _speak_unicode()
            return super().invoke(ctx)
        except SpecError as e:
            for diagnostic in e.diagnostics:
                echo_diagnostic(diagnostic)
            count = len(e.diagnostics)
            echo_line(f"{count} error{'s' * (count != 1)}", err=True)
        except click.UsageError as e:
            raise reworded(e, f"{ctx.command_path} {ctx.invoked_subcommand}") from None
        except UsageError as e:
            echo_error(e)
        except KeyboardInterrupt:
            ctx.exit(interrupted())
        except OSError as e:
            echo_error(described(e))
        ctx.exit(1)


def _speak_unicode() -> None:
    """Let bars and minus signs be printed everywhere: files and pipes get UTF-8, which JSON and
    pages need; a terminal of another encoding gets `?` for what it doesn't know. Names of files
    that are no UTF-8 are written with escapes.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            if stream.isatty() and stream.encoding.lower() not in ("utf-8", "utf8"):
                stream.reconfigure(errors="replace")
            else:
                stream.reconfigure(encoding="utf-8", errors="backslashreplace")


@click.command(
    cls=Commands, listed=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(package_name="cnndsl")
def main() -> None:
    """Write convolutional networks as on a whiteboard; check, count, compile and run them.

    A SPEC is a .cnn file or the name of a net in the zoo (`cnndsl zoo`).
    """
