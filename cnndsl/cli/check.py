"""`cnndsl check`: whether specs are right and stay within limits; for CI and editors."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import click

from cnndsl.analyse import Analysis, analyse
from cnndsl.cli.findings import echo_results, findings_format
from cnndsl.cli.options import read_inputs, read_settings
from cnndsl.cli.output import echo_diagnostic, echo_line
from cnndsl.cli.quantities import read_bytes, read_count
from cnndsl.diagnostics import Diagnostic, SpecError, UsageError
from cnndsl.network import Network
from cnndsl.printing import json_text
from cnndsl.shape import Shape
from cnndsl.source import Source, Span
from cnndsl.specs import find, load

VERSION = 1
Settings = dict[str, int | float | str]


@dataclass(frozen=True, slots=True)
class Limit:
    """The most that a figure may be; `text` is how the option put it."""

    name: str
    noun: str
    most: int
    text: str
    figure: Callable[[Analysis], int | None]


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found out about one spec: diagnostics, and figures beside their limits."""

    spec: str
    diagnostics: tuple[Diagnostic, ...]
    figures: tuple[tuple[Limit, int | None], ...] = ()
    summary: str = ""

    @property
    def is_fine(self) -> bool:
        """Whether there is no error; warnings are allowed."""
        return all(d.severity == "warning" for d in self.diagnostics)


@click.command(short_help="Check specs, and that they stay within limits.")
@click.argument("specs", nargs=-1, required=True, metavar="SPEC…")
@click.option("--max-params", metavar="5M", help="The most trained parameters.")
@click.option("--max-macs", metavar="300M", help="The most multiply-adds for one example.")
@click.option(
    "--max-memory", metavar="64MB", help="The most memory of inference, weights included."
)
@click.option(
    "--batch", type=click.IntRange(1, 1 << 20), default=1, show_default=True, help="For memory."
)
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="For all specs.")
@click.option("--input", "inputs", multiple=True, metavar="[NAME=]SHAPE", help="For all specs.")
@findings_format
@click.pass_context
def command(
    context: click.Context,
    specs: tuple[str, ...],
    max_params: str | None,
    max_macs: str | None,
    max_memory: str | None,
    batch: int,
    settings: tuple[str, ...],
    inputs: tuple[str, ...],
    form: str,
) -> None:
    """Check specs, and that they stay within limits.

    Exits with 1 where a spec has errors, is beyond a limit, or where a figure that has a limit
    isn't known because sizes aren't fixed (`--input 3@224x224` fixes them).
    """
    limits = read_limits(max_params, max_macs, max_memory, batch)
    given, shapes = read_settings(settings), read_inputs(inputs)
    results = [check(spec, given, shapes, limits) for spec in specs]
    echo_results(context, form, results, _as_json, _print)


def read_limits(
    params: str | None, macs: str | None, memory: str | None, batch: int
) -> tuple[Limit, ...]:
    """The limits that were given, as numbers; raises UsageError."""

    def inference(analysis: Analysis) -> int | None:
        found = analysis.memory(batch)
        return found.inference if found else None

    limits: list[Limit] = []
    if params is not None:
        most = read_count(params, "--max-params")
        limits.append(Limit("params", "parameters", most, params, lambda a: a.totals.params))
    if macs is not None:
        most = read_count(macs, "--max-macs")
        limits.append(Limit("macs", "multiply-adds", most, macs, lambda a: a.totals.macs))
    if memory is not None:
        most = read_bytes(memory, "--max-memory")
        noun = f"bytes at inference of batch {batch:,}"
        limits.append(Limit("inference_bytes", noun, most, memory, inference))
    return tuple(limits)


def check(
    spec: str | Source, settings: Settings, inputs: dict[str, Shape], limits: tuple[Limit, ...]
) -> Checked:
    """What is wrong with a spec, or beyond a limit."""
    name = spec if isinstance(spec, str) else spec.name
    try:
        source = find(spec) if isinstance(spec, str) else spec
        network, warnings = load(source, settings, inputs)
    except SpecError as e:
        return Checked(name, e.diagnostics)
    except UsageError as e:
        return Checked(name, (Diagnostic("unreadable-file", str(e)),))
    analysis = analyse(network)
    figures = tuple((limit, limit.figure(analysis)) for limit in limits)
    findings = (_finding(network, limit, figure) for limit, figure in figures)
    layers = len(network.without_heads())
    return Checked(
        name,
        (*warnings, *(f for f in findings if f is not None)),
        figures,
        f"{layers} layer{'s' * (layers != 1)}, {analysis.totals.params:,} parameters",
    )


def _finding(network: Network, limit: Limit, figure: int | None) -> Diagnostic | None:
    if figure is None:
        return Diagnostic(
            "unknown-figure",
            f"the number of {limit.noun} can't be checked: it depends on sizes that aren't fixed",
            _net_line(network),
            "give them by `--input`, as in `--input 3@224x224`",
        )
    if figure <= limit.most:
        return None
    return Diagnostic(
        "over-limit",
        f"{figure:,} {limit.noun} are more than the {limit.most:,} allowed",
        _net_line(network),
        "`cnndsl report` shows the layers that cost most",
    )


def _net_line(network: Network) -> Span:
    """Where a finding about the whole net is shown."""
    source = network.inputs[0].origin.span.source
    match = re.search(r"^net\b.*$", source.text, re.MULTILINE)
    start, end = match.span() if match else (0, len(source.line(1)))
    return Span(source, start, end)


def _print(result: Checked) -> None:
    for diagnostic in result.diagnostics:
        echo_diagnostic(diagnostic)
    errors = sum(d.severity == "error" for d in result.diagnostics)
    if errors:
        count = f"{errors} error{'s' * (errors != 1)}"
        return echo_line(f"{result.spec}: {count}", err=True)
    within = [f"{figure:,} {limit.noun} ≤ {limit.text}" for limit, figure in result.figures]
    echo_line(f"{result.spec}: fine, {', '.join(within) or result.summary}")


def _as_json(results: Sequence[Checked]) -> str:
    data = {
        "version": VERSION,
        "fine": all(result.is_fine for result in results),
        "specs": [
            {
                "spec": result.spec,
                "fine": result.is_fine,
                "diagnostics": [d.as_json() for d in result.diagnostics],
                "checked": [
                    {"figure": limit.name, "value": figure, "limit": limit.most}
                    for limit, figure in result.figures
                ],
            }
            for result in results
        ],
    }
    return json_text(data, indent=2)
