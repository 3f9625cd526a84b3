"""A layer with the numbers that it is worked through on: given ones, or made up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from cnndsl.diagnostics import UsageError
from cnndsl.layers.base import Layer, Parameter
from cnndsl.shape import Shape
from cnndsl.show.numbers.lesson import Array, Place, place
from cnndsl.show.numbers.reading import MOST_NUMBERS

MOST_IN_A_GRID = 400
"""Numbers of one channel, 20 by 20: more is no drawing any longer."""
MOST_OPERATIONS = 100_000_000


@dataclass(frozen=True, slots=True)
class Part:
    """What a case is of a larger one: the whole's title and sizes, where the part begins among the
    places of output and input, and which channel of the output is its first. All from 0 on.
    """

    title: str
    output_sizes: Place
    input_sizes: Place
    output_first: Place = (0, 0, 0)
    input_first: Place = (0, 0, 0)
    channel: int = 0


@dataclass(frozen=True, slots=True)
class Case:
    """A layer, its input (C×space) and its parameters by name; `given` says which of these were
    given, the others are made up. `steps` is how many steps of a kind are shown. `upstream` is the
    gradient that comes in, and None where no gradients are asked for. A layer of several values
    takes the `others` too; `names` are those of all its inputs. `part` is there where it is one.
    """

    layer: Layer
    line: str
    x: Array
    parameters: Mapping[str, Array]
    given: frozenset[str] = frozenset()
    steps: int = 4
    upstream: Array | None = None
    notes: tuple[str, ...] = ()
    others: tuple[Array, ...] = ()
    names: tuple[str, ...] = ("X",)
    part: Part | None = None

    @property
    def shape(self) -> Shape:
        """That of the input."""
        return shape_of(self.x)

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """Those of all inputs."""
        return tuple(map(shape_of, (self.x, *self.others)))

    @property
    def title(self) -> str:
        """`conv 3x3 on 1@4x4 → 1@2x2`."""
        if self.part is not None:
            return self.part.title
        shapes = [str(shape) for shape in self.shapes]
        listed = " and ".join([", ".join(shapes[:-1]), shapes[-1]] if self.others else shapes)
        return f"{self.line} on {listed} → {self.output}"

    @property
    def output(self) -> Shape:
        """That of the output."""
        return self.layer.shape(*self.shapes)

    @property
    def map(self) -> Array:
        """The input as C×D×H×W: two axes are one slice, one is a row, a vector is one place."""
        return as_map(self.x)

    @property
    def coming_in(self) -> Array:
        """The gradient that comes in, as F×D×H×W."""
        assert self.upstream is not None
        return as_map(self.upstream)

    def output_place(self, at: Sequence[int]) -> str:
        """A place of the output, in words."""
        if self.part is None:
            return place(at, (*(1,) * (3 - self.output.rank), *self.output.sizes))
        return place(_moved(at, self.part.output_first), self.part.output_sizes)

    def input_place(self, at: Sequence[int]) -> str:
        """A place of the input, in words."""
        return place(self.moved(at), self.part.input_sizes if self.part else self.map.shape[1:])

    def moved(self, at: Sequence[int]) -> Place:
        """A place of the input as one of the whole input."""
        return _moved(at, self.part.input_first if self.part else (0, 0, 0))

    def like_output(self, values: Array) -> Array:
        """F×D×H×W as the layer's own output."""
        return values.reshape(sizes(self.output))

    def like_input(self, values: Array) -> Array:
        """C×D×H×W as the layer's own input."""
        return values.reshape(self.x.shape)


def _moved(at: Sequence[int], by: Place) -> Place:
    depth, row, column = (n + first for n, first in zip(at, by, strict=True))
    return depth, row, column


def shape_of(values: Array) -> Shape:
    """The shape of C×space values."""
    return Shape(len(values), values.shape[1:])


def sizes(shape: Shape) -> tuple[int, ...]:
    """Channels and space, every one a number."""
    return (shape.channels, *shape.sizes)


def as_map(values: Array) -> Array:
    """C×D×H×W of a map of fewer axes."""
    return values.reshape(len(values), *(1,) * (4 - values.ndim), *values.shape[1:])


def made_up(count: int, low: int, high: int, seed: int = 1) -> Array:
    """Small whole numbers from low to high, the same ones every time."""
    state, found = seed, np.empty(count)
    for i in range(count):
        state = (1_103_515_245 * state + 12_345) % (1 << 31)
        found[i] = low + (state >> 16) % (high - low + 1)
    return found


def made_up_input(layer: Layer, shape: Shape, number: int = 0) -> Array:
    """Digits; for layers of single values and norms what lies around 0 too. `number` counts the
    inputs of a layer of several.
    """
    if layer.word in ("log", "power", "div"):
        return made_up(shape.elements, 1, 9, seed=1 + number).reshape(sizes(shape))
    if not shape.rank and not number:
        return (np.arange(shape.elements) - shape.elements // 2).astype(np.float64)
    return made_up(shape.elements, 0, 9, seed=1 + number).reshape(sizes(shape))


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
    count = f"{values.size:,} number{'s' * (values.size != 1)}"
    raise UsageError(f"{option} has {count}, and {wanted} are needed")


def check_size(layer: Layer, inputs: tuple[Shape, ...], option: str = "--input") -> None:
    """Raise UsageError where the calculation would be no longer one for a whiteboard."""
    x, y = inputs[0], layer.shape(*inputs)
    for what, shape in (*(("input", shape) for shape in inputs), ("output", y)):
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
    check_weights(layer, inputs)
    work = layer.cost(inputs, y).flops
    if work > MOST_OPERATIONS:
        raise UsageError(
            f"`{layer.word}` on {x} is {work:,} operations, and at most {MOST_OPERATIONS:,} are "
            f"worked out; give a smaller {option}"
        )


def check_weights(layer: Layer, inputs: tuple[Shape, ...]) -> None:
    """Raise UsageError where a layer has more weights than are worked with."""
    weights = max((p.size for p in layer.parameters(*inputs)), default=0)
    if weights > MOST_NUMBERS:
        raise UsageError(
            f"`{layer.word}` has {weights:,} weights on {inputs[0]}, and at most {MOST_NUMBERS:,} "
            f"are worked with; take fewer filters or a smaller window"
        )
