"""Layers and inputs that add nothing."""

from __future__ import annotations

from collections.abc import Iterator

from cnndsl.diagnostics import Edit
from cnndsl.linting.redundancy import IDEMPOTENT, source, why_redundant
from cnndsl.linting.rule import Finding, Rule
from cnndsl.linting.spec import Spec, nodes
from cnndsl.linting.text import without_op
from cnndsl.network import Step
from cnndsl.syntax import tree


class RedundantLayer(Rule):
    """A layer gives what it is given: a `relu` behind a `relu` or a `sigmoid`, a pool of one value,
    a dropout of 0. It may be left over, or another layer was meant, or a block ends in an
    activation that was written again behind it.
    """

    code = "redundant-layer"
    wrong = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 relu -> pool 2x2 -> relu
        logits: fc 10
        output logits
        """
    right = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 relu -> pool 2x2
        logits: fc 10
        output logits
        """

    def find(self, spec: Spec) -> Iterator[Finding]:
        reasons = {step.name: why_redundant(spec.network, step) for step in spec.network.steps}
        needed = {s.origin.span.start for s in spec.network.steps if not reasons[s.name]}
        for step in spec.network.steps:
            if why := reasons[step.name]:
                alone = step.origin.span.start not in needed
                edits = _edits(spec, step) if alone else ()
                yield Finding(
                    step.origin, f"`{step.name}` does nothing: {why}", "leave it out", edits
                )


def _edits(spec: Spec, step: Step) -> tuple[Edit, ...]:
    """Leave the op out where it does nothing under all settings: nothing is computed there. Of two
    different activations either may be meant, and fresh weights are drawn to suit the last one.
    """
    before = source(spec.network, step) if step.layer.word in IDEMPOTENT else None
    if before is not None and before.layer.word != step.layer.word:
        return ()
    for one in (step, before) if before is not None else (step,):
        if one.origin.span.source is not spec.file.source or one.origin.frames:
            return ()
        line, number, word = spec.lines.get(one.origin.span.start, (None, 0, None))
        if line is None or line.repeat or line.condition or line.source:
            return ()
        operation = line.operations[number]
        said = word.span.text if word else operation.name
        computed = any(isinstance(n, tree.Call | tree.Binary) for n in nodes(operation))
        if said != one.layer.word or operation.body or computed:
            return ()
    edit = without_op(spec.lines, step.origin.span)
    return (edit,) if edit else ()


class MergeWithItself(Rule):
    """A merge takes the same value twice: `add` doubles it, `sub` makes zeros, `concat` repeats its
    channels. One of the names may be another than was meant; a value that stands above a merge is
    its first input already.
    """

    code = "merge-with-itself"
    wrong = """
        cnndsl 1
        net N
        input image 3@32x32
        a: conv 3x3 32 p1 relu
        concat a
        logits: fc 10
        output logits
        """
    right = """
        cnndsl 1
        net N
        input image 3@32x32
        a: conv 3x3 32 p1 relu
        b: conv 3x3 32 p1 relu
        concat a
        logits: fc 10
        output logits
        """

    def find(self, spec: Spec) -> Iterator[Finding]:
        for step in spec.network.steps:
            if step.layer.word not in ("add", "sub", "div", "max", "min", "concat"):
                continue
            twice = [n for n in dict.fromkeys(step.inputs) if step.inputs.count(n) > 1]
            if twice:
                message = f"`{step.name}` takes `{twice[0]}` twice"
                help = "the value above is its first input already: name another, or leave it out"
                yield Finding(step.origin, message, help)
