"""What commands print: the only place where text leaves for a terminal.

Results go to stdout, remarks, errors and progress to stderr.
"""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from cnndsl.diagnostics import Diagnostic, UsageError
from cnndsl.files import replaced
from cnndsl.printing import coloured, is_live, printable
from cnndsl.source import Source

NEWLINE = "\n"
WIDTH = 100  # where a terminal doesn't say its own
NARROWEST = 60  # columns that a table needs


def echo(text: object, *, err: bool = False) -> None:
    """Print a text of one or more lines, without what a terminal would act on."""
    click.echo(printable(str(text), NEWLINE), err=err)


def echo_line(text: object, *, err: bool = False) -> None:
    """Print one line; a name in it that holds an end of line doesn't break it."""
    click.echo(printable(str(text)), err=err)


def echo_styled(text: str, *, err: bool = False) -> None:
    """Print a text whose parts are printable, and that is coloured where `coloured` allows it."""
    click.echo(text, err=err, color=True)


def echo_content(text: str) -> None:
    """Print what belongs into a file, such as a spec: as it is, but for a terminal."""
    click.echo(printable(text, "\n\t") if sys.stdout.isatty() else text, nl=False)


def echo_diff(source: Source, text: str, how: str) -> None:
    """Print what changes where a source becomes another text."""
    from difflib import unified_diff

    before, after = source.text.splitlines(True), text.splitlines(True)
    lines = unified_diff(before, after, source.name, f"{source.name} ({how})")
    echo_content("".join(line if line.endswith("\n") else f"{line}\n" for line in lines))


def echo_error(text: object) -> None:
    """Print an error in one line."""
    echo_line(f"error: {text}", err=True)


def echo_diagnostic(diagnostic: Diagnostic) -> None:
    """Print a finding with its place."""
    echo_styled(diagnostic.render(coloured(sys.stderr)), err=True)


def write_output(path: Path, text: str) -> None:
    """Write a text that was asked for by -o, whole or not at all. Raises UsageError, OSError."""
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder `{path.parent}` to write `{path.name}` into")
    with replaced(path) as file:
        file.write(f"{printable(text, NEWLINE)}\n".encode())


def terminal_width() -> int | None:
    """The columns of the terminal that stdout is; None for files and pipes, which take any."""
    if not sys.stdout.isatty():
        return None
    return max(os.get_terminal_size(sys.stdout.fileno()).columns or WIDTH, NARROWEST)


@contextmanager
def counted(label: str, count: int, *, hidden: bool = False) -> Generator[Callable[[int], None]]:
    """Show a bar on stderr, where that is a terminal, and give what is called with steps done."""
    hidden = hidden or not is_live(sys.stderr)
    with click.progressbar(
        length=count, label=printable(label), file=sys.stderr, hidden=hidden
    ) as bar:
        yield bar.update


def downloading(name: str, done: int, total: int) -> None:
    """Show on stderr, where that is a terminal, how much of a file is there."""
    if is_live(sys.stderr):
        text = f"\r{printable(name)}: {done / 1e6:.1f} of {total / 1e6:.1f} MB"
        click.echo(text, nl=done == total, err=True)


def csv_row(cells: Sequence[str]) -> str:
    """A line of a CSV, without its end."""
    row = io.StringIO()
    csv.writer(row, lineterminator="").writerow(map(printable, cells))
    return row.getvalue()
