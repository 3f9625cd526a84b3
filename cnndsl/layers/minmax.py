"""Values spread over 0 to 1, by the least and the largest: `minmax`."""

from __future__ import annotations

from typing import Any

from cnndsl.layers.arguments import words
from cnndsl.layers.base import EVERYTHING, Builder, Example, ReceptiveAxes, ShapeError, Value
from cnndsl.layers.elementwise import Elementwise
from cnndsl.shape import Shape


class MinMax(Elementwise, word="minmax"):
    """Spread every channel of every picture over 0 to 1: (x − minimum)/(maximum − minimum).

    Minimum and maximum are taken over the whole map of a channel, for every example by itself. A
    map that is the same everywhere becomes 0.

    - `minmax all` takes them over channels and space at once, for vectors too.

    Parameters: none. FLOPs: 4 a value (two comparisons, difference, quotient).
    """

    all: bool = words(False, all=True)

    in_place = False
    flops = 4
    keeps = frozenset({"input", "output"})
    examples = (
        Example("minmax", "1@HxW", "1@HxW"),
        Example("minmax all", "3@56x56", "3@56x56"),
        Example("minmax all", "@10", "@10"),
    )

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if x.rank == 0 and not self.all:
            raise ShapeError(
                "needs-space",
                f"`minmax` looks at every channel's map, but its input is the vector {x}",
                help="`minmax all` takes the minimum and maximum over the channels too",
            )
        return x

    def receptive_field(self, inputs: tuple[Shape, ...], output: Shape) -> ReceptiveAxes:
        return EVERYTHING

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        (x,) = inputs
        over = range(1 if self.all else 2, graph.inputs[0].rank + 2)
        axes = graph.constant("axes", over, "int")
        low = graph.op("ReduceMin", x, axes)
        extent = graph.op("Sub", graph.op("ReduceMax", x, axes), low)
        flat = graph.op("Equal", extent, graph.constant("zero", 0.0))
        divisor = graph.op("Where", flat, graph.constant("one", 1.0), extent)
        return graph.op("Div", graph.op("Sub", x, low), divisor)
