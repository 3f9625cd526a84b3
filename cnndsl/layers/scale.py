"""Factors and biases, trained or fixed: `scale`."""

from __future__ import annotations

from typing import Any

from cnndsl.layers.arguments import keyed, number, words
from cnndsl.layers.base import Builder, Cost, Example, Parameter, ShapeError, Value
from cnndsl.layers.elementwise import Elementwise, affine, per_channel
from cnndsl.shape import Shape


class Scale(Elementwise, word="scale"):
    """Multiply every channel by a trained factor and add a trained bias; or by fixed numbers.

    After an `avgpool` it makes LeNet-5's trained subsampling; `scale nobias initial=1e-6` at the
    end of a residual branch is ConvNeXt's layer scale, `scale shared nobias initial=0` ReZero's.

    - `bias` (default) or `nobias`, the factor alone.
    - `shared`: one factor and one bias for all channels.
    - `initial=1`: where the factors start.
    - Or numbers, which aren't trained: `scale 0.17` multiplies everything by 0.17, as residuals are
      in Inception-ResNet; `scale 2 -1` also adds −1.

    Parameters: C factors and C biases, 1 of each where shared, none of fixed numbers. FLOPs: 1 a
    value for the factor and 1 for the bias. Source: LeCun et al. 1998, section II.B; Touvron et al.
    2021, arXiv:2103.17239 (layer scale); Bachlechner et al. 2020, arXiv:2003.04887 (ReZero).
    """

    factor: float | None = number(None, ge=-1e30, le=1e30)
    offset: float | None = number(None, ge=-1e30, le=1e30)
    bias: bool = words(True, bias=True, nobias=False)
    shared: bool = words(False, shared=True)
    initial: float = keyed(1.0, ge=-1e6, le=1e6)

    flops = 2
    examples = (
        Example("scale", "6@14x14", "6@14x14", params=12),
        Example("scale nobias initial=1e-6", "96@56x56", "96@56x56", params=96),
        Example("scale shared nobias initial=0", "64@56x56", "64@56x56", params=1),
        Example("scale 0.17", "320@35x35", "320@35x35"),
        Example("scale 2 -1", "3@HxW", "3@HxW"),
    )

    @property
    def is_fixed(self) -> bool:
        """Whether its numbers are written in the line."""
        return self.factor is not None or self.offset is not None

    def without_bias(self) -> Scale:
        return self if self.is_fixed else super().without_bias()

    def shape(self, *inputs: Shape) -> Shape:
        for field, word in (("shared", "shared"), ("initial", "initial"), ("bias", "nobias")):
            if self.is_fixed and getattr(self, field) != type(self).model_fields[field].default:
                raise ShapeError(
                    "fixed-and-trained",
                    f"`scale` has fixed numbers here, so `{word}` says nothing",
                    field=field,
                    help="leave the numbers out to train them, or leave out what concerns training",
                )
        return inputs[0]

    def parameters(self, *inputs: Shape) -> tuple[Parameter, ...]:
        if self.is_fixed:
            return ()
        shape = (1 if self.shared else inputs[0].channels,)
        factor = Parameter("weight", shape, "norm", initial=self.initial)
        return (factor, Parameter("bias", shape, "bias")) if self.bias else (factor,)

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        adds = self.offset is not None if self.is_fixed else self.bias
        multiplies = self.factor is not None if self.is_fixed else True
        return Cost(0, (adds + multiplies) * output.elements)

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        (x,) = inputs
        if self.is_fixed:
            if self.factor is not None:
                x = graph.op("Mul", x, graph.constant("factor", self.factor))
            if self.offset is not None:
                x = graph.op("Add", x, graph.constant("offset", self.offset))
            return x
        if self.shared:
            x = graph.op("Mul", x, graph.parameter("weight"))
            return graph.op("Add", x, graph.parameter("bias")) if self.bias else x
        if self.bias:
            return affine(graph, x, "weight", "bias")
        return graph.op("Mul", x, per_channel(graph, "weight"))
