"""`cnndsl report`: every layer's shape, parameters and cost, and the totals."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import click

from cnndsl.analyse import analyse
from cnndsl.cli.options import load_spec, spec_options
from cnndsl.cli.output import echo, echo_styled, terminal_width, write_output
from cnndsl.cli.quantities import read_bytes
from cnndsl.diagnostics import UsageError
from cnndsl.network import Network
from cnndsl.printing import coloured
from cnndsl.show.report import Report, report

FORMATS = ("table", "md", "csv", "json", "html")
SUFFIXES = {".txt": "table", **{f".{form}": form for form in FORMATS[1:]}}
"""Formats that the name of the file given by -o asks for."""


@click.command(short_help="Show every layer's shape, parameters and cost.")
@spec_options
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="csv, md and html have more columns, json has everything. By default a table, or what "
    "the suffix of -o says.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A file instead of the screen: .txt, .md, .csv, .json or .html.",
)
@click.option(
    "--batch", type=click.IntRange(1, 1 << 20), default=1, show_default=True, help="For memory."
)
@click.option("--memory", metavar="16GB", help="Show the largest batch that fits into it.")
@click.option(
    "--depth", type=click.IntRange(1, 64), metavar="N", help="Fold blocks to names of N parts."
)
@click.option("--explain", "layer", metavar="LAYER", help="Print one layer's arithmetic.")
def command(
    spec: str,
    settings: tuple[str, ...],
    inputs: tuple[str, ...],
    form: str | None,
    output: Path | None,
    batch: int,
    memory: str | None,
    depth: int | None,
    layer: str | None,
) -> None:
    """Show every layer's shape, parameters and cost.

    SPEC is a .cnn file, the name of a net in the zoo, or - for standard input. Every format says
    what its figures mean; what depends on a size that isn't fixed is `?`.
    """
    if output is not None and layer is not None:
        raise UsageError("--explain prints one layer's arithmetic: it doesn't go with -o")
    limit = read_bytes(memory, "--memory") if memory else None
    network = load_spec(spec, settings, inputs)
    if layer is not None:
        from cnndsl.show.explain import explain

        return echo(explain(analyse(network), layer))
    made = report(
        analyse(network),
        place(network),
        batch=batch,
        limit=limit,
        limit_text=memory or "",
        depth=depth,
    )
    if output is not None:
        form = form or SUFFIXES.get(output.suffix.lower())
        if form is None:
            raise UsageError(
                f"a report goes to {', '.join(SUFFIXES)}, and `{output}` is none of these; "
                f"--format says what another one holds"
            )
        write_output(output, _rendered(made, form))
    elif form in (None, "table"):
        print_table(made)
    else:
        echo(_rendered(made, form))


def place(network: Network) -> str:
    """Where the net was read."""
    return network.inputs[0].origin.span.source.name


def print_table(made: Report) -> None:
    """Print the report as wide as the terminal is, and in colour where that is wanted."""
    from cnndsl.show.terminal import WIDTH, Style, render

    style = Style()
    if coloured(sys.stdout):
        style = Style(
            bold=partial(click.style, bold=True),
            dim=partial(click.style, dim=True),
            bar=partial(click.style, fg="cyan"),
        )
    width = terminal_width()
    echo_styled(render(made, width or WIDTH, style, whole=width is None))


def _rendered(made: Report, form: str) -> str:
    """Formats are loaded when they are asked for."""
    match form:
        case "json":
            from cnndsl.show.data import as_json

            return as_json(made)
        case "csv":
            from cnndsl.show.columns import as_csv

            return as_csv(made).rstrip("\n")
        case "md":
            from cnndsl.show.columns import as_markdown

            return as_markdown(made)
        case "html":
            from cnndsl.show.page import as_page

            return as_page(made)
        case _:
            from cnndsl.show.terminal import render

            return render(made, whole=True)
