"""Normalisations that treat every example by itself: `ln`, `inorm` and `gn`.

All compute weight·(x − mean)/√(variance + eps) + bias; they differ in what mean and variance are
taken over. FLOPs: 7 a value (mean, difference, square, sum, quotient, factor, bias), 5 without
weight and bias.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from cnndsl.layers.arguments import keyed, number, words
from cnndsl.layers.base import (
    EVERYTHING,
    POINT,
    Builder,
    Cost,
    Example,
    Parameter,
    ReceptiveAxes,
    ShapeError,
    Value,
)
from cnndsl.layers.elementwise import Elementwise, affine, shape_again, weight_and_bias
from cnndsl.layers.fc import fixed_size
from cnndsl.shape import Shape

Groups = Annotated[int, Field(gt=0, le=1 << 24)]


class Normalisation(Elementwise):
    """What the three share: eps, and a weight and a bias that are trained."""

    eps: float = keyed(1e-5, ge=1e-12, le=1)

    in_place = False
    flops = 7


class LayerNorm(Normalisation, word="ln"):
    """Normalise every position of every example over its channels, then scale and shift.

    - `ln all` normalises over everything but the batch: channels and space at once.
    - `eps=1e-5`, added to the variance. Other tools' defaults differ: Keras has 1e-3.

    Parameters: C weights and C biases; C·H·W of each with `all`, which needs a fixed size. FLOPs:
    7 a value. Source: Ba et al. 2016, arXiv:1607.06450; over channels alone as in ConvNeXt, Liu et
    al. 2022, arXiv:2201.03545.
    """

    all: bool = words(False, all=True)

    examples = (
        Example("ln", "96@56x56", "96@56x56", params=192),
        Example("ln eps=1e-6", "@768", "@768", params=1_536),
        Example("ln all", "16@8x8", "16@8x8", params=2_048),
    )

    def shape(self, *inputs: Shape) -> Shape:
        if self.all:
            fixed_size(inputs[0], "`ln all` has a weight and a bias for every value")
        return inputs[0]

    def parameters(self, *inputs: Shape) -> tuple[Parameter, ...]:
        (x,) = inputs
        return weight_and_bias((x.channels, *x.sizes) if self.all else (x.channels,))

    def receptive_field(self, inputs: tuple[Shape, ...], output: Shape) -> ReceptiveAxes:
        return EVERYTHING if self.all and inputs[0].rank else POINT

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        """ONNX normalises over the last axes.

        Two transposes and its kernel take half the time of the same in reductions and arithmetic.
        """
        (x,) = inputs
        rank = graph.inputs[0].rank
        if self.all or rank == 0:
            return self._normalise(graph, x, axis=1)
        space = range(2, rank + 2)
        channels_last = graph.op("Transpose", x, perm=(0, *space, 1))
        normal = self._normalise(graph, channels_last, axis=-1)
        return graph.op("Transpose", normal, perm=(0, rank + 1, *range(1, rank + 1)))

    def _normalise(self, graph: Builder, x: Value, axis: int) -> Value:
        weight, bias = graph.parameter("weight"), graph.parameter("bias")
        return graph.op("LayerNormalization", x, weight, bias, axis=axis, epsilon=self.eps)


class OverSpace(Normalisation):
    """Statistics of each example over the space: of a channel or a group of channels."""

    scale: bool = words(True, noscale=False)

    def parameters(self, *inputs: Shape) -> tuple[Parameter, ...]:
        return weight_and_bias((inputs[0].channels,)) if self.scale else ()

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        return Cost(0, (7 if self.scale else 5) * output.elements)

    def receptive_field(self, inputs: tuple[Shape, ...], output: Shape) -> ReceptiveAxes:
        return EVERYTHING if inputs[0].rank else POINT


class InstanceNorm(OverSpace, word="inorm"):
    """Normalise every channel of every example over its space, then scale and shift.

    - `eps=1e-5`, added to the variance.
    - `noscale` leaves the trained weight and bias out (as PyTorch does unless told `affine=True`).

    Parameters: C weights and C biases, or none. FLOPs: 7 a value, 5 with `noscale`. Source: Ulyanov
    et al. 2016, arXiv:1607.08022.
    """

    examples = (
        Example("inorm", "64@56x56", "64@56x56", params=128),
        Example("inorm noscale", "64@56x56", "64@56x56"),
    )

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if x.rank == 0:
            raise ShapeError(
                "needs-space",
                f"`inorm` normalises over the space, but its input is the vector {x}",
                help="`ln` normalises a vector over its channels",
            )
        return x

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        (x,) = inputs
        if self.scale:
            weight, bias = graph.parameter("weight"), graph.parameter("bias")
            return graph.op("InstanceNormalization", x, weight, bias, epsilon=self.eps)
        return plain(graph, x, graph.inputs[0].channels, self.eps)


class GroupNorm(OverSpace, word="gn"):
    """Normalise groups of neighbouring channels of every example, over their space as well.

    - Groups `gn 32`, required: their number must divide the channels.
    - `eps=1e-5`, added to the variance.
    - `noscale` leaves the trained weight and bias out.

    Parameters: C weights and C biases, or none. FLOPs: 7 a value, 5 with `noscale`. Source: Wu and
    He 2018, arXiv:1803.08494.
    """

    groups: Groups = number()

    examples = (
        Example("gn 32", "64@56x56", "64@56x56", params=128),
        Example("gn 4 noscale", "@128", "@128"),
    )

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if x.channels % self.groups:
            raise ShapeError(
                "groups-mismatch",
                f"{x.channels} channels can't be split into {self.groups} equal groups",
                field="groups",
                help=f"choose a number of groups that divides {x.channels}",
            )
        return x

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        """A group counts as one channel of an instance norm; weights and biases come after.

        Opset 18's GroupNormalization has a weight for a group where everybody has one a channel.
        """
        (x,) = inputs
        shape = graph.constant("groups", (0, self.groups, -1), "int")
        normal = plain(graph, graph.op("Reshape", x, shape), self.groups, self.eps)
        result = shape_again(graph, normal, x)
        return affine(graph, result, "weight", "bias") if self.scale else result


def plain(graph: Builder, x: Value, channels: int, eps: float) -> Value:
    """An instance norm without weight and bias."""
    ones = graph.constant("ones", [1.0] * channels)
    zeros = graph.constant("zeros", [0.0] * channels)
    return graph.op("InstanceNormalization", x, ones, zeros, epsilon=eps)
