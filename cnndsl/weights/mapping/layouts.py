"""Other frameworks' layouts of a layer's values, turned to ours.

Ours are ONNX's and PyTorch's (docs/decisions/0010): channels before space. Keras' are

| values | Keras | ours |
|---|---|---|
| convolution | (height, width, in, out) | (out, in, height, width) |
| depthwise, m filters a channel | (height, width, channels, m) | (channels·m, 1, height, width) |
| transposed convolution | (height, width, out, in) | (in, out, height, width) |
| dense | (in, out), in by height, width, channels | (out, in), in by channels, height, width |
| one number a value (`ln all`) | (height, width, channels) | (channels, height, width) |

and alike with one or three axes of space. A vector that was a map, or becomes one, has its values
in Keras' order there; `keras_orders` finds such vectors. A dense layer and the convolution over its
whole input (a 1x1 one after `gap`) have the same numbers, so either may stand for the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from cnndsl.layers.base import Layer, Parameter
from cnndsl.layers.elementwise import Elementwise
from cnndsl.layers.fc import Dense
from cnndsl.layers.merge import Concat, Merge
from cnndsl.layers.reshape import Rearrangement, Reshape
from cnndsl.network import Network
from cnndsl.shape import Shape
from cnndsl.weights.tensors import AS_USUAL, Turn, Turns

Array = npt.NDArray[Any]
Order = npt.NDArray[np.intp]
"""Where each value of a vector of ours stands in Keras' vector."""

KERAS = "Keras"


class LayoutError(ValueError):
    """A tensor can't be the parameter it was meant for, whichever way it is turned."""


def to_ours(
    array: Array,
    file_format: str,
    layer: Layer,
    input_shapes: tuple[Shape, ...],
    parameter: Parameter,
    before: Order | None = None,
    after: Order | None = None,
) -> Array:
    """The array as the layer's parameter has it; a view where that is possible.

    `before` and `after` are the orders of the layer's input and output, where these are vectors
    that `keras_orders` found. Raises LayoutError where the sizes don't agree.
    """
    turned = array
    if file_format == KERAS:
        turned = _from_keras(array, layer, input_shapes, parameter, before, after)
    if not _alike(turned.shape, parameter.shape):
        raise LayoutError(f"{array.shape} can't be turned to {parameter.shape}")
    return turned.reshape(parameter.shape)


def fits(
    shape: tuple[int, ...],
    file_format: str,
    layer: Layer,
    input_shapes: tuple[Shape, ...],
    parameter: Parameter,
) -> bool:
    """Whether `to_ours` can turn a tensor of that shape; reads no values."""
    if prod(shape) != parameter.size:  # absurd shapes go no further
        return False
    nothing = np.broadcast_to(np.float32(0), shape)  # all of its values are one
    try:
        to_ours(nothing, file_format, layer, input_shapes, parameter)
    except LayoutError:
        return False
    return True


def keras_orders(network: Network, turns: Turns = AS_USUAL) -> dict[str, Order]:
    """The order of every vector that was a map before, or that becomes one.

    Keras flattens a map channels last, and reads a reshaped vector so. Where the file's net turns
    maps before, the order of maps that a dense layer takes is given as well. Raises LayoutError
    where maps can't be turned so.
    """
    orders: dict[str, Order] = {}
    for step in network.steps:
        if step.output.rank or not step.output.is_concrete:
            continue
        shapes = network.input_shapes(step)
        known = [orders.get(name) for name in step.inputs]
        if isinstance(step.layer, Rearrangement) and shapes[0].rank:
            orders[step.name] = _flattened(shapes[0], turns.flattened)
        elif isinstance(step.layer, Concat) and any(order is not None for order in known):
            orders[step.name] = _side_by_side(known, shapes)
        elif isinstance(step.layer, Elementwise | Rearrangement | Merge) and known[0] is not None:
            orders[step.name] = known[0]
    for step in reversed(network.steps):
        if isinstance(step.layer, Reshape) and step.output.rank and step.output.is_concrete:
            wanted: Order | None = _shaped(step.output, turns.shaped)
        elif isinstance(step.layer, Elementwise):
            wanted = orders.get(step.name)
        else:
            continue
        (name,) = step.inputs
        if wanted is not None and network.shapes[name].rank == 0:
            orders.setdefault(name, wanted)
    if turns.flattened:
        for step in network.steps:
            for name in step.inputs if isinstance(step.layer, Dense) else ():
                shape = network.shapes[name]
                if shape.rank and shape.is_concrete:
                    orders[name] = _flattened(shape, turns.flattened)
    return orders


def _from_keras(
    array: Array,
    layer: Layer,
    input_shapes: tuple[Shape, ...],
    parameter: Parameter,
    before: Order | None,
    after: Order | None,
) -> Array:
    rank = array.ndim
    if parameter.role != "weight":
        if rank > 1:  # a number for each value of a map
            return np.moveaxis(array, -1, 0)
        return array if after is None or array.shape != after.shape else array[after]
    if rank < 2:
        raise LayoutError(f"{array.shape} is no kernel")
    if rank == 2 and parameter.size == array.size:
        if before is not None and array.shape[0] == before.size:
            array = array[before]
        elif isinstance(layer, Dense):
            (x,) = input_shapes
            array = _split(array, (*x.sizes, x.channels))
        else:
            array = _split(array, (*parameter.shape[2:], parameter.shape[1]))
    space = range(array.ndim - 2)
    swapped = array.transpose(array.ndim - 1, array.ndim - 2, *space)
    if isinstance(layer, Dense):
        swapped = swapped.reshape(swapped.shape[0], -1)
        return swapped if after is None else swapped[after]
    if swapped.shape != parameter.shape and parameter.shape[1] == 1:  # depthwise
        filters = swapped.swapaxes(0, 1)
        return filters.reshape(-1, 1, *filters.shape[2:])
    return swapped


def _split(array: Array, axes: tuple[int, ...]) -> Array:
    """The rows of a dense kernel as the map that they weigh."""
    if prod(axes) != array.shape[0]:
        raise LayoutError(f"{array.shape} has no row for each value of {axes}")
    return array.reshape(*axes, array.shape[1])


def _alike(shape: tuple[int, ...], ours: tuple[int, ...]) -> bool:
    """Whether the numbers have the same order: axes of one don't matter, nor whether the inputs of
    a dense layer are listed as a map.
    """
    if [n for n in shape if n > 1] == [n for n in ours if n > 1]:
        return True
    dense = 2 in (len(shape), len(ours))
    return dense and shape[:1] == ours[:1] and prod(shape) == prod(ours)


def _flattened(shape: Shape, turns: Sequence[Turn]) -> Order:
    """Where the values of a map stand in a vector: channels last, and turned so before."""
    places = np.arange(shape.elements, dtype=np.intp).reshape(*shape.sizes, shape.channels)
    order = np.argsort(_turned(places, turns).ravel()).reshape(places.shape)
    return np.moveaxis(order, -1, 0).ravel()


def _shaped(shape: Shape, turns: Sequence[Turn]) -> Order:
    """Where the values of a map stood in the vector that became it, in turning so."""
    sizes = (*shape.sizes, shape.channels)
    places = np.arange(shape.elements, dtype=np.intp)
    places = _turned(places, turns) if turns else places.reshape(sizes)
    if places.shape != sizes:
        raise LayoutError(f"{places.shape} is no {sizes}")
    return np.moveaxis(places, -1, 0).ravel()


def _turned(places: Order, turns: Sequence[Turn]) -> Order:
    try:
        for what, numbers in turns:
            if what == "permute":
                places = places.transpose([number - 1 for number in numbers])
            else:
                places = places.reshape(numbers)
    except (ValueError, OverflowError):
        raise LayoutError(f"{places.shape} can't be turned by {turns}") from None
    return places


def _side_by_side(orders: list[Order | None], shapes: tuple[Shape, ...]) -> Order:
    """The order of vectors put behind each other."""
    starts = np.cumsum([0, *(shape.channels for shape in shapes[:-1])])
    rows = zip(orders, shapes, starts, strict=True)
    return np.concatenate(
        [start + (np.arange(s.channels) if o is None else o) for o, s, start in rows]
    )
