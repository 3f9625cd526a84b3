"""`cnndsl report`: every layer's shape, parameters and cost, and the totals."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import click

from cnndsl.analyse import analyse
from cnndsl.cli.options import find_net, load_spec, read_inputs, read_settings, spec_options
from cnndsl.cli.output import echo, echo_styled, terminal_width, write_output
from cnndsl.cli.quantities import read_bytes
from cnndsl.diagnostics import SpecError, UsageError
from cnndsl.network import Network
from cnndsl.printing import coloured
from cnndsl.show.report import Report, open_sizes, report, taken_sizes, usual_inputs
from cnndsl.source import Source
from cnndsl.specs import load

FORMATS = ("table", "md", "csv", "json", "html")
SUFFIXES = {".txt": "table", **{f".{form}": form for form in FORMATS[1:]}}
"""Formats that the name of the file given by -o asks for."""
FOR_PROGRAMS = ("csv", "json")
"""Formats in which nothing stands that the spec doesn't say."""


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
@click.option(
    "--open", "leave_open", is_flag=True, help="Leave open sizes open; csv and json always do."
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
    leave_open: bool,
    layer: str | None,
) -> None:
    """Show every layer's shape, parameters and cost.

    SPEC is a .cnn file, the name of a net in the zoo, an .onnx model, or - for standard input.
    Every format says what its figures mean. Where the spec leaves sizes open, usual ones are taken
    for people to look at, and named; what depends on a size that is left open is `?`.
    """
    if output is not None and layer is not None:
        raise UsageError("--explain prints one layer's arithmetic: it doesn't go with -o")
    limit = read_bytes(memory, "--memory") if memory else None
    source = find_net(spec)
    network, taken = load_spec(source, settings, inputs), ""
    if output is not None and form is None:
        form = SUFFIXES.get(output.suffix.lower())
        if form is None:
            raise UsageError(
                f"a report goes to {', '.join(SUFFIXES)}, and `{output}` is none of these; "
                f"--format says what another one holds"
            )
    if layer is None and not leave_open and form not in FOR_PROGRAMS and open_sizes(network):
        network, taken = _with_usual_sizes(network, source, settings, inputs)
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
        taken=taken,
    )
    if output is not None:
        assert form is not None
        write_output(output, _rendered(made, form))
    elif form in (None, "table"):
        print_table(made)
    else:
        echo(_rendered(made, form))


def _with_usual_sizes(
    network: Network, source: Source, settings: tuple[str, ...], inputs: tuple[str, ...]
) -> tuple[Network, str]:
    """The network with usual sizes for open ones, and what to say of them; the network as it is
    where it can't have them.
    """
    shapes = {**read_inputs(inputs), **usual_inputs(network)}
    shapes.pop("", None)  # an input that was given without its name is among the others
    try:
        fixed, _ = load(source, read_settings(settings), shapes)
    except SpecError:
        return network, ""
    return fixed, taken_sizes(network)


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

            return as_page(made).rstrip("\n")
        case _:
            from cnndsl.show.terminal import render

            return render(made, whole=True)
