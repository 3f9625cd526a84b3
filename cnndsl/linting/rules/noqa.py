"""Comments that silence nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cnndsl.diagnostics import Edit, silenced_codes
from cnndsl.linting.rule import Finding, Rule
from cnndsl.linting.spec import Spec
from cnndsl.linting.text import without_lines
from cnndsl.network import Origin
from cnndsl.source import Span
from cnndsl.syntax import tree

_NOQA = re.compile(r"noqa\b", re.IGNORECASE)


class UnusedNoqa(Rule):
    """A `# noqa` names a code that isn't found on its line: the reason for it is gone, the code is
    spelled otherwise, or the comment stands on another line than the finding. It would silence what
    somebody writes there later. Without a code, `# noqa` silences nothing.
    """

    code = "unused-noqa"
    wrong = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 relu  # noqa: odd-channels
        logits: fc 10
        output logits
        """
    right = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 relu
        logits: fc 10
        output logits
        """

    def find(self, spec: Spec) -> Iterator[Finding]:
        for comment in spec.file.comments:
            span = comment.span
            if not _NOQA.match(comment.text):
                continue
            codes, line = silenced_codes(span.text), span.line
            if not codes:
                help = "name what is meant, as in `# noqa: odd-channels`"
                yield Finding(Origin(span), "no code stands here, so this silences nothing", help)
            unused = [code for code in codes if (line, code) not in spec.silenced]
            if unused:
                listed = " and ".join(f"`{code}`" for code in unused)
                message = f"{listed} {'is' if len(unused) == 1 else 'are'} not found on this line"
                edits = (_removal(comment),) if len(unused) == len(codes) else ()
                yield Finding(Origin(span), message, "leave it out", edits)


def _removal(comment: tree.Comment) -> Edit:
    span = comment.span
    if comment.alone:
        return without_lines(span)
    start = len(span.source.text[: span.start].rstrip(" \t"))
    return Edit(Span(span.source, start, span.end), "")
