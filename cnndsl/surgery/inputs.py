"""Another input: other channels, other sizes; the first layers' weights are adapted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod

import numpy as np
from numpy.typing import NDArray

from cnndsl.diagnostics import UsageError
from cnndsl.elaborate.program import LARGEST_SIDE
from cnndsl.layers.base import Layer, Parameter
from cnndsl.layers.conv import Conv
from cnndsl.network import Network, Step
from cnndsl.shape import Shape
from cnndsl.surgery.rebuilding import rebuilt
from cnndsl.weights.source import Chunks, Weights

Float = NDArray[np.float32]

_BY_CHANNEL = frozenset(
    {"pool", "avgpool", "gap", "gmp", "pad", "crop", "upsample", "filter", "dropout", "flatten"}
    | {"relu", "relu6", "leaky", "sigmoid", "tanh", "skip"}
)
"""Layers that leave channels apart and in their order."""


def with_input(
    network: Network, shape: Shape, weights: Weights | None = None, *, name: str = ""
) -> tuple[Network, Weights | None]:
    """The net for an input of another shape, and its weights, adapted where the channels differ.

    `name` says which input, where there are several. To one channel, the first layer's weights are
    summed over the channels that they had: a grey picture gets the answers that it got as a colour
    one. To other numbers they are repeated in turn and scaled, so that the responses keep their
    size. Filters stay as many as they were. All sizes are inferred anew.

    Raises UsageError where a layer can't take the new size, or holds a weight for every position
    of the old one.
    """
    old = _input(network, name)
    _check(network, old, shape)
    inputs = tuple(
        i.model_copy(update={"shape": shape}) if i.name == old else i for i in network.inputs
    )
    before = network.shapes[old].channels
    steps, adapted = _adapted(network, old, before, shape.channels)
    made = rebuilt(network, steps, inputs=inputs)
    _check_parameters(network, made, adapted)
    _check_losses(made)
    return made, None if weights is None else _with(weights, adapted)


def _input(network: Network, name: str) -> str:
    names = [i.name for i in network.inputs]
    if name in names or (not name and len(names) == 1):
        return name or names[0]
    listed = ", ".join(f"`{n}`" for n in names)
    wrong = f"there is no input `{name}`" if name else "it isn't said which input is meant"
    raise UsageError(f"{wrong}; {network.name} has {listed}")


def _check(network: Network, name: str, shape: Shape) -> None:
    before = network.shapes[name]
    if not all(0 < size <= LARGEST_SIDE for size in shape if isinstance(size, int)):
        raise UsageError(f"an input's sizes lie between 1 and {LARGEST_SIDE:,}, not {shape}")
    if shape.rank != before.rank or (not shape.rank and shape != before):
        raise UsageError(
            f"input `{name}` is {before} and can't become {shape}: only a map's channels and sizes "
            f"can be others"
        )


class _Change:
    """How a parameter becomes one for other channels: its old shape, and the arithmetic."""

    def __init__(self, parameter: Parameter, adapt: Callable[[Float], Float]):
        self.parameter, self.adapt = parameter, adapt


def _adapted(
    network: Network, name: str, before: int, after: int
) -> tuple[list[Step], dict[str, _Change]]:
    """The steps, and the parameters that change with the input's channels."""
    changes: dict[str, _Change] = {}
    if before == after:
        return list(network.steps), changes
    apart = {name}  # values that hold the input's channels, each by itself
    steps: list[Step] = []
    for step in network.steps:
        if len(step.inputs) == 1 and step.inputs[0] in apart:
            parameters = step.layer.parameters(*network.input_shapes(step))
            if step.layer.word in ("conv", "fc"):
                layer, adapt = _first_layer(step, before, after)
                changes[f"{step.owner}.weight"] = _Change(parameters[0], adapt)
                step = step.model_copy(update={"layer": layer})
            elif step.layer.word in _BY_CHANNEL:
                apart.add(step.name)
        steps.append(step)
    return steps, changes


def _first_layer(step: Step, before: int, after: int) -> tuple[Layer, Callable[[Float], Float]]:
    """The layer for so many channels, and what becomes of its weights."""
    layer = step.layer
    groups = layer.groups if isinstance(layer, Conv) else 1
    kept = groups if after % groups == 0 else 1
    if isinstance(layer, Conv):
        layer = layer.model_copy(update={"groups": kept, "filters": step.output.channels})

    def adapt(values: Float) -> Float:
        if kept == groups:
            return for_channels(values, before // groups, after // groups)
        return for_channels(_ungrouped(values, groups), before, after)

    return layer, adapt


def _ungrouped(values: Float, groups: int) -> Float:
    """The same convolution with zeros for the channels outside a filter's group."""
    filters, channels = values.shape[:2]
    made = np.zeros((filters, channels * groups, *values.shape[2:]), np.float32)
    for number in range(groups):
        mine = slice(number * filters // groups, (number + 1) * filters // groups)
        made[mine, number * channels : (number + 1) * channels] = values[mine]
    return made


def for_channels(values: Float, before: int, after: int) -> Float:
    """Weights F×(before·…)×… of a layer on `before` channels as those of one on `after`.

    One channel gets the sum; others get the old ones in turn, times before/after.
    """
    blocks = values.reshape(len(values), before, -1)
    if after == 1:
        made = blocks.sum(axis=1, keepdims=True)
    else:
        made = blocks[:, np.arange(after) % before] * np.float32(before / after)
    return made.reshape(len(values), values.shape[1] // before * after, *values.shape[2:])


def _with(weights: Weights, changes: Mapping[str, _Change]) -> Weights:
    def values(name: str, parameter: Parameter) -> Chunks:
        change = changes.get(name)
        if change is None:
            yield from weights(name, parameter)
            return
        old = np.concatenate(list(weights(name, change.parameter)))
        yield change.adapt(old.reshape(change.parameter.shape)).reshape(-1)

    return values


def _check_parameters(old: Network, new: Network, changes: Mapping[str, _Change]) -> None:
    """Raise where other weights than those adapted would need another shape."""
    for step in new.steps:
        was = old.by_name[step.name]
        given, before = new.input_shapes(step), old.input_shapes(was)
        parameters = step.layer.parameters(*given)
        for parameter, held in zip(parameters, was.layer.parameters(*before), strict=True):
            change = changes.get(f"{step.owner}.{parameter.name}")
            if change is None and parameter.shape == held.shape:
                continue
            if change is not None and _fits(change, parameter):
                continue
            raise UsageError(_pinned(step, before[0], given[0]))


def _fits(change: _Change, parameter: Parameter) -> bool:
    old = change.parameter.shape
    return prod(old[2:]) == prod(parameter.shape[2:]) and old[0] == parameter.shape[0]


def _pinned(step: Step, before: Shape, given: Shape) -> str:
    if step.layer.word == "fc" and before.rank and before.channels == given.channels:
        size = "x".join(map(str, before.space))
        return (
            f"`{step.name}` has a weight for each value of {before}, and would get {given}; keep "
            f"the size, or write `gap {size}` in front of it, which brings every size to {size}"
        )
    return (
        f"the weights of `{step.name}` are for {before} and can't be adapted to {given}: "
        f"only those of the first convolutions and dense layers can"
    )


def _check_losses(network: Network) -> None:
    for term in network.loss:
        shapes = list(dict.fromkeys(network.shapes[name] for name in term.arguments))
        if len(shapes) > 1 and shapes[0].channels != shapes[-1].channels:
            named = ", ".join(term.arguments)
            both = " and ".join(map(str, shapes))
            raise UsageError(
                f"the loss `{term.function}({named})` would compare {both}: a net that gives its "
                f"input back can't be given another number of channels"
            )
