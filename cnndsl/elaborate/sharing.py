"""Weights handed on by `reuse`: each step of the repeated line takes those of its first time."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from cnndsl.elaborate.construction import Construction
from cnndsl.elaborate.context import Context, Unknown
from cnndsl.source import Span
from cnndsl.syntax import tree


@dataclass(frozen=True, slots=True)
class Recorded:
    """A labelled line, as `reuse` repeats it; `steps` are the owners of its steps' weights."""

    operations: tuple[tree.Operation, ...]
    context: Context
    repeats: int
    steps: tuple[str, ...]


class Sharing:
    """The steps whose weights one `reuse` still hands out."""

    def __init__(self, label: str, steps: Sequence[str]):
        self.label = label
        self._owners = deque(steps)
        self._count = len(steps)
        self._broken = False

    def next(self, build: Construction, context: Context, span: Span) -> str:
        """The owner of the next step's weights; raises Unknown where there is none."""
        if not self._owners and not self._broken:
            self._broken = True
            self._report_count(build, context, span, "more")
        if self._broken:
            raise Unknown
        return self._owners.popleft()

    def give_up(self) -> None:
        """Nothing more is shared, and nothing more is said about it."""
        self._broken = True

    def finish(self, build: Construction, context: Context, span: Span) -> None:
        """All weights must have been taken, or the line isn't the same."""
        if self._owners and not self._broken:
            self._report_count(build, context, span, "fewer")

    def _report_count(
        self, build: Construction, context: Context, span: Span, comparison: str
    ) -> None:
        message = f"on this input `{self.label}` has {comparison} layers than its {self._count}"
        help = "a line whose weights are shared must have the same layers on every input"
        build.error(context, span, "reuse-mismatch", message, help)
