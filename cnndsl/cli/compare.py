"""`cnndsl compare`: nets, or variants of one, side by side; or runs and their curves."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from cnndsl.analyse import analyse
from cnndsl.cli.options import find_net, load_spec
from cnndsl.cli.output import echo, echo_line, terminal_width
from cnndsl.cli.quantities import read_bytes
from cnndsl.diagnostics import UsageError
from cnndsl.network import Network
from cnndsl.show import compare as nets

FORMATS = {
    "table": nets.as_text,
    "md": nets.as_markdown,
    "csv": nets.as_csv,
    "json": nets.as_json,
}


@click.command(short_help="Put nets, variants of one, or runs side by side.")
@click.argument("given", nargs=-1, required=True, metavar="SPEC[:NAME=VALUE,…]… | RUN…")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="For all specs.")
@click.option("--input", "inputs", multiple=True, metavar="[NAME=]SHAPE", help="For all specs.")
@click.option(
    "--format", "form", type=click.Choice(list(FORMATS)), default="table", show_default=True
)
@click.option(
    "--batch", type=click.IntRange(1, 1 << 20), help="Of specs, for memory.  [default: 1]"
)
@click.option("--memory", metavar="16GB", help="Of specs: the largest batches that fit into it.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw the curves of runs: a page as .html, or an .svg or .png.",
)
@click.option(
    "--over",
    type=click.Choice(["epochs", "time"]),
    default="epochs",
    show_default=True,
    help="What curves go over.",
)
def command(
    given: tuple[str, ...],
    settings: tuple[str, ...],
    inputs: tuple[str, ...],
    form: str,
    batch: int | None,
    memory: str | None,
    output: Path | None,
    over: Literal["epochs", "time"],
) -> None:
    """Put nets, or variants of one, side by side, with ratios to the first; or runs, with means
    over those that differ in their seed alone.

    A variant stands behind a colon: `cnndsl compare vgg16 vgg16:classes=10`. A value with an @ is
    an input's shape: `cnndsl compare vgg16 vgg16:3@448x448`. An .onnx model is a net too, and so is
    a run beside specs. A RUN is the folder of one, or a folder with runs in it.

    \b
      cnndsl compare runs/lenet5-001 runs/lenet5-002
      cnndsl compare runs/kernels -o kernels.html
    """
    others = [name for name in given if not _holds_runs(name)]
    if not others:
        if settings or inputs or batch or memory:
            raise UsageError("--set, --input, --batch and --memory are for specs, not for runs")
        return _compare_runs(given, form, output, over)
    if output or over != "epochs":
        raise UsageError(f"-o and --over are for the curves of runs, and `{others[0]}` is none")
    limit = read_bytes(memory, "--memory") if memory else None
    first = dict.fromkeys([*others, *given])  # what is neither net nor run is named first
    loaded = {net: analyse(_load(net, settings, inputs)) for net in first}
    if len(given) < 2:
        raise UsageError("a comparison needs two nets or more: `cnndsl compare vgg16 resnet50`")
    sides = [nets.Side(net, loaded[net], batch or 1, limit, memory or "") for net in given]
    if form == "table" and (width := terminal_width()):
        return echo(nets.as_text(sides, width))
    echo(FORMATS[form](sides))


def _holds_runs(given: str) -> bool:
    """Whether that is the folder of a run, or one with runs in it."""
    from cnndsl.runs.collection import holds_runs

    return holds_runs(Path(given))


def _compare_runs(
    given: tuple[str, ...], form: str, output: Path | None, over: Literal["epochs", "time"]
) -> None:
    from cnndsl.runs import comparison_table as tables
    from cnndsl.runs import find_runs
    from cnndsl.runs.comparison import compared
    from cnndsl.runs.comparison_page import write_comparison
    from cnndsl.show.table import UNLIMITED

    found = [find_runs(Path(folder)) for folder in given]
    for problem in (problem for runs in found for problem in runs.problems):
        echo_line(f"note: {problem}", err=True)
    runs = {run.folder.path.resolve(): run for each in found for run in each}
    comparison = compared([*runs.values()])
    for note in comparison.notes:
        echo_line(f"note: {note}", err=True)
    match form:
        case "table":
            echo(tables.as_text(comparison, terminal_width() or UNLIMITED))
        case "md":
            echo(tables.as_markdown(comparison))
        case "csv":
            echo(tables.as_csv(comparison))
        case _:
            echo(tables.as_json(comparison))
    if output:
        write_comparison(comparison, output, over)
        echo_line(f"curves: {output}", err=True)


def _load(spec: str, settings: tuple[str, ...], inputs: tuple[str, ...]) -> Network:
    """The net of `vgg16:classes=10,3@64x64`; what stands there goes before the options."""
    name, colon, variant = spec.rpartition(":")
    if not colon or Path(spec).exists() or not ("=" in variant or "@" in variant):
        return _net(spec, settings, inputs)
    values = variant.split(",")
    shapes = tuple(value for value in values if "@" in value)
    others = tuple(value for value in values if "@" not in value)
    return _net(name, (*settings, *others), (*inputs, *shapes))


def _net(spec: str, settings: tuple[str, ...], inputs: tuple[str, ...]) -> Network:
    """The net of a spec, a model, or a run."""
    if _holds_runs(spec):
        from cnndsl.training.folder import RunFolder

        run = RunFolder(Path(spec))
        found = next((path for path in (run.network, run.model) if path.is_file()), None)
        if found is None:
            raise UsageError(f"`{spec}` is a folder: name a spec, a model, or one run in it")
        spec = str(found)
    return load_spec(find_net(spec), settings, inputs)
