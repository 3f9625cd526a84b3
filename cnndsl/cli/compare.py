"""`cnndsl compare`: nets, or variants of one, side by side."""

from __future__ import annotations

from pathlib import Path

import click

from cnndsl.analyse import analyse
from cnndsl.cli.options import find_net, load_spec
from cnndsl.cli.output import echo, terminal_width
from cnndsl.cli.quantities import read_bytes
from cnndsl.diagnostics import UsageError
from cnndsl.network import Network
from cnndsl.show.compare import Side, as_csv, as_json, as_markdown, as_text

FORMATS = {"table": as_text, "md": as_markdown, "csv": as_csv, "json": as_json}


@click.command(short_help="Put nets, or variants of one, side by side.")
@click.argument("specs", nargs=-1, required=True, metavar="SPEC[:NAME=VALUE,…]…")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="For all of them.")
@click.option("--input", "inputs", multiple=True, metavar="[NAME=]SHAPE", help="For all of them.")
@click.option(
    "--format", "form", type=click.Choice(list(FORMATS)), default="table", show_default=True
)
@click.option(
    "--batch", type=click.IntRange(1, 1 << 20), default=1, show_default=True, help="For memory."
)
@click.option("--memory", metavar="16GB", help="Show the largest batches that fit into it.")
def command(
    specs: tuple[str, ...],
    settings: tuple[str, ...],
    inputs: tuple[str, ...],
    form: str,
    batch: int,
    memory: str | None,
) -> None:
    """Put nets, or variants of one, side by side, with ratios to the first.

    A variant stands behind a colon: `cnndsl compare vgg16 vgg16:classes=10`. A value with an @ is
    an input's shape: `cnndsl compare vgg16 vgg16:3@448x448`. An .onnx model is a net too.
    """
    if len(specs) < 2:
        raise UsageError("a comparison needs two nets or more: `cnndsl compare vgg16 resnet50`")
    limit = read_bytes(memory, "--memory") if memory else None
    sides = [
        Side(spec, analyse(_load(spec, settings, inputs)), batch, limit, memory or "")
        for spec in specs
    ]
    if form == "table" and (width := terminal_width()):
        return echo(as_text(sides, width))
    echo(FORMATS[form](sides))


def _load(spec: str, settings: tuple[str, ...], inputs: tuple[str, ...]) -> Network:
    """The net of `vgg16:classes=10,3@64x64`; what stands there goes before the options."""
    name, colon, variant = spec.rpartition(":")
    if not colon or Path(spec).exists() or not ("=" in variant or "@" in variant):
        return load_spec(find_net(spec), settings, inputs)
    values = variant.split(",")
    shapes = tuple(value for value in values if "@" in value)
    others = tuple(value for value in values if "@" not in value)
    return load_spec(find_net(name), (*settings, *others), (*inputs, *shapes))
