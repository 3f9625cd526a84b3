"""A layer with the numbers that it is worked through on: given ones, or made up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod

import numpy as np

from cnndsl.diagnostics import UsageError
from cnndsl.layers.base import Layer, Parameter
from cnndsl.shape import Shape
from cnndsl.show.numbers.lesson import Array
from cnndsl.show.numbers.reading import MOST_NUMBERS

MOST_IN_A_GRID = 400
"""Numbers of one channel, 20 by 20: more is no drawing any longer."""
MOST_OPERATIONS = 100_000_000


@dataclass(frozen=True, slots=True)
class Case:
    """A layer, its input (C×space) and its parameters by name; `given` says which of these were
    given, the others are made up. `steps` is how many steps of a kind are shown. `upstream` is the
    gradient that comes in, and None where no gradients are asked for.
    """

    layer: Layer
    line: str
    x: Array
    parameters: Mapping[str, Array]
    given: frozenset[str] = frozenset()
    steps: int = 4
    upstream: Array | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def shape(self) -> Shape:
        """That of the input."""
        return Shape(len(self.x), self.x.shape[1:])

    @property
    def title(self) -> str:
        """`conv 3x3 on 1@4x4 → 1@2x2`."""
        return f"{self.line} on {self.shape} → {self.output}"

    @property
    def output(self) -> Shape:
        """That of the output."""
        return self.layer.shape(self.shape)

    @property
    def map(self) -> Array:
        """The input as C×H×W: one axis is a map of one row, a vector one of one place."""
        return as_map(self.x)

    @property
    def coming_in(self) -> Array:
        """The gradient that comes in, as F×H×W."""
        assert self.upstream is not None
        return as_map(self.upstream)

    def like_output(self, values: Array) -> Array:
        """F×H×W as the layer's own output."""
        return values.reshape(sizes(self.output))

    def like_input(self, values: Array) -> Array:
        """C×H×W as the layer's own input."""
        return values.reshape(self.x.shape)


def sizes(shape: Shape) -> tuple[int, ...]:
    """Channels and space, every one a number."""
    return (shape.channels, *shape.sizes)


def as_map(values: Array) -> Array:
    """C×H×W of a map of fewer axes."""
    return values.reshape(len(values), *(1,) * (3 - values.ndim), *values.shape[1:])


def made_up(count: int, low: int, high: int, seed: int = 1) -> Array:
    """Small whole numbers from low to high, the same ones every time."""
    state, found = seed, np.empty(count)
    for i in range(count):
        state = (1_103_515_245 * state + 12_345) % (1 << 31)
        found[i] = low + (state >> 16) % (high - low + 1)
    return found


def made_up_input(layer: Layer, shape: Shape) -> Array:
    """Digits; for layers of single values and norms what lies around 0 too."""
    if layer.word in ("log", "power"):
        return made_up(shape.elements, 1, 9).reshape(sizes(shape))
    if not shape.rank:
        return (np.arange(shape.elements) - shape.elements // 2).astype(np.float64)
    return made_up(shape.elements, 0, 9).reshape(sizes(shape))


def made_up_parameter(layer: Layer, parameter: Parameter) -> Array:
    """A kernel of small numbers, for stamps 0, 1, 2 … row after row; others as training starts."""
    if parameter.role != "weight":
        return np.full(parameter.shape, parameter.initial)
    if layer.word == "deconv":
        area = prod(parameter.shape[2:])
        return np.resize(np.arange(area, dtype=np.float64), parameter.shape)
    return made_up(parameter.size, -1, 2, seed=7).reshape(parameter.shape)


def fitted(values: Array, shape: tuple[int, ...], option: str, kernels: bool = False) -> Array:
    """Given numbers for an array of that shape: as many as it has; of `kernels` one may stand for
    all. Raises UsageError for any other number of them.
    """
    if values.size == prod(shape):
        return values.reshape(shape)
    window = shape[2:]
    if kernels and window and values.size == prod(window):
        return np.broadcast_to(values.reshape(window), shape).copy()
    wanted = f"{prod(shape):,} ({'x'.join(map(str, shape))})"
    if kernels and window and prod(shape[:2]) > 1:
        wanted += f", or {prod(window):,} for all {prod(shape[:2]):,} kernels alike"
    raise UsageError(f"{option} has {values.size:,} numbers, and {wanted} are needed")


def check_size(layer: Layer, x: Shape, option: str = "--input") -> None:
    """Raise UsageError where the calculation would be no longer one for a whiteboard."""
    y = layer.shape(x)
    for what, shape in (("input", x), ("output", y)):
        if shape.area > MOST_IN_A_GRID:
            raise UsageError(
                f"the grid of the {what}, {shape}, would have {shape.area:,} numbers a channel, "
                f"and at most {MOST_IN_A_GRID} are shown; give a smaller {option}"
            )
        if shape.elements > MOST_NUMBERS:
            raise UsageError(
                f"the {what}, {shape}, would have {shape.elements:,} numbers; "
                f"give a smaller {option}"
            )
    weights = max((p.size for p in layer.parameters(x)), default=0)
    if weights > MOST_NUMBERS:
        raise UsageError(
            f"`{layer.word}` has {weights:,} weights on {x}, and at most {MOST_NUMBERS:,} are "
            f"worked with; take fewer filters or a smaller window"
        )
    work = layer.cost((x,), y).flops
    if work > MOST_OPERATIONS:
        raise UsageError(
            f"`{layer.word}` on {x} is {work:,} operations, and at most {MOST_OPERATIONS:,} are "
            f"worked out; give a smaller {option}"
        )
