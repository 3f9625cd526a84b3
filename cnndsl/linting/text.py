"""Edits that leave something out of a text."""

from __future__ import annotations

from collections.abc import Mapping

from cnndsl.diagnostics import Edit
from cnndsl.layers import LAYERS
from cnndsl.source import Span
from cnndsl.syntax import tree


def without_lines(span: Span) -> Edit:
    """Leave out the lines of a statement, whole."""
    text = span.source.text
    start = text.rfind("\n", 0, span.start) + 1
    end = text.find("\n", span.end) + 1 or len(text)
    return Edit(Span(span.source, start, end), "")


def without_op(
    lines: Mapping[int, tuple[tree.Line, int, tree.Word | None]], span: Span
) -> Edit | None:
    """Leave out an op, or a layer's word behind one; None where other words hang on it."""
    line, number, word = lines[span.start]
    text, operation = span.source.text, line.operations[number]
    if word is not None:
        start = len(text[: word.span.start].rstrip(" \t"))
        return Edit(Span(span.source, start, word.span.end), "")
    words = (a.name for a in operation.arguments if isinstance(a, tree.Word))
    if any(not isinstance(name, tree.Name) or name.id in LAYERS for name in words):
        return None
    if number > 0:
        start = text.rindex("->", 0, operation.span.start)
        before = text[text.rfind("\n", 0, start) + 1 : start]
        behind = text[operation.span.end :].partition("\n")[0]
        whole = Span(span.source, start, operation.span.end)
        if not before.strip() and not behind.strip():
            return without_lines(whole)
        start = len(text[:start].rstrip(" \t"))
        return Edit(Span(span.source, start, operation.span.end), "")
    if line.label is not None:
        return None
    if len(line.operations) > 1:
        following = line.operations[1].span.start
        return Edit(Span(span.source, operation.span.start, following), "")
    return without_lines(operation.span)


def edited(text: str, edits: list[Edit]) -> str:
    """The text after edits that don't overlap."""
    for edit in sorted(edits, key=lambda e: e.span.start, reverse=True):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text
