"""Functions of single values that are no layers by themselves: parts of activations and norms.

Exporters write some activations as arithmetic, x·sigmoid(x) or x·clip(x + 3, 0, 6)/6, in many
variants. So these parts are kept as they are at first, and `patterns.py` finds out by computing
them what activation they are together.
"""

from __future__ import annotations

from collections.abc import Callable
from math import erf, inf
from typing import Any

import numpy as np
from pydantic import InstanceOf

from cnndsl.importing.draft import Array
from cnndsl.layers.base import Builder, Cost, Layer, Value
from cnndsl.layers.borders import Pad
from cnndsl.layers.elementwise import Elementwise
from cnndsl.layers.scale import Scale
from cnndsl.shape import Shape

FUNCTIONS: dict[str, Callable[..., Array]] = {
    "erf": np.vectorize(erf, otypes=[np.float64]),
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "reciprocal": np.reciprocal,
    "clip": np.clip,
    "power": np.power,
}


PLACES = "places"
"""What `Elementary` stands for a pool's second output: where its maxima are."""


class Elementary(Elementwise):
    """A function of FUNCTIONS, with numbers behind its first argument, and the model's operator."""

    kind: str
    operator: str
    numbers: tuple[float, ...] = ()

    flops = 1

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        raise NotImplementedError  # replaced, or refused, before a net is made


class Repeated(Layer):
    """Its input stretched along axes of size 1."""

    target: InstanceOf[Shape]

    def shape(self, *inputs: Shape) -> Shape:
        return self.target

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        return Cost(0, 0)

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        raise NotImplementedError  # replaced before a net is made


class Lowest(Pad):
    """A border that is less than any value: the padding of a maximum pooling behind it."""

    value: float = -inf

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        raise NotImplementedError  # taken into the pooling, or refused, before a net is made


class Uniform(Scale):
    """A scale with the same numbers in every channel: a number of the model's, or, `learned`, a
    tensor of one value.
    """

    learned: bool = False
