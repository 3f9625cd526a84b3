"""`cnndsl weights inspect`: what is in a file of weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cnndsl.cli.output import echo, terminal_width
from cnndsl.printing import json_text, printable

if TYPE_CHECKING:
    from cnndsl.weights.tensors import TensorFile

VERSION = 1


@click.command(short_help="List a file's tensors, and what it says of pictures and classes.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True
)
def command(file: Path, form: str) -> None:
    """List the tensors in FILE: names, shapes in the file's own layout, types, sizes.

    Below stand how pictures are prepared and what the classes are called, where the file says so.
    Only tables of contents are read, so that it takes a moment for files of any size.
    """
    from cnndsl.weights.opening import open_tensors

    found = open_tensors(file)
    if form == "json":
        echo(json_text(as_data(found), indent=2))
    else:
        echo(as_text(found))


def as_data(found: TensorFile) -> dict[str, Any]:
    """The answer for programs."""
    return {
        "version": VERSION,
        "file": str(found.path),
        "format": found.format,
        "bytes": found.bytes,
        "numbers": sum(t.size for t in found.tensors.values()),
        "tensors": [
            {"name": t.name, "shape": t.shape, "type": t.type, "numbers": t.size}
            for t in found.tensors.values()
        ],
        "preprocessing": found.preprocessing.as_dict() if found.preprocessing else None,
        "labels": found.labels,
        "notes": found.notes,
    }


def as_text(found: TensorFile) -> str:
    """The answer for people."""
    from cnndsl.show.figures import grouped, size
    from cnndsl.show.table import UNLIMITED, Column, full_width, give_way, text_row, widths

    columns = [
        Column("tensor", least=20),
        Column("shape", "right", least=10),
        Column("type"),
        Column("numbers", "right"),
    ]
    rows = [
        [t.name, "x".join(map(str, t.shape)) or "one", t.type, grouped(t.size)]
        for t in found.tensors.values()
    ]
    fitted = give_way(columns, widths(columns, rows), terminal_width() or UNLIMITED)
    total = sum(t.size for t in found.tensors.values())
    count = f"{len(rows):,} tensor{'s' * (len(rows) != 1)}"
    lines = [
        text_row(columns, [c.title for c in columns], fitted),
        "─" * full_width(fitted),
        *(text_row(columns, row, fitted) for row in rows),
        "",
        f"{found.path}: {found.format}, {count}, {grouped(total)} numbers, {size(found.bytes)}",
        *_said(found),
    ]
    return "\n".join(map(printable, lines))


def _said(found: TensorFile) -> list[str]:
    lines = list(found.notes)
    if found.preprocessing:
        lines.append(f"pictures: {found.preprocessing.describe()}")
    if found.labels:
        first = ", ".join(label[:40] for label in found.labels[:4])
        more = ", …" if len(found.labels) > 4 else ""
        lines.append(f"{len(found.labels):,} classes: {first}{more}")
    return lines
