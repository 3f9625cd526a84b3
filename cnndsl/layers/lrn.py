"""Local response normalisation: `lrn`."""

from __future__ import annotations

from typing import Any

from cnndsl.layers.arguments import LARGEST_SIZE, keyed, number
from cnndsl.layers.base import Builder, Cost, Example, Layer, ShapeError, Value
from cnndsl.layers.elementwise import shape_again
from cnndsl.shape import Shape


class LocalResponseNorm(Layer, word="lrn"):
    """Divide every value by a power of the sum of squares over its neighbouring channels.

    y = x/(k + alpha·Σ x²)^beta, the sum over n channels around its own at the same position.

    - Channels `lrn 5`, the n, odd, required.
    - `k=2`, `alpha=1e-4`, `beta=0.75`, as AlexNet's paper states them. Alpha multiplies the plain
      sum: where a tool divides the sum by n (Caffe, PyTorch, ONNX), its alpha is n times this one.

    Parameters: none. FLOPs: n + 4 a value (square, n − 1 sums, factor, offset, power, quotient).
    Source: Krizhevsky et al. 2012, section 3.3.
    """

    channels: int = number(gt=0, le=LARGEST_SIZE)
    k: float = keyed(2.0, ge=1e-6, le=1e6)
    alpha: float = keyed(1e-4, ge=1e-12, le=1e6)  # 0 is refused by ONNX Runtime
    beta: float = keyed(0.75, ge=1e-6, le=1e6)

    examples = (
        Example("lrn 5", "96@55x55", "96@55x55"),
        Example("lrn 3 k=1 alpha=5e-5", "64@32x32", "64@32x32"),
    )

    def shape(self, *inputs: Shape) -> Shape:
        if self.channels % 2 == 0:
            raise ShapeError(
                "even-neighbours",
                f"{self.channels} channels can't lie evenly around the one in their middle",
                field="channels",
                help=f"use {self.channels - 1} or {self.channels + 1}",
            )
        return inputs[0]

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        return Cost(0, (self.channels + 4) * output.elements)

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        (x,) = inputs
        if graph.inputs[0].rank == 2:
            return self._normalise(graph, x)
        # ONNX Runtime takes images only: here all positions form the one row of an image
        shape = graph.constant("image", (0, graph.inputs[0].channels, 1, -1), "int")
        return shape_again(graph, self._normalise(graph, graph.op("Reshape", x, shape)), x)

    def _normalise(self, graph: Builder, x: Value) -> Value:
        return graph.op(
            "LRN",
            x,
            size=self.channels,
            alpha=self.alpha * self.channels,  # ONNX divides the sum by its length
            beta=self.beta,
            bias=self.k,
        )
