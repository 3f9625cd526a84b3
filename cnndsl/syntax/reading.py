"""What could be read of a source."""

from __future__ import annotations

from dataclasses import dataclass

from cnndsl.diagnostics import Diagnostic
from cnndsl.syntax import tree

UNREAD = "_"
"""The op that stands in the tree for a line with an error of form."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A tree, and what is wrong with the lines that aren't in it.

    `file` is None where the lines don't fit together. `words` are those of the lines that weren't
    read: names that may have been made there.
    """

    file: tree.File | None
    errors: tuple[Diagnostic, ...] = ()
    words: frozenset[str] = frozenset()
