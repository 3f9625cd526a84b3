"""Advice about specs that are right: what somebody with experience would mention.

A rule (`rules/`) is a class in one file with its page, its examples and its logic. It looks at a
`Spec`: the tree, the network, and what its layers cost and see. What it finds are diagnostics like
all others, of the severity `advice`; `# noqa: CODE` on their line says that something is meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from cnndsl.diagnostics import Diagnostic, SpecError, in_order, is_silenced
from cnndsl.elaborate.scope import MOST_FINDINGS
from cnndsl.elaborate.warnings import warnings
from cnndsl.explanations import Explanation, explanations
from cnndsl.linting.rule import Rule
from cnndsl.linting.rules import RULES
from cnndsl.linting.rules.noqa import UnusedNoqa
from cnndsl.linting.spec import Spec, place
from cnndsl.shape import Shape
from cnndsl.source import Source
from cnndsl.specs import load
from cnndsl.syntax.parse import read

Settings = Mapping[str, int | float | str]


def lint(
    source: Source,
    settings: Settings | None = None,
    input_shapes: Mapping[str, Shape] | None = None,
) -> list[Diagnostic]:
    """What is wrong with a spec, or, where nothing is, its warnings and all advice, in the order of
    the text; 50 at most. Raises nothing, and takes time linear in the spec and its net.
    """
    reading = read(source)
    try:
        network, _ = load(reading, settings, input_shapes)
    except SpecError as e:
        return list(e.diagnostics)
    assert reading.file is not None
    spec = Spec(reading.file, network)
    found = [
        *warnings(network),
        *advice(spec, (r for r in RULES.values() if r.code != UnusedNoqa.code)),
    ]
    spans = ((d.span, d.code) for d in found if d.span is not None and is_silenced(d))
    silenced = frozenset((span.line, code) for span, code in spans if span.source is source)
    found += advice(replace(spec, silenced=silenced), [UnusedNoqa()])
    return in_order((d for d in found if not is_silenced(d)), source)[:MOST_FINDINGS]


def advice(spec: Spec, rules: Iterable[Rule]) -> list[Diagnostic]:
    """What the rules find, each place once for each rule."""
    found: dict[tuple[str, int, int], Diagnostic] = {}
    for rule in rules:
        for finding in rule.find(spec):
            span, frames = place(finding.origin)
            diagnostic = Diagnostic(
                rule.code, finding.message, span, finding.help, "advice", frames, finding.edits
            )
            found.setdefault((rule.code, id(span.source), span.start), diagnostic)
    return list(found.values())


def pages() -> dict[str, Explanation]:
    """What every error, warning and advice means, by its code."""
    return explanations() | {code: rule.explanation() for code, rule in RULES.items()}


__all__ = ["RULES", "Settings", "lint", "pages"]
