"""Syntax tree → network: names looked up, blocks and loops unrolled, shapes inferred on the way.

Shapes are inferred here and not later because the language itself looks at them: `C`, filters left
out, `residual project`, `… if e != C`.

`program.py` reads the top of a file and `walk.py` every line, `arguments.py` what the ops of a line
say; `steps.py` adds the steps. Each of them is handed one `Scope` (`scope.py`), the place in the
spec: it tells what names and expressions stand for there, and takes errors.
"""

from cnndsl.elaborate.program import elaborate

__all__ = ["elaborate"]
