"""Syntax tree → network: names looked up, blocks and loops unrolled, shapes inferred on the way.

Shapes are inferred here and not later because the language itself looks at them: `C`, filters left
out, `residual project`, `… if e != C`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cnndsl.diagnostics import Diagnostic
from cnndsl.elaborate.files import ReadUsed
from cnndsl.elaborate.lint import lint
from cnndsl.elaborate.program import Program
from cnndsl.elaborate.settings import Setting
from cnndsl.network import Network
from cnndsl.shape import Shape
from cnndsl.syntax import tree


def elaborate(
    file: tree.File,
    *,
    prelude: Callable[[], tree.File],
    read_used: ReadUsed,
    settings: Mapping[str, Setting] | None = None,
    input_shapes: Mapping[str, Shape] | None = None,
) -> tuple[Network, list[Diagnostic]]:
    """The network that a file describes, and warnings.

    `settings` override the net's parameters, `input_shapes` the inputs' shapes by name ("" for
    whichever). `prelude` and `read_used` bring in other files. Raises SpecError.
    """
    program = Program(file, settings or {}, input_shapes or {}, prelude, read_used)
    network = program.network()
    return network, lint(network)


__all__ = ["elaborate"]
