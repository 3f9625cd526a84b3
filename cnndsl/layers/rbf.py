"""Distances to fixed codes, LeNet-5's output of 1998: `rbf`."""

from __future__ import annotations

from typing import Any

from cnndsl.layers.arguments import number
from cnndsl.layers.base import Builder, Cost, Example, Layer, ShapeError, Value
from cnndsl.layers.fc import Units
from cnndsl.shape import Shape


class RadialBasis(Layer, word="rbf"):
    """Minus the squared distance of the input to a code of +1 and −1 for every class.

    `rbf 10` ends LeNet-5 as it was printed: the larger a value, the nearer the class's code. The
    codes are fixed, so there is nothing to train. LeCun et al. 1998 drew theirs by hand as images
    of the digits, and name an error-correcting code as the alternative: here row i, column j is
    −1 where i and j have an odd number of binary digits in common (Sylvester's Hadamard matrix),
    so that any two codes differ in about half of their places.

    - Classes `10`, required: at most 2^b for an input that has 2^b values or more.

    Output: a vector, −Σ(x − code)². Parameters: none. MACs: every element of every code once.
    FLOPs: 2 per MAC, 2 per input value for its square, and 2 per class.
    """

    classes: Units = number()

    examples = (Example("rbf 10", "@84", "@10", params=0, macs=840),)

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if x.rank:
            raise ShapeError(
                "needs-vector",
                f"a distance is taken between vectors, but the input is the map {x}",
                help="put `fc` or `flatten` before it",
            )
        most = 1 << (x.channels.bit_length() - 1)
        if self.classes > most:
            raise ShapeError(
                "too-many-codes",
                f"{x.channels} values give {most} different codes, which is less than "
                f"{self.classes}",
                field="classes",
                help=f"put a wider layer before it: `fc {2 * self.classes}`",
            )
        return Shape(self.classes)

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        values = inputs[0].channels
        macs = values * self.classes
        return Cost(macs, 2 * macs + 2 * values + 2 * self.classes)

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        (x,) = inputs
        values = graph.inputs[0].channels
        # −|x − c|² = 2·x·c − |c|² − |x|², and |c|² is the number of values
        codes = graph.constant("codes", self.codes(values))
        norm = graph.constant("norm", [-float(values)])
        products = graph.op("Gemm", x, codes, norm, transB=1, alpha=2.0)
        axes = graph.constant("axes", [1], "int")
        return graph.op("Sub", products, graph.op("ReduceSumSquare", x, axes, keepdims=1))

    def codes(self, values: int) -> list[list[float]]:
        """The code of every class."""
        rows, columns = range(self.classes), range(values)
        return [[-1.0 if (i & j).bit_count() % 2 else 1.0 for j in columns] for i in rows]
