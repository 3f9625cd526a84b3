"""The dense layer: `fc`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from cnndsl.layers.arguments import number, words
from cnndsl.layers.base import (
    EVERYTHING,
    POINT,
    Builder,
    Cost,
    Example,
    Layer,
    Parameter,
    ReceptiveAxes,
    ShapeError,
    Value,
)
from cnndsl.shape import Shape

Units = Annotated[int, Field(gt=0, le=1 << 24)]


class Dense(Layer, word="fc"):
    """Fully connected: every unit weighs all values of the input, which is flattened.

    `fc 4096` turns 512@7x7 into a vector of 4,096. Values are flattened channels first.

    - Units `4096`, required.
    - `bias` (default) or `nobias`; where the next chained layer is `bn` the default is no bias.

    Output: a vector of that many units. The input must have a fixed size; where height and width
    are names, `gap` before it makes one. Parameters: C·H·W·units weights and units biases. MACs:
    every weight once. FLOPs: 2 per MAC and 1 per unit for the bias.
    """

    units: Units = number()
    bias: bool = words(True, bias=True, nobias=False)

    examples = (
        Example("fc 10", "@84", "@10", params=850, macs=840),
        Example("fc 120", "16@5x5", "@120", params=48_120, macs=48_000),
        Example("fc 4096", "512@7x7", "@4096", params=102_764_544, macs=102_760_448),
        Example("fc 10 nobias", "@84", "@10", params=840, macs=840),
    )

    def shape(self, *inputs: Shape) -> Shape:
        fixed_size(inputs[0], "a dense layer has a weight for every value")
        return Shape(self.units)

    def parameters(self, *inputs: Shape) -> tuple[Parameter, ...]:
        values = inputs[0].elements
        weight = Parameter(
            "weight", (self.units, values), "weight", fan_in=values, fan_out=self.units
        )
        return (weight, Parameter("bias", (self.units,), "bias")) if self.bias else (weight,)

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        macs = inputs[0].elements * self.units
        return Cost(macs, 2 * macs + (self.units if self.bias else 0))

    def receptive_field(self, inputs: tuple[Shape, ...], output: Shape) -> ReceptiveAxes:
        return EVERYTHING if inputs[0].rank else POINT

    def explain(self, inputs: tuple[Shape, ...], output: Shape) -> list[str]:
        (x,) = inputs
        if x.rank == 0:
            return []
        return [f"flattened: {'·'.join(map(str, x))} = {x.elements:,}"]

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        (x,) = inputs
        return graph.op(
            "Gemm",
            graph.op("Flatten", x, axis=1) if graph.inputs[0].rank else x,
            graph.parameter("weight"),
            graph.parameter("bias") if self.bias else None,
            transB=1,
        )


def fixed_size(x: Shape, reason: str) -> None:
    """Raise where a size of x is only a name; for layers with a weight for every value."""
    if not x.is_concrete:
        raise ShapeError(
            "needs-fixed-size",
            f"{reason}, but its input {x} has no fixed size",
            help="put `gap` before it, or give the input a fixed size such as `3@224x224`",
        )
