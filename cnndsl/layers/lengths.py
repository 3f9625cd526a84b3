"""Normalisations by lengths, without a mean: `l2norm` and `grn`."""

from __future__ import annotations

from typing import Any

from cnndsl.layers.arguments import keyed
from cnndsl.layers.base import (
    EVERYTHING,
    Builder,
    Example,
    Parameter,
    ReceptiveAxes,
    ShapeError,
    Value,
)
from cnndsl.layers.elementwise import Elementwise, per_channel
from cnndsl.shape import Shape


class UnitLength(Elementwise, word="l2norm"):
    """Divide the channels at every position by their length, the root of the sum of squares.

    A vector gets the length 1, as embeddings have it. `l2norm -> scale nobias initial=20` is SSD's
    normalisation.

    - `eps=1e-12`, the least length that is divided by.

    Parameters: none. FLOPs: 3 a value (square, sum, quotient). Source of the use: Liu et al. 2016,
    arXiv:1512.02325; Schroff et al. 2015, arXiv:1503.03832.
    """

    eps: float = keyed(1e-12, ge=0, le=1)

    in_place = False
    flops = 3
    keeps = frozenset({"input"})
    examples = (
        Example("l2norm", "@128", "@128"),
        Example("l2norm", "512@HxW", "512@HxW"),
    )

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        (x,) = inputs
        length = graph.op("ReduceL2", x, graph.constant("channels", (1,), "int"))
        if self.eps:
            length = graph.op("Max", length, graph.constant("eps", self.eps))
        return graph.op("Div", x, length)


class GlobalResponse(Elementwise, word="grn"):
    """Global response normalisation: channels whose map is longer than the others' are raised.

    x + weight·x·g/(mean of g + eps) + bias, where g is the length of a channel's whole map, the
    root of the sum of its squares, and the mean goes over the channels.

    - `eps=1e-6`, added to the mean.

    Parameters: C weights and C biases, which start at 0. FLOPs: 5 a value (square, sum, product and
    two additions). Source: Woo et al. 2023, arXiv:2301.00808 (ConvNeXt V2).
    """

    eps: float = keyed(1e-6, ge=1e-12, le=1)

    in_place = False
    flops = 5
    keeps = frozenset({"input"})
    examples = (Example("grn", "384@14x14", "384@14x14", params=768),)

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if x.rank == 0:
            raise ShapeError(
                "needs-space",
                f"`grn` takes the length of every channel's map, but its input is the vector {x}",
                help="put it before the space is taken together",
            )
        return x

    def parameters(self, *inputs: Shape) -> tuple[Parameter, ...]:
        shape = (inputs[0].channels,)
        return Parameter("weight", shape, "norm"), Parameter("bias", shape, "norm")

    def receptive_field(self, inputs: tuple[Shape, ...], output: Shape) -> ReceptiveAxes:
        return EVERYTHING

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        """The weights join the small factors of the channels: maps are passed over three times."""
        (x,) = inputs
        space = graph.constant("space", range(2, graph.inputs[0].rank + 2), "int")
        length = graph.op("ReduceL2", x, space)
        mean = graph.op("ReduceMean", length, graph.constant("channels", (1,), "int"))
        mean = graph.op("Add", mean, graph.constant("eps", self.eps))
        raised = graph.op("Mul", graph.op("Div", length, mean), per_channel(graph, "weight"))
        factor = graph.op("Add", raised, graph.constant("one", 1.0))
        return graph.op("Add", graph.op("Mul", x, factor), per_channel(graph, "bias"))
