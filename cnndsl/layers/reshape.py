"""The same values in another shape: `reshape` and `flatten`."""

from __future__ import annotations

from typing import Annotated, Any, cast

from pydantic import AfterValidator, BeforeValidator, InstanceOf

from cnndsl.layers.arguments import shape
from cnndsl.layers.base import (
    EVERYTHING,
    Builder,
    Cost,
    Example,
    Layer,
    ReceptiveAxes,
    ShapeError,
    Value,
)
from cnndsl.layers.fc import fixed_size
from cnndsl.shape import Shape

LARGEST_TARGET_SIZE = 1 << 24
MOST_AXES = 3


def _as_shape(value: object) -> object:
    """Channels and sizes as a line of the language gives them."""
    if not isinstance(value, tuple):
        return value
    channels, *space = cast("tuple[int, ...]", value)
    return Shape(channels, tuple(space))


def _checked(target: Shape) -> Shape:
    if target.rank > MOST_AXES:
        raise ValueError(f"it may have {MOST_AXES} spatial axes at most")
    if any(isinstance(n, int) and not 0 < n <= LARGEST_TARGET_SIZE for n in target):
        raise ValueError(f"its sizes must lie between 1 and {LARGEST_TARGET_SIZE}")
    return target


Target = Annotated[InstanceOf[Shape], BeforeValidator(_as_shape), AfterValidator(_checked)]


class Rearrangement(Layer):
    """A layer that leaves the values alone; their order is channels first, then rows, columns."""

    in_place = True
    keeps = frozenset[str]()

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        return Cost(0, 0)

    def receptive_field(self, inputs: tuple[Shape, ...], output: Shape) -> ReceptiveAxes:
        return EVERYTHING if inputs[0].rank else ()

    def explain(self, inputs: tuple[Shape, ...], output: Shape) -> list[str]:
        (x,) = inputs
        return [f"values: {_product(x)} = {_product(output)}"] if x != output else []


class Reshape(Rearrangement, word="reshape"):
    """Give the values another shape: `reshape 64@7x7` makes a map of a vector of 3136.

    - Shape `64@7x7` or `@3136`, required; it must hold as many values as the input.

    The order of values stays: channels first, then rows, then columns. Parameters, MACs, FLOPs:
    none.
    """

    target: Target = shape()

    examples = (
        Example("reshape 64@7x7", "@3136", "64@7x7"),
        Example("reshape @128", "8@4x4", "@128"),
        Example("reshape 2@4x4x4", "8@4x4", "2@4x4x4"),
    )

    def shape(self, *inputs: Shape) -> Shape:
        (x,), target = inputs, self.target
        if x == target:
            return x
        fixed_size(x, "values can only be counted in a fixed size")
        if not target.is_concrete or x.elements != target.elements:
            count = f"{target.elements}" if target.is_concrete else "no fixed number of"
            raise ShapeError(
                "reshape-mismatch",
                f"{x} has {x.elements} values, but {target} has {count}",
                field="target",
                help="the product of channels and sizes must stay the same",
            )
        return target

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        if graph.inputs[0] == self.target:
            return inputs[0]
        batch = 0  # as it is
        shape = graph.constant("shape", (batch, self.target.channels, *self.target.sizes), "int")
        return graph.op("Reshape", *inputs, shape)


class Flatten(Rearrangement, word="flatten"):
    """Make a vector of a map. `fc` does so by itself.

    The order of values is channels first, then rows, then columns. Parameters, MACs, FLOPs: none.
    """

    examples = (
        Example("flatten", "16@5x5", "@400"),
        Example("flatten", "@400", "@400"),
    )

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        fixed_size(x, "a vector has a fixed number of values")
        return Shape(x.elements)

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        return graph.op("Flatten", *inputs, axis=1) if graph.inputs[0].rank else inputs[0]


def _product(shape: Shape) -> str:
    return "·".join(map(str, shape))
