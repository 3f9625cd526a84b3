"""`cnndsl fmt`: specs in the canonical form."""

from __future__ import annotations

from pathlib import Path

import click

from cnndsl.cli.output import echo_content, echo_diagnostic, echo_diff, echo_error, echo_line
from cnndsl.diagnostics import SpecError, UsageError
from cnndsl.files import replaced
from cnndsl.source import Source
from cnndsl.specs import find, read
from cnndsl.syntax.parse import parse
from cnndsl.syntax.write import write

STDIN = "-"


@click.command(short_help="Write specs in the canonical form.")
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 where something would.")
@click.option("--diff", is_flag=True, help="Change nothing; show what would change.")
@click.pass_context
def command(context: click.Context, files: tuple[str, ...], check: bool, diff: bool) -> None:
    """Write specs in the canonical form; comments and blank lines stay, and so does the meaning.

    A FILE that is - is standard input, written to standard output. Files are replaced at once: no
    half a file is ever seen.
    """
    failed = False
    for name in files:
        try:
            changed = _format(name, check or diff, diff)
        except SpecError as e:
            for diagnostic in e.diagnostics:
                echo_diagnostic(diagnostic)
            failed = True
            continue
        except UsageError as e:
            echo_error(e)
            failed = True
            continue
        if changed and check:
            echo_line(f"{name} would change", err=True)
            failed = True
    if failed:
        context.exit(1)


def _format(name: str, keep: bool, diff: bool) -> bool:
    """Format one file; True where that changes it."""
    source = _source(name)
    formatted = write(parse(source))
    changed = formatted != source.text
    if diff:
        echo_diff(source, formatted, "formatted")
    if name == STDIN and not keep:
        echo_content(formatted)
    elif changed and not keep:
        with replaced(Path(name)) as file:
            file.write(formatted.encode("utf-8"))
        echo_line(f"{name} rewritten", err=True)
    return changed


def _source(name: str) -> Source:
    if name == STDIN:
        return find(STDIN)
    path = Path(name)
    if not path.is_file():
        raise UsageError(f"there is no file `{name}`")
    return read(path)
