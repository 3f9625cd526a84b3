"""Short specs in tests: what they become, or what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from cnndsl.diagnostics import Diagnostic, SpecError
from cnndsl.layers.written import written
from cnndsl.network import Network, Step
from cnndsl.shape import Shape
from cnndsl.source import Source
from cnndsl.specs import load

NAME = "net.cnn"


def with_input(body: str, shape: str = "3@32x32") -> str:
    """A body of lines below a net and its input `image`."""
    lines = body.strip("\n").split("\n")
    margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    text = "\n".join(line[margin:] for line in lines)
    return f"net Test\ninput image {shape}\n{text}\n"


def network(
    text: str,
    settings: Mapping[str, int | float | str] | None = None,
    inputs: Mapping[str, Shape] | None = None,
) -> Network:
    """The network of a whole spec."""
    return load(Source(NAME, text), settings, inputs)[0]


def warnings(text: str) -> list[Diagnostic]:
    """What is allowed in a whole spec but probably not meant."""
    return load(Source(NAME, text))[1]


def errors(
    text: str, settings: Mapping[str, int | float | str] | None = None
) -> tuple[Diagnostic, ...]:
    """What is wrong with a whole spec."""
    with pytest.raises(SpecError) as caught:
        network(text, settings)
    return caught.value.diagnostics


def codes(text: str) -> list[str]:
    """The codes of what is wrong, each with the text under its caret."""
    return [f"{e.code} {e.span.text.splitlines()[0] if e.span else ''}" for e in errors(text)]


def listing(net: Network) -> list[str]:
    """Every step as `name = layer (inputs) shape`, with what else there is about it."""
    return [_listed(step) for step in net.steps]


def _listed(step: Step) -> str:
    text = f"{step.name} = {written(step.layer)} ({' '.join(step.inputs)}) {step.output}"
    text += f" shares {step.shares}" if step.shares else ""
    return text + (f" head {step.head}" if step.head else "")


def names(net: Network) -> list[str]:
    """The steps' names."""
    return [step.name for step in net.steps]
