"""What a network computes, whatever its text looks like: a fix must leave it as it is."""

from __future__ import annotations

from typing import NamedTuple

from cnndsl.layers.base import Layer
from cnndsl.linting.redundancy import is_redundant
from cnndsl.network import Network
from cnndsl.shape import Shape


class _Given(NamedTuple):
    name: str
    shape: Shape


class _Computed(NamedTuple):
    """A layer of values by their numbers; `owner` where weights or chance are its own."""

    layer: Layer
    inputs: tuple[int, ...]
    owner: str | None
    head: str | None


def meaning(network: Network) -> object:
    """A value that two networks share where they have the same inputs, outputs and weights by
    name, and compute the same of them; steps that nobody needs and that do nothing don't count.
    """
    numbers: dict[_Given | _Computed, int] = {}  # of all different computations so far
    values: dict[str, int] = {}

    def number(key: _Given | _Computed) -> int:
        return numbers.setdefault(key, len(numbers))

    for given in network.inputs:
        values[given.name] = number(_Given(given.name, given.shape))
    for step in network.steps:
        inputs = tuple(values[name] for name in step.inputs)
        if is_redundant(network, step):
            values[step.name] = inputs[0]
            continue
        own = step.layer.is_identity or step.layer.parameters(*network.input_shapes(step))
        owner = step.owner if own else None
        values[step.name] = number(_Computed(step.layer, inputs, owner, step.head))
    compared = (name for term in network.loss for name in term.arguments)
    kept = [values.get(n) for n in (*network.outputs, *network.heads.values(), *compared)]
    losses = [(t.function, t.coefficient, dict(t.settings)) for t in network.loss]
    needed = _needed(list(numbers), kept)
    return dict(network.settings), network.outputs, list(network.heads), losses, needed


def _needed(keys: list[_Given | _Computed], kept: list[int | None]) -> object:
    """The inputs, and the computations behind what is kept, with numbers among themselves."""
    needed = {number for number in kept if number is not None}
    for number in reversed(range(len(keys))):
        key = keys[number]
        if number in needed and isinstance(key, _Computed):
            needed.update(key.inputs)
    anew: dict[int, int] = {}
    told: list[_Given | _Computed] = []
    for number, key in enumerate(keys):
        if isinstance(key, _Computed):
            if number not in needed:
                continue
            key = key._replace(inputs=tuple(anew[i] for i in key.inputs))
        anew[number] = len(anew)
        told.append(key)
    return told, [number if number is None else anew[number] for number in kept]
