"""What gradient rules are, and what they are given."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import onnx_ir as ir

from cnndsl.autodiff.algorithms.choose import Planner
from cnndsl.graphs.writer import Writer

Gradient = ir.Value | None
"""A gradient, or None: zero everywhere, or not asked for."""

Rule = Callable[["Backward", ir.Node, Sequence[Gradient]], Sequence[Gradient]]
"""From a node and its outputs' gradients to its inputs' gradients, as many as it has inputs.

A rule asks `needs` before it computes what may be dropped.
"""

RULES: dict[str, Rule] = {}
"""A rule for each ONNX operator; filled as the modules of `rules` are imported."""

ZERO_GRADIENT: set[str] = set()
"""Operators whose gradient is zero: they are constant wherever they don't jump."""


def rule(*operators: str) -> Callable[[Rule], Rule]:
    """Register the function below as the gradient of these operators."""

    def register(function: Rule) -> Rule:
        for operator in operators:
            RULES[operator] = function
        return function

    return register


class Backward(Writer):
    """The backward pass under construction: what rules write their nodes into."""

    def __init__(
        self,
        needed: Collection[ir.Value],
        float_type: ir.DataType,
        planner: Planner | None = None,
    ):
        super().__init__(float_type, "grad")
        self.planner = planner or Planner()
        self._needed = set(needed)
        self._shared: dict[object, ir.Value] = {}

    def needs(self, value: ir.Value | None) -> bool:
        """Whether anything trainable flows into the value, so that its gradient is asked for."""
        return value in self._needed

    def shared(self, key: object, make: Callable[[], ir.Value]) -> ir.Value:
        """A value that several rules want, made once: the shifts of a map, say."""
        if key not in self._shared:
            self._shared[key] = make()
        return self._shared[key]
