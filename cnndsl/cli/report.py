"""`cnndsl report`: every layer's shape, parameters and cost, and the totals."""

from __future__ import annotations

import os
import sys
from functools import partial

import click

from cnndsl.analyse import analyse
from cnndsl.cli.options import load_spec, spec_options
from cnndsl.cli.quantities import read_bytes
from cnndsl.network import Network
from cnndsl.show.report import Report, report

FORMATS = ("table", "md", "csv", "json", "html")
NARROWEST = 60


@click.command(short_help="Show every layer's shape, parameters and cost.")
@spec_options
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="csv, md and html have more columns, json has everything.",
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
    form: str,
    batch: int,
    memory: str | None,
    depth: int | None,
    layer: str | None,
) -> None:
    """Show every layer's shape, parameters and cost.

    SPEC is a .cnn file, the name of a net in the zoo, or - for standard input. Every format says
    what its figures mean; what depends on a size that isn't fixed is `?`.
    """
    limit = read_bytes(memory, "--memory") if memory else None
    network = load_spec(spec, settings, inputs)
    if layer is not None:
        from cnndsl.show.explain import explain

        return click.echo(explain(analyse(network), layer))
    made = report(
        analyse(network),
        place(network),
        batch=batch,
        limit=limit,
        limit_text=memory or "",
        depth=depth,
    )
    click.echo(_rendered(made, form))


def place(network: Network) -> str:
    """Where the net was read."""
    return network.inputs[0].origin.span.source.name


def print_table(made: Report) -> str:
    """The report as a terminal shows it: as wide as that is, and in colour."""
    from cnndsl.show.terminal import WIDTH, Style, render

    if not sys.stdout.isatty():
        return render(made)
    width = max(os.get_terminal_size(sys.stdout.fileno()).columns or WIDTH, NARROWEST)
    style = Style(
        bold=partial(click.style, bold=True),
        dim=partial(click.style, dim=True),
        bar=partial(click.style, fg="cyan"),
    )
    return render(made, width, style)


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
            return print_table(made)
