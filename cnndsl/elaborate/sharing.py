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

    def __init__(self, label: str, steps: Sequence[str]):
        self.label = label
        self._owners = deque(steps)
        self._count = len(steps)
        self._broken = False

    def next(
        self,
        build: Construction,
        context: Context,
        layer: Layer,
        inputs: Sequence[Value],
        span: Span,
    ) -> str:
        """The owner of the next step's weights; raises Unknown where it can't be shared."""
        if self._broken:
            raise Unknown
        if not self._owners:
            self._broken = True
            self._report_count(build, context, span, "more")
            raise Unknown
        owner = self._owners.popleft()
        if not build.may_share(context, layer, inputs, owner, span):
            self._broken = True
            raise Unknown
        return owner

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
