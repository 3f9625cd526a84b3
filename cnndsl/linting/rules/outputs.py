"""What comes out of a net."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cnndsl.diagnostics import Edit
from cnndsl.linting.rule import Finding, Rule
from cnndsl.linting.spec import Spec, end_of
from cnndsl.network import Origin
from cnndsl.source import Span
from cnndsl.syntax import tree


class ImplicitOutput(Rule):
    """The net has no `output` line, so what comes out is what stands last: a layer that is added
    later becomes the output, and nobody notices. A label and an `output` name what is meant, and
    the model's output is called so.
    """

    code = "implicit-output"
    wrong = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 relu
        logits: fc 10
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
        statements = spec.file.statements
        if any(isinstance(statement, tree.Output) for statement in statements):
            return
        last = next(
            s for s in reversed(statements) if isinstance(s, tree.Line | tree.For | tree.Input)
        )
        (name,) = spec.network.outputs
        message = f"no line says what comes out, so it is `{name}`, which stands last"
        help = f"write `output {name}` at the end"
        edits: tuple[Edit, ...] = ()
        if re.fullmatch(r"[A-Za-z_][\w.]*", name):
            end = end_of(statements[-1])
            source = spec.file.source
            rest = source.text[end:].partition("\n")[0]
            at = Span(source, end + len(rest), end + len(rest))
            edits = (Edit(at, f"\noutput {name}"),)
        yield Finding(Origin(last.span), message, help, edits)
