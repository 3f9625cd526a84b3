"""Syntax tree → network: names looked up, blocks and loops unrolled, shapes inferred on the way.

Shapes are inferred here and not later because the language itself looks at them: `C`, filters left
out, `residual project`, `… if e != C`.
"""

from cnndsl.elaborate.program import elaborate

__all__ = ["elaborate"]
