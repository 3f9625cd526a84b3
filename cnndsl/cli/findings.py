"""The forms in which commands give what they find: text, JSON, SARIF, GitHub's annotations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

import click

from cnndsl.cli.output import echo

if TYPE_CHECKING:
    from cnndsl.diagnostics import Diagnostic
    from cnndsl.show.findings import Findings


class Found(Protocol):
    """What was found in one spec."""

    @property
    def spec(self) -> str: ...
    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]: ...
    @property
    def is_fine(self) -> bool: ...


F = TypeVar("F", bound=Found)

FORMATS = ("text", "json", "sarif", "github")

findings_format = click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="json for editors, sarif for code scanning, github for annotations in workflows.",
)


def echo_results(
    context: click.Context,
    form: str,
    results: Sequence[F],
    as_json: Callable[[Sequence[F]], str],
    echo_text: Callable[[F], None],
) -> None:
    """Print what was found in each spec, and exit with 1 where one isn't fine."""
    if form == "json":
        echo(as_json(results))
    elif form != "text":
        _echo_findings(form, [(result.spec, result.diagnostics) for result in results])
    else:
        for result in results:
            echo_text(result)
    if not all(result.is_fine for result in results):
        context.exit(1)


def _echo_findings(form: str, findings: Findings) -> None:
    """Print findings as SARIF, or as GitHub's annotations, of which there may be none."""
    from cnndsl.show.findings import github, sarif

    text = sarif(findings) if form == "sarif" else github(findings)
    if text:
        echo(text)
