"""Weights handed on by `reuse`: each step of the repeated line takes those of its first time."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from cnndsl.elaborate.construction import Construction
from cnndsl.elaborate.context import Context, Unknown, Value
from cnndsl.layers.base import Layer
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

    def __init__(
        self, build: Construction, context: Context, span: Span, label: str, steps: Sequence[str]
    ):
        self.build, self.context, self.span = build, context, span
        self.label = label
        self._owners = deque(steps)
        self._count = len(steps)
        self._broken = False

    def next(self) -> str:
        """The owner of the next step's weights; raises Unknown where there is none."""
        if not self._owners and not self._broken:
            self._broken = True
            self._report_count("more")
        if self._broken:
            raise Unknown
        return self._owners.popleft()

    def check(self, layer: Layer, inputs: Sequence[Value], owner: str) -> None:
        """The weights must fit; after an error nothing more is said, and Unknown raised."""
        if not self.build.may_share(self.context, layer, inputs, owner, self.span):
            self._broken = True
            raise Unknown

    def finish(self) -> None:
        """All weights must have been taken, or the line isn't the same."""
        if self._owners and not self._broken:
            self._report_count("fewer")

    def _report_count(self, comparison: str) -> None:
        count = f"{self._count} layer{'s' * (self._count != 1)}"
        message = f"the line of `{self.label}` makes {comparison} than its {count} here"
        help = "a line whose weights are shared must have the same layers on every input"
        self.build.error(self.context, self.span, "reuse-mismatch", message, help)
