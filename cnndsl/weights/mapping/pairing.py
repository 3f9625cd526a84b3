"""A layer of the net and a layer of the file: which tensor is which parameter, and what changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from cnndsl.layers.base import Parameter
from cnndsl.layers.batchnorm import BatchNorm
from cnndsl.weights.formats.keras_names import EITHER
from cnndsl.weights.mapping.adapting import left_out, mean_without_bias, variance_for_epsilon
from cnndsl.weights.mapping.layouts import KERAS, fits, to_ours
from cnndsl.weights.mapping.mapping import Entry, Verdict
from cnndsl.weights.mapping.modules import Module, layer_of
from cnndsl.weights.mapping.places import Place
from cnndsl.weights.tensors import Array, FileFormat, Tensor

Read = Callable[[], Array]


@dataclass(frozen=True, slots=True)
class Pairing:
    """How tensors of a file are compared with parameters.

    `epsilons` are those of the file's norms by their layers' names, and `epsilon` is that of the
    others, where they are known.
    """

    format: FileFormat
    epsilon: float | None = None
    epsilons: Mapping[str, float] = field(default_factory=dict[str, float])

    def fits(self, place: Place, module: Module) -> bool:
        """Whether the file's layer has all that the net's needs, in shapes that fit."""
        return all(e.verdict != "missing" for e in self.entries(place, module, "exact"))

    def entries(self, place: Place, module: Module, verdict: Verdict) -> list[Entry]:
        """An entry for each parameter of the layer; missing where no tensor fits."""
        return [self._entry(place, p, module, verdict) for p in place.parameters]

    def _entry(self, place: Place, parameter: Parameter, module: Module, verdict: Verdict) -> Entry:
        name, tensor = place.full(parameter), module.parts.get(parameter.name)
        if tensor is None and parameter.role == "norm" and self._does_without(module):
            what = "scale" if parameter.name == "weight" else "offset"
            note = f"{parameter.initial:g}: the norm in the file has no {what}"
            read = partial(left_out, parameter)
            return Entry("adapted", name, parameter.shape, (), note, read)
        if tensor is None:
            note = f"`{module.name}` in the file has no {parameter.name}"
            return Entry("missing", name, parameter.shape, note=note)
        turned = _transposed(tensor) if module.turned and parameter.name == "weight" else tensor
        if not self._suits(turned, place, parameter):
            note = f"`{tensor.name}` in the file is {sizes(tensor.shape)}"
            return Entry("missing", name, parameter.shape, note=note)
        read, note = self._read(turned, place, parameter), self._change(turned, parameter)
        if turned is not tensor:
            note = f"turned from {sizes(tensor.shape)}"
        ours = place.layer.eps if isinstance(place.layer, BatchNorm) else None
        theirs = self._epsilon(module) if parameter.name == "running_var" else None
        if ours is not None and theirs is not None and ours != theirs:
            note = f"{theirs - ours:+.3g}: epsilon is {theirs:g} there, and {ours:g} in the net"
            return Entry(
                "adapted",
                name,
                parameter.shape,
                (tensor,),
                note,
                lambda: variance_for_epsilon(read(), theirs, ours),
            )
        found: Verdict = "adapted" if note else verdict
        return Entry(found, name, parameter.shape, (tensor,), note, read)

    def _does_without(self, module: Module) -> bool:
        """Whether it is a norm made without scale or offset: only in Keras without one of them."""
        parts = module.parts.keys()
        if EITHER in parts:
            return False  # what it lacks isn't known
        if self.format == KERAS:
            names = (t.name.rpartition("/")[2] for t in module.parts.values())
            return any(name in ("gamma", "beta", "moving_variance") for name in names)
        return "running_var" in parts and not parts & {"weight", "bias"}

    def bias(self, place: Place, norm: Place, bias: Tensor) -> Read | None:
        """A bias that the layer has no place for, a number a channel of the norm behind it; None
        where it has another length.
        """
        mean = next(p for p in norm.parameters if p.name == "running_mean")
        return self._read(bias, place, mean) if self._suits(bias, place, mean) else None

    def _epsilon(self, module: Module) -> float | None:
        """What the file's norm adds to its variance, where that is known."""
        if module.said and module.said.epsilon is not None:
            return module.said.epsilon
        variance = module.parts["running_var"].name
        return self.epsilons.get(layer_of(variance), self.epsilon)

    def _suits(self, tensor: Tensor, place: Place, parameter: Parameter) -> bool:
        if place.layer is None:
            return tensor.shape == parameter.shape
        return fits(tensor.shape, self.format, place.layer, place.inputs, parameter)

    def _read(self, tensor: Tensor, place: Place, parameter: Parameter) -> Read:
        layer = place.layer
        if layer is None:
            return tensor.read
        return lambda: to_ours(
            tensor.read(), self.format, layer, place.inputs, parameter, place.before, place.after
        )

    def _change(self, tensor: Tensor, parameter: Parameter) -> str:
        if self.format == KERAS and parameter.role == "weight":
            return f"turned from {sizes(tensor.shape)}, channels last"
        if tensor.shape != parameter.shape:
            return f"reshaped from {sizes(tensor.shape)}"
        return ""


def absorb(mean: Entry, bias: Tensor, read_bias: Read) -> Entry:
    """A running mean that takes away the bias of the layer before, which the net leaves out."""
    assert mean.values is not None
    read = mean.values
    return replace(
        mean,
        verdict="adapted",
        tensors=(*mean.tensors, bias),
        note=f"less `{bias.name}`, which the net has no place for before a norm",
        values=lambda: mean_without_bias(read(), read_bias()),
    )


def folded(norm: Place, bias: Tensor | None, read_bias: Read) -> list[Entry]:
    """A norm that changes nothing but adds a bias, if any: the file's are folded into its filters.

    Weight 1, mean 0 and variance 1 − epsilon leave x as it is, up to the last bit.
    """
    assert isinstance(norm.layer, BatchNorm)
    values = {"weight": 1.0, "running_var": 1 - norm.layer.eps}
    entries: list[Entry] = []
    for parameter in norm.parameters:
        tensors, read = (), partial(_full, parameter, values.get(parameter.name, 0.0))
        note = f"{values.get(parameter.name, 0.0):g}: the file's norm is folded into its filters"
        if parameter.name == "bias" and bias is not None:
            tensors, read = (bias,), read_bias
            note = "the file's norm is folded into this bias"
        name = norm.full(parameter)
        entries.append(Entry("adapted", name, parameter.shape, tensors, note, read))
    return entries


def sizes(shape: tuple[int, ...]) -> str:
    """`64 x 3 x 7 x 7`."""
    return " x ".join(map(str, shape)) or "one number"


def _full(parameter: Parameter, value: float) -> Array:
    return np.full(parameter.shape, value, np.float32)


def _transposed(tensor: Tensor) -> Tensor:
    return replace(tensor, shape=tensor.shape[::-1], read=lambda: tensor.read().T)
