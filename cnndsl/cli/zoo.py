"""`cnndsl zoo`: the nets that come with cnndsl."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from cnndsl import resources
from cnndsl.cli.listed import Group
from cnndsl.cli.output import echo, echo_content, terminal_width
from cnndsl.diagnostics import UsageError
from cnndsl.printing import json_text

if TYPE_CHECKING:  # `zoo show` starts without the parser
    from cnndsl.analyse import Totals
    from cnndsl.network import Network

VERSION = 1
WIDTH = 100
DESCRIPTION_END = re.compile(r', "|, arXiv|;|\.\s+[A-Z]|\.$')
"""A spec's first comment names the net and its authors, then the paper's title and figures."""


FORMAT = click.option(
    "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True
)


@click.group(
    cls=Group,
    invoke_without_command=True,
    short_help="List the nets that come with cnndsl, or print one.",
)
@FORMAT
@click.pass_context
def command(context: click.Context, form: str) -> None:
    """List the nets that come with cnndsl, with their figures.

    A net's name works wherever a path does: `cnndsl report vgg16`. `cnndsl zoo show NAME` prints
    its spec; `cnndsl zoo` alone does the same as `cnndsl zoo list`.
    """
    if context.invoked_subcommand is None:
        context.invoke(list_, form=form)


@command.command("list")
@FORMAT
def list_(form: str) -> None:
    """List the nets, with their figures."""
    echo(_as_json() if form == "json" else _as_table())


@command.command()
@click.argument("name")
def show(name: str) -> None:
    """Print a net's spec."""
    try:
        path = resources.zoo_path(name)
    except LookupError as e:
        raise UsageError(str(e.args[0])) from None
    echo_content(path.read_text(encoding="utf-8"))


def description(text: str) -> str:
    """What a spec's first comment says before the title of its paper."""
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith("#"):
            lines.append(line[1:].strip())
        elif lines:
            break
    comment = " ".join(lines)
    end = DESCRIPTION_END.search(comment)
    return comment[: end.start()] if end else comment


def _as_json() -> str:
    from cnndsl.show.data import sizes

    nets = [
        {
            "name": name,
            "network": network.name,
            "description": described,
            "settings": dict(network.settings),
            "inputs": [{"name": i.name, "shape": sizes(i.shape)} for i in network.inputs],
            "params": totals.params,
            "macs": totals.macs,
        }
        for name, described, network, totals in _nets()
    ]
    return json_text({"version": VERSION, "nets": nets}, indent=2)


def _as_table() -> str:
    from cnndsl.show.figures import scaled
    from cnndsl.show.table import Column, full_width, give_way, text_row, widths

    columns = [
        Column("net"),
        Column("params", "right"),
        Column("MACs", "right"),
        Column("input"),
        Column("", least=20),
    ]
    rows: list[list[str]] = []
    for name, described, network, totals in _nets():
        inputs, counted = _at_usual_size(name, network, totals)
        rows.append([name, scaled(totals.params), scaled(counted.macs), inputs, described])
    found = give_way(columns, widths(columns, rows), terminal_width() or WIDTH)
    return "\n".join(
        [
            text_row(columns, [c.title for c in columns], found),
            "─" * full_width(found),
            *(text_row(columns, row, found) for row in rows),
            "",
            "params: trained numbers",
            "MACs: multiply-adds of convolutions and dense layers, for one example",
            "HxW: any size; the MACs are at the one behind it",
        ]
    )


def _nets() -> Iterator[tuple[str, str, Network, Totals]]:
    """Name, description, network and totals of every net."""
    from cnndsl.analyse import analyse
    from cnndsl.specs import find, load

    for name in resources.zoo_names():
        source = find(name)
        network, _ = load(source)
        yield name, description(source.text), network, analyse(network).totals


def _at_usual_size(name: str, network: Network, totals: Totals) -> tuple[str, Totals]:
    """How a net's inputs are written, and its totals: at a usual size where it leaves one open."""
    from cnndsl.analyse import analyse
    from cnndsl.show.report import open_sizes, usual_inputs
    from cnndsl.specs import find, load

    shown = " ".join(str(i.shape) for i in network.inputs)
    if not open_sizes(network):
        return shown, totals
    shapes = usual_inputs(network)
    fixed, _ = load(find(name), {}, shapes)
    sizes = " ".join("x".join(map(str, shape.space)) for shape in shapes.values())
    return f"{shown} at {sizes}", analyse(fixed).totals
