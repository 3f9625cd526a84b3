"""The forms in which commands give what they find: text, JSON, SARIF, GitHub's annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cnndsl.cli.output import echo

if TYPE_CHECKING:
    from cnndsl.show.findings import Findings


FORMATS = ("text", "json", "sarif", "github")

findings_format = click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="json for editors, sarif for code scanning, github for annotations in workflows.",
)


def echo_findings(form: str, findings: Findings) -> None:
    """Print findings as SARIF, or as GitHub's annotations, of which there may be none."""
    from cnndsl.show.findings import github, sarif

    text = sarif(findings) if form == "sarif" else github(findings)
    if text:
        echo(text)
