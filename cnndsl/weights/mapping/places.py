"""The places of a net that wait for values: a layer's parameters together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from cnndsl.layers.base import Layer, Parameter
from cnndsl.layers.batchnorm import BatchNorm
from cnndsl.layers.fc import Dense
from cnndsl.network import Network
from cnndsl.shape import Shape
from cnndsl.weights.mapping.layouts import Order, keras_orders
from cnndsl.weights.tensors import AS_USUAL, Turns

Kind = Literal["product", "norm"]
"""Layers with a matrix or filters, and layers with numbers a channel: norms, scales, slopes."""


@dataclass(frozen=True, slots=True)
class Place:
    """A layer with parameters, by the name that they begin with.

    `layer` is None for a parameter of an ONNX model. `norm` names the batch norm that alone takes
    the layer's output, and may take its bias over. `training` is whether inference does without.
    `before` and `after` are for Keras' layouts.
    """

    name: str
    parameters: tuple[Parameter, ...]
    layer: Layer | None = None
    inputs: tuple[Shape, ...] = ()
    norm: str | None = None
    training: bool = False
    before: Order | None = None
    after: Order | None = None

    @property
    def kind(self) -> Kind:
        """Which sequence of the file's layers it is compared with."""
        return "product" if any(p.role == "weight" for p in self.parameters) else "norm"

    @property
    def numbered(self) -> bool:
        """Whether the language gave its name: `conv2`, which says nothing of a file's."""
        word = self.layer.word if self.layer else ""
        return bool(word) and bool(re.fullmatch(rf"{word}_?\d+_?", self.name.rpartition(".")[2]))

    @property
    def flattened(self) -> bool:
        """Whether it is a dense layer that weighs every position of a map."""
        dense = isinstance(self.layer, Dense)
        return dense and (self.before is not None or any(x.area > 1 for x in self.inputs))

    def has(self, role: str) -> bool:
        """Whether it has a parameter of that name."""
        return any(p.name == role for p in self.parameters)

    def full(self, parameter: Parameter) -> str:
        """The parameter's name in the whole net."""
        return f"{self.name}.{parameter.name}" if self.layer else self.name


def places_in(
    network: Network | Mapping[str, Parameter], orders: bool = False, turns: Turns = AS_USUAL
) -> list[Place]:
    """Every place of a net, in the order of its steps, or of an ONNX model's parameters.

    `orders` is whether it matters where the values of a flattened map stand, and `turns` what is
    done to maps before. Raises LayoutError where the net's can't be turned so.
    """
    if not isinstance(network, Network):
        return [Place(name, (parameter,)) for name, parameter in network.items()]
    return list(_places(network, keras_orders(network, turns) if orders else {}))


def _places(network: Network, orders: Mapping[str, Order]) -> Iterator[Place]:
    norms = _norms_behind(network)
    for step in network.steps:
        shapes = network.input_shapes(step)
        parameters = step.layer.parameters(*shapes)
        if parameters and step.shares is None:
            yield Place(
                step.name,
                parameters,
                step.layer,
                shapes,
                norms.get(step.name),
                step.head is not None,
                orders.get(step.inputs[0]),
                orders.get(step.name),
            )


def _norms_behind(network: Network) -> dict[str, str]:
    """The batch norm that alone takes a layer's output, and takes no other's; both by the steps
    that own the weights, so that of lines used twice each use is looked at.
    """
    users: dict[str, set[str]] = {}
    sources: dict[str, set[str]] = {}
    owner = {step.name: step.owner for step in network.steps}
    for step in network.steps:
        for name in step.inputs:
            users.setdefault(owner.get(name, name), set()).add(step.owner)
            sources.setdefault(step.owner, set()).add(owner.get(name, name))
    for name in network.outputs:
        users.setdefault(owner.get(name, name), set()).add("an output")
    return {
        name: norm
        for name, found in users.items()
        for norm in found
        if len(found) == len(sources.get(norm, ())) == 1
        and isinstance(network.by_name[norm].layer, BatchNorm)
    }
