"""A step of the network as a line of the language: `concat relu4 relu6 from relu1`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cnndsl.layers.written import written
from cnndsl.network import Network, Step

Rename = Callable[[str], str]


def references(step: Step) -> tuple[str, ...]:
    """The values that its line names beside the current one."""
    if not step.layer.takes_current:
        return step.inputs
    if step.layer.word == "unpool":  # its third input, what the pool took in, goes unsaid
        return step.inputs[1:2]
    return step.inputs[1:]


def line(step: Step, above: str | None, rename: Rename = str) -> str:
    """The step without its label; `above` is the value of the line above.

    Names go through `rename`. A step that shares weights is a `reuse` of their owner.
    """
    if step.shares is not None:
        text = f"reuse {rename(step.shares)}"
    else:
        text = written(step.layer, [rename(name) for name in references(step)])
    if step.layer.takes_current and step.inputs[0] != above:
        text += f" from {rename(step.inputs[0])}"
    return text


def with_above(network: Network) -> Iterator[tuple[Step, str | None]]:
    """Every step with the value of the line above it; a head's first line continues what is above
    the head.
    """
    above: dict[str | None, str | None] = {
        None: network.inputs[-1].name if network.inputs else None
    }
    for step in network.steps:
        head = step.head
        while head is not None and head not in above:
            head = around(network, head)
        yield step, above[head]
        above[step.head] = step.name


def around(network: Network, head: str) -> str | None:
    """The head that a head lies in."""
    outer = head.rpartition(".")[0]
    while outer and outer not in network.heads:
        outer = outer.rpartition(".")[0]
    return outer or None


def lines(network: Network) -> dict[str, str]:
    """Every step's line by its name, other steps called as they are called in its scope."""
    return {
        step.name: line(step, above, lambda name, scope=step.name: relative(name, scope))
        for step, above in with_above(network)
    }


def relative(name: str, scope: str) -> str:
    """A value's name as it is seen from beside the step `scope`: its own block's path left out."""
    block = scope.rpartition(".")[0]
    while block:
        if name.startswith(f"{block}."):
            return name[len(block) + 1 :]
        block = block.rpartition(".")[0]
    return name
