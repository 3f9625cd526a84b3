"""`cnndsl weights map`: where each tensor of a file goes in a net."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cnndsl.cli.loading import allow_missing_option, belongings
from cnndsl.cli.options import load_spec, spec_options
from cnndsl.cli.output import downloading, echo, terminal_width
from cnndsl.printing import json_text, printable

if TYPE_CHECKING:
    from cnndsl.weights import Mapping
    from cnndsl.weights.mapping import Entry


@click.command("map", short_help="Show where each tensor of a file goes in a net.")
@spec_options
@click.argument("file")
@allow_missing_option
@click.option("--training", is_flag=True, help="The side chains of training are needed as well.")
@click.option(
    "--names",
    type=click.Path(path_type=Path),
    metavar="PAIRS",
    help="A file of pairs, one a line: a step of SPEC, and FILE's layer or tensor for it.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the weights by SPEC's own names, as .safetensors.",
)
@click.option(
    "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True
)
@click.pass_context
def command(
    context: click.Context,
    spec: str,
    settings: tuple[str, ...],
    inputs: tuple[str, ...],
    file: str,
    allow_missing: tuple[str, ...],
    training: bool,
    names: Path | None,
    output: Path | None,
    form: str,
) -> None:
    """Show where each tensor of FILE (or of known weights) goes in SPEC, before anything is used.

    A tensor is named (by PAIRS), exact, renamed, by order or adapted (and how); missing or unused
    is what found no partner. The exit status is 1 where something is missing that the net needs,
    and then nothing is written.
    """
    from cnndsl.weights.fetch import open_weights
    from cnndsl.weights.mapping import fit
    from cnndsl.weights.mapping.pairs import read_pairs
    from cnndsl.weights.writing import write_mapping

    network = load_spec(spec, settings, inputs)
    opened = open_weights(file, downloading)
    pairs = read_pairs(names) if names else ()
    mapping = fit(network, opened, allow_missing=allow_missing, training=training, pairs=pairs)
    if form == "json":
        echo(json_text(as_data(mapping), indent=2))
    else:
        echo(as_text(mapping))
    if output is not None and not mapping.lacking:
        write_mapping(mapping, network, output)
    context.exit(1 if mapping.lacking else 0)


def as_data(mapping: Mapping) -> dict[str, Any]:
    """Everything, for programs."""
    how = mapping.file.preprocessing
    return {
        "file": str(mapping.file.path),
        "format": mapping.file.format,
        "counts": mapping.counts,
        "tensors": [
            {
                "verdict": entry.verdict,
                "parameter": entry.parameter,
                "shape": entry.shape,
                "from": [{"name": t.name, "shape": t.shape, "type": t.type} for t in entry.tensors],
                "note": entry.note,
                "required": entry.required,
            }
            for entry in mapping.entries
        ],
        "notes": [*mapping.notes, *([mapping.obstacle] if mapping.obstacle else [])],
        "preprocessing": how.as_dict() if how else None,
        "labels": mapping.file.labels,
    }


def as_text(mapping: Mapping) -> str:
    """A table with a line for each tensor, and the totals."""
    from cnndsl.show.table import UNLIMITED, Column, full_width, give_way, text_row, widths

    columns = [Column("verdict"), Column("parameter"), Column("shape"), Column("tensor", least=20)]
    rows = [_row(entry) for entry in mapping.entries]
    found = give_way(columns, widths(columns, rows), terminal_width() or UNLIMITED)
    changes = [
        f"{entry.parameter or entry.tensors[0].name}: {entry.note}"
        for entry in mapping.entries
        if entry.note
    ]
    lines = [
        text_row(columns, [c.title for c in columns], found),
        "─" * full_width(found),
        *(text_row(columns, row, found) for row in rows),
        "",
        *changes,
        *mapping.notes,
        *([mapping.obstacle] if mapping.obstacle else []),
        *belongings(mapping.file),
        f"{mapping.file.path.name} ({mapping.file.format}): {mapping.summary()}",
    ]
    return "\n".join(map(printable, lines))


def _row(entry: Entry) -> list[str]:
    shape = "x".join(map(str, entry.shape)) or "1"
    tensors = " ".join(t.name for t in entry.tensors)
    return [entry.verdict, entry.parameter or "", shape, tensors]
