"""`cnndsl lint`: advice about specs that are right, and mending where that is safe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from cnndsl.cli.findings import echo_results, findings_format
from cnndsl.cli.options import read_inputs, read_settings
from cnndsl.cli.output import echo_content, echo_diagnostic, echo_diff, echo_line
from cnndsl.diagnostics import Diagnostic, UsageError
from cnndsl.files import replaced
from cnndsl.linting import lint
from cnndsl.linting.fixing import fix
from cnndsl.printing import json_text
from cnndsl.shape import Shape
from cnndsl.source import Source
from cnndsl.specs import find, read

STDIN = "-"
VERSION = 1
Settings = dict[str, int | float | str]


@dataclass(frozen=True, slots=True)
class Linted:
    """What was found in one spec, and how many findings were mended in it."""

    spec: str
    diagnostics: tuple[Diagnostic, ...]
    mended: int = 0

    @property
    def is_fine(self) -> bool:
        """Whether there is nothing to say."""
        return not self.diagnostics


@click.command(short_help="Say what somebody with experience would mention about a spec.")
@click.argument("specs", nargs=-1, required=True, metavar="SPEC…")
@click.option("--fix", "mend", is_flag=True, help="Mend what can be without changing the net.")
@click.option("--diff", is_flag=True, help="Change nothing; show what --fix would change.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="For all specs.")
@click.option("--input", "inputs", multiple=True, metavar="[NAME=]SHAPE", help="For all specs.")
@findings_format
@click.pass_context
def command(
    context: click.Context,
    specs: tuple[str, ...],
    mend: bool,
    diff: bool,
    settings: tuple[str, ...],
    inputs: tuple[str, ...],
    form: str,
) -> None:
    """Say what somebody with experience would mention about specs.

    Errors and warnings are those of `cnndsl check`; advice comes on top, where there is no error.
    A comment on the line, `# noqa: CODE`, says that something is meant. `cnndsl explain CODE` says
    more. A SPEC that is - is standard input; --fix writes it to standard output.

    Exits with 1 where something was found, and not mended; else with 0.
    """
    if form != "text" and (diff or (mend and STDIN in specs)):
        raise UsageError("specs and what changes in them go to standard output: leave out --format")
    given, shapes = read_settings(settings), read_inputs(inputs)
    if diff:
        results = [_compared(spec, given, shapes) for spec in specs]
    else:
        results = [_linted(spec, given, shapes, mend) for spec in specs]
    echo_results(context, form, results, _as_json, _print)


def _linted(spec: str, settings: Settings, inputs: dict[str, Shape], mend: bool) -> Linted:
    """Everything about one spec, which is mended where that was asked for."""
    try:
        source = _mendable(spec) if mend else find(spec)
    except UsageError as e:
        return Linted(spec, (Diagnostic("unreadable-file", str(e)),))
    if not mend:
        return Linted(spec, tuple(lint(source, settings, inputs)))
    fixed = fix(source, settings, inputs)
    if spec == STDIN:
        echo_content(fixed.source.text)
    elif fixed.mended:
        with replaced(Path(spec)) as file:
            file.write(fixed.source.text.encode("utf-8"))
    return Linted(spec, fixed.left, len(fixed.mended))


def _compared(spec: str, settings: Settings, inputs: dict[str, Shape]) -> Linted:
    """Everything about one spec; what would be mended in it is shown."""
    try:
        source = find(spec)
    except UsageError as e:
        return Linted(spec, (Diagnostic("unreadable-file", str(e)),))
    echo_diff(source, fix(source, settings, inputs).source.text, "mended")
    return Linted(spec, tuple(lint(source, settings, inputs)))


def _mendable(spec: str) -> Source:
    """A spec that can be written; raises UsageError for nets of the zoo."""
    if spec == STDIN:
        return find(STDIN)
    if not Path(spec).is_file():
        raise UsageError(f"there is no file `{spec}` to mend")
    return read(Path(spec))


def _print(result: Linted) -> None:
    for diagnostic in result.diagnostics:
        echo_diagnostic(diagnostic)
    told = [f"{result.mended} mended"] if result.mended else []
    told += counts(result.diagnostics) or ["nothing to say"] * (not told)
    echo_line(f"{result.spec}: {', '.join(told)}", err=not result.is_fine or result.spec == STDIN)


def _as_json(results: Sequence[Linted]) -> str:
    data = {
        "version": VERSION,
        "fine": all(result.is_fine for result in results),
        "specs": [
            {
                "spec": result.spec,
                "fine": result.is_fine,
                "mended": result.mended,
                "diagnostics": [d.as_json() for d in result.diagnostics],
            }
            for result in results
        ],
    }
    return json_text(data, indent=2)


def counts(diagnostics: Sequence[Diagnostic]) -> list[str]:
    """How many there are of each severity: `1 error`, `2 warnings`, `3 pieces of advice`."""
    found: list[str] = []
    for severity, one, many in (
        ("error", "error", "errors"),
        ("warning", "warning", "warnings"),
        ("advice", "piece of advice", "pieces of advice"),
    ):
        count = sum(d.severity == severity for d in diagnostics)
        if count:
            found.append(f"{count} {one if count == 1 else many}")
    return found
