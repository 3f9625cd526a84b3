"""What must hold for any text whatever: a network, or diagnostics that people can read; soon."""

from __future__ import annotations

import re
import time

from cnndsl.analyse import analyse
from cnndsl.diagnostics import Diagnostic, SpecError
from cnndsl.elaborate.losses import TARGET
from cnndsl.elaborate.scope import MOST_FINDINGS
from cnndsl.elaborate.steps import MOST_STEPS
from cnndsl.linting import pages
from cnndsl.network import Network
from cnndsl.source import Source
from cnndsl.specs import load

MOST_SECONDS = 4
"""Of the processor: a second on a machine that does nothing else, and the rest for busy ones."""

NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


def judge(text: str) -> Network | tuple[Diagnostic, ...]:
    """Read the text, elaborate and analyse it; asserts what must hold for what comes out."""
    start = time.process_time()
    try:
        network, warnings = load(Source("fuzz.cnn", text))
    except SpecError as error:
        found = error.diagnostics
        check_diagnostics(found)
        outcome = found
    else:
        check_diagnostics(tuple(warnings))
        analyse(network).memory(batch=2)
        outcome = network
    assert time.process_time() - start < MOST_SECONDS
    if isinstance(outcome, Network):
        check_network(outcome)
    return outcome


def check_diagnostics(found: tuple[Diagnostic, ...]) -> None:
    """Few, each said once, short, with a known code and a place in the text."""
    assert len(found) <= MOST_FINDINGS
    assert len({(d.code, d.span) for d in found}) == len(found), "one of them is said twice"
    for diagnostic in found:
        assert diagnostic.code in pages()
        assert diagnostic.help and diagnostic.message
        assert len(diagnostic.message) < 500 and len(diagnostic.help) < 500
        assert "\n" not in diagnostic.message + diagnostic.help
        span = diagnostic.span
        assert span is not None
        assert 0 <= span.start <= span.end <= len(span.source.text) + 1
        rendered = diagnostic.render().split("\n")
        assert len(rendered) >= 5 and max(map(len, rendered[1:4])) < 300
        diagnostic.as_json()


def check_network(network: Network) -> None:
    """Steps come in the order they run, under names of their own, on shapes that fit."""
    known = {i.name: i.shape for i in network.inputs}
    heads: dict[str, str | None] = dict.fromkeys(known)
    assert len(network.steps) <= MOST_STEPS
    for step in network.steps:
        assert NAME.fullmatch(step.name) and step.name not in known
        shapes = [known[name] for name in step.inputs]
        assert step.layer.shape(*shapes) == step.output
        assert all(n > 0 for n in step.output if isinstance(n, int))
        if step.shares is not None:
            owner = network.by_name[step.shares]
            assert owner.layer.word == step.layer.word and owner.shares is None
            assert heads[owner.name] is None or step.head is not None
        assert step.head is not None or not any(heads[name] for name in step.inputs)
        known[step.name], heads[step.name] = step.output, step.head
    assert network.outputs and not any(heads[name] for name in network.outputs)
    compared = {name for term in network.loss for name in term.arguments}
    assert compared <= {*known, TARGET}
