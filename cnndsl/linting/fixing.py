"""Mending a spec by the edits that come with advice: what the net computes stays as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from cnndsl.diagnostics import Diagnostic, Edit, SpecError
from cnndsl.linting import Settings, lint
from cnndsl.linting.meaning import meaning
from cnndsl.linting.text import edited
from cnndsl.shape import Shape
from cnndsl.source import Source
from cnndsl.specs import load

MOST_ROUNDS = 10  # a fix may make room for another


@dataclass(frozen=True, slots=True)
class Fixed:
    """A mended text, what was mended in it, and what is left to say."""

    source: Source
    mended: tuple[Diagnostic, ...]
    left: tuple[Diagnostic, ...]


def fix(
    source: Source,
    settings: Settings | None = None,
    input_shapes: Mapping[str, Shape] | None = None,
) -> Fixed:
    """Apply every edit that leaves inputs, outputs, weights' names and all that is computed as they
    are; one that doesn't is left out, and its finding stays. Raises nothing.
    """
    mended: list[Diagnostic] = []
    left = lint(source, settings, input_shapes)
    refused: set[tuple[str, str]] = set()
    for _ in range(MOST_ROUNDS):
        wanted = [d for d in _apart(left, source) if _known(d) not in refused]
        if not wanted:
            break
        done = wanted
        after = _after(source, wanted, settings, input_shapes)
        if after is None:  # one of them changes the net: the others are tried by themselves
            done, after = _one_by_one(source, wanted, settings, input_shapes)
            refused.update(_known(d) for d in wanted if d not in done)
        source, mended = after, [*mended, *done]
        left = lint(source, settings, input_shapes)
    return Fixed(source, tuple(mended), tuple(left))


def _apart(found: Sequence[Diagnostic], source: Source) -> list[Diagnostic]:
    """Diagnostics with edits of this text that don't touch each other's."""
    chosen: list[Diagnostic] = []
    end = -1
    mendable = [d for d in found if d.edits and all(e.span.source is source for e in d.edits)]
    for diagnostic in sorted(mendable, key=lambda d: d.edits[0].span.start):
        first, last = diagnostic.edits[0].span.start, max(e.span.end for e in diagnostic.edits)
        if first > end:
            chosen.append(diagnostic)
            end = last
    return chosen


def _after(
    source: Source,
    chosen: Sequence[Diagnostic],
    settings: Settings | None,
    input_shapes: Mapping[str, Shape] | None,
) -> Source | None:
    """The text with the edits, if it is still the same net."""
    edits: list[Edit] = [edit for diagnostic in chosen for edit in diagnostic.edits]
    after = replace(source, text=edited(source.text, edits))
    try:
        networks = [load(text, settings, input_shapes)[0] for text in (source, after)]
    except SpecError:
        return None
    return after if meaning(networks[0]) == meaning(networks[1]) else None


def _one_by_one(
    source: Source,
    wanted: Sequence[Diagnostic],
    settings: Settings | None,
    input_shapes: Mapping[str, Shape] | None,
) -> tuple[list[Diagnostic], Source]:
    """Those whose edits leave the net what it is, each and together, and the text with them."""
    done: list[Diagnostic] = []
    text = source
    for diagnostic in wanted:
        after = _after(source, [*done, diagnostic], settings, input_shapes)
        if after is not None:
            done, text = [*done, diagnostic], after
    return done, text


def _known(diagnostic: Diagnostic) -> tuple[str, str]:
    return diagnostic.code, diagnostic.message
