"""Lines that stand there several times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cnndsl.diagnostics import Edit
from cnndsl.linting.rule import Finding, Rule
from cnndsl.linting.spec import Spec, nodes
from cnndsl.network import Origin
from cnndsl.source import Span
from cnndsl.syntax import tree

LEAST = 3


class RepeatedLine(Rule):
    """The same line stands there three times or more. `*3` says so at once, and there is one place
    where it is changed.
    """

    code = "repeated-line"
    wrong = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 p1 relu
        conv 3x3 32 p1 relu
        conv 3x3 32 p1 relu
        logits: fc 10
        output logits
        """
    right = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 p1 relu *3
        logits: fc 10
        output logits
        """

    def find(self, spec: Spec) -> Iterator[Finding]:
        for node in nodes(spec.file):
            if isinstance(node, tree.File | tree.Sequence):
                yield from _repeated(node.statements)


def _repeated(statements: Sequence[tree.Statement]) -> Iterator[Finding]:
    start = 0
    for index in range(1, len(statements) + 1):
        first = statements[start]
        if index < len(statements) and statements[index] == first and _is_plain(first):
            continue
        count, last = index - start, statements[index - 1]
        if count >= LEAST:
            whole = first.span.to(last.span)
            edits = (
                ()
                if "#" in whole.text
                else (Edit(Span(whole.source, first.span.end, whole.end), f" *{count}"),)
            )
            message = f"this line stands here {count} times"
            yield Finding(
                Origin(first.span), message, f"write it once, with `*{count}` at its end", edits
            )
        start = index


def _is_plain(statement: tree.Statement) -> bool:
    return isinstance(statement, tree.Line) and not (
        statement.label
        or statement.source
        or statement.repeat
        or statement.condition
        or statement.operations[-1].body
    )
