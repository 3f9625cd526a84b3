"""What is defined and never used."""

from __future__ import annotations

from collections.abc import Iterator

from cnndsl.diagnostics import Edit
from cnndsl.linting.rule import Finding, Rule
from cnndsl.linting.spec import Spec, end_of, names, nodes
from cnndsl.linting.text import without_lines
from cnndsl.network import Origin
from cnndsl.source import Span
from cnndsl.syntax import tree


class UnusedDef(Rule):
    """No line calls this block. It may be left over, or a line calls another one by mistake. A file
    that only holds blocks for others has no net, and isn't looked at.
    """

    code = "unused-def"
    wrong = """
        cnndsl 1
        net N
        input image 3@32x32
        def block(n): conv 3x3 n bn relu
        logits: fc 10
        output logits
        """
    right = """
        cnndsl 1
        net N
        input image 3@32x32
        logits: fc 10
        output logits
        """

    def find(self, spec: Spec) -> Iterator[Finding]:
        defined = [s for s in spec.file.statements if isinstance(s, tree.Def)]
        mentioned = _mentioned(spec.file) if defined else {}
        for node in defined:
            if mentioned.get(node.name, 0) == (node.name in names(node.body)):
                message = f"no line calls the block `{node.name}`"
                help = "leave it out, or call it"
                yield Finding(Origin(node.span), message, help, (_removal(node),))


class UnusedLet(Rule):
    """Nothing uses this value. It may be left over, or a number was written where it was meant."""

    code = "unused-let"
    wrong = """
        cnndsl 1
        net N
        input image 3@32x32
        let width = 64
        conv 3x3 32 relu
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
        lets = [node for node in nodes(spec.file) if isinstance(node, tree.Let)]
        mentioned = names(spec.file) if lets else set[str]()
        for node in lets:
            if node.name not in mentioned:
                message, help = f"nothing uses `{node.name}`", "leave it out, or use it"
                yield Finding(Origin(node.span), message, help, (_removal(node),))


class UnusedParameter(Rule):
    """A block or a net has a parameter that nothing in it uses: whatever is given for it, or by
    `--set`, changes nothing. A number may stand where the parameter was meant.
    """

    code = "unused-parameter"
    wrong = """
        cnndsl 1
        net N(classes=10)
        input image 3@32x32
        conv 3x3 32 relu
        logits: fc 10
        output logits
        """
    right = """
        cnndsl 1
        net N(classes=10)
        input image 3@32x32
        conv 3x3 32 relu
        logits: fc classes
        output logits
        """

    def find(self, spec: Spec) -> Iterator[Finding]:
        for node in spec.file.statements:
            match node:
                case tree.Net():
                    if node.parameters:
                        yield from _unused(node, names(spec.file), "the net")
                case tree.Def():
                    if node.parameters:
                        yield from _unused(node, names(node), f"the block `{node.name}`")
                case _:
                    pass


def _unused(node: tree.Net | tree.Def, used: set[str], what: str) -> Iterator[Finding]:
    for parameter in node.parameters:
        if parameter.name not in used:
            message = f"nothing in {what} uses its parameter `{parameter.name}`"
            help = "use it where a number stands, or leave it out"
            yield Finding(Origin(parameter.span), message, help)


def _mentioned(file: tree.File) -> dict[str, int]:
    """In how many statements each name is asked for."""
    counts: dict[str, int] = {}
    for statement in file.statements:
        for name in names(statement):
            counts[name] = counts.get(name, 0) + 1
    return counts


def _removal(node: tree.Def | tree.Let) -> Edit:
    return without_lines(Span(node.span.source, node.span.start, end_of(node)))
