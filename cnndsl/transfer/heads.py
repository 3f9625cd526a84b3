"""A net with a new head, and the head as a small net of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from cnndsl.diagnostics import UsageError
from cnndsl.layers.base import Layer
from cnndsl.layers.fc import Dense
from cnndsl.layers.globalpool import GlobalAverage, GlobalMaximum
from cnndsl.layers.reshape import Flatten
from cnndsl.network import Input, Network, Step
from cnndsl.shape import Shape
from cnndsl.surgery import cut, with_head
from cnndsl.surgery.rebuilding import rebuilt
from cnndsl.training.options import HeadKind, Pool

HEADS: tuple[HeadKind, ...] = ("linear", "mlp", "logistic")


@dataclass(frozen=True, slots=True)
class Renewed:
    """A net whose head is new: `new` are its parameters that have no values yet.

    `first` is the head's first layer with weights; `vector` the value that it describes an example
    by, which all before it makes.
    """

    network: Network
    new: frozenset[str]
    first: Step
    vector: str

    @classmethod
    def of(cls, network: Network, new: Collection[str]) -> Renewed:
        """A net with the parameters that are its head's."""
        owners = {name.rpartition(".")[0] for name in new}
        first = next(step for step in network.steps if step.name in owners)
        value = first.inputs[0]
        while (step := network.by_name.get(value)) is not None and step.layer.is_identity:
            value = step.inputs[0]
        return cls(network, frozenset(new), first, value)

    @property
    def layers(self) -> tuple[str, ...]:
        """The new head's layers, from the first one on."""
        return tuple(dict.fromkeys(name.rpartition(".")[0] for name in sorted(self.new)))

    def old(self) -> set[str]:
        """The parameters that aren't the new head's."""
        return {
            f"{step.owner}.{parameter.name}"
            for step in self.network.steps
            for parameter in step.layer.parameters(*self.network.input_shapes(step))
        } - self.new

    def head(self) -> Network:
        """The head alone: from the vector, as D@1x1, to the classes."""
        base = {step.name for step in cut(self.network, self.vector).steps}
        size = self.network.shapes[self.vector].elements
        origin = self.network.inputs[0].origin
        entry = Input(name=self.vector, shape=Shape(size, (1, 1)), origin=origin)
        steps = [s for s in self.network.without_heads() if s.name not in base]
        made = {step.name for step in steps}
        outputs = tuple(name for name in self.network.outputs if name in made)
        return rebuilt(self.network, steps, inputs=(entry,), outputs=outputs, settings={})


def renew(
    network: Network,
    classes: int,
    kind: HeadKind,
    at: str | None = None,
    dropout: float | None = None,
    pool: Pool = "mean",
) -> Renewed:
    """The net with a new head for so many classes, or one on the value `at` of an earlier layer.

    Its maps are made a vector by their means or greatest values, or value for value ("none").
    `dropout` before the last layer is by default the old head's, and 0.5 in an mlp. Raises
    UsageError where there is no classifier to replace, or no such value.
    """
    if classes < 2:
        raise UsageError(f"a classifier tells two classes apart at least, and there is {classes}")
    if at is not None:
        network = _classified(cut(network, at), classes, pool)
    grafted = with_head(network, classes, "mlp" if kind == "mlp" else "linear", dropout=dropout)
    return Renewed.of(grafted.network, grafted.new)


_POOLS: Mapping[Pool, tuple[str, Callable[[], Layer]]] = {
    "none": ("flatten1", Flatten),
    "mean": ("gap1", GlobalAverage),
    "max": ("gmp1", GlobalMaximum),
}


def _classified(network: Network, classes: int, pool: Pool) -> Network:
    """A part of a net with a plain classifier behind it: maps as a vector, dense layer."""
    value = network.outputs[0]
    layers: list[tuple[str, Layer]] = [("logits", Dense(units=classes))]
    if network.shapes[value].rank:
        word, make = _POOLS[pool]
        layers.insert(0, (word, make()))
    steps = list(network.steps)
    for name, layer in layers:
        while name in network.shapes:
            name += "_"
        steps.append(
            Step(
                name=name,
                layer=layer,
                inputs=(value,),
                output=network.shapes[network.outputs[0]],
                origin=network.inputs[0].origin,
            )
        )
        value = name
    return rebuilt(network, steps, outputs=(value,))
