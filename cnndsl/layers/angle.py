"""The direction of a vector whose two parts are values: `atan2`."""

from __future__ import annotations

from math import pi
from typing import Any

from cnndsl.layers.arithmetic import Arithmetic
from cnndsl.layers.base import Builder, Cost, Example, Value
from cnndsl.shape import Shape


class Angle(Arithmetic, word="atan2"):
    """The angle of the vector (x, y), from −π to π: `atan2 x` of the current value y; or a block.

    It is 0 along x, π/2 along y, and 0 where both are 0, as its gradient is mild there. In a
    block, y comes first, as in the function of that name everywhere. With y and x of `filter
    sobel_y` and `filter sobel_x` it is the direction in which a picture gets brighter. Sizes of 1
    stretch as for `add`.

    Parameters: none. MACs: none. FLOPs: 13 per output value.
    """

    references = (1, 1)
    any_order = False
    verb = "made an angle"
    keeps = frozenset({"input"})
    examples = (
        Example("atan2 x", "1@56x56 1@56x56", "1@56x56"),
        Example("atan2 x", "8@HxW 8@HxW", "8@HxW"),
    )

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        return Cost(0, 13 * output.elements)

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        """By half the angle, 2·atan(y/(h + |x|)) with the length h, which is defined everywhere
        but at 0; left of 0 it is what is missing to a half turn.
        """
        y, x = inputs
        zero, one = graph.constant("zero", 0.0), graph.constant("one", 1.0)
        squares = graph.op("Add", graph.op("Mul", x, x), graph.op("Mul", y, y))
        none = graph.op("Equal", squares, zero)
        length = graph.op("Sqrt", graph.op("Where", none, one, squares))
        left, below = graph.op("Less", x, zero), graph.op("Less", y, zero)
        right = graph.op("Where", left, graph.op("Neg", x), x)
        half = graph.op("Atan", graph.op("Div", y, graph.op("Add", length, right)))
        angle = graph.op("Mul", half, graph.constant("two", 2.0))
        turn = graph.op("Where", below, graph.constant("down", -pi), graph.constant("up", pi))
        return graph.op("Where", left, graph.op("Sub", turn, angle), angle)
