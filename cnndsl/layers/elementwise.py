"""What layers share whose output has their input's shape, value for value."""

from __future__ import annotations

from typing import ClassVar

from cnndsl.layers.base import Builder, Cost, Layer, Parameter, Value
from cnndsl.shape import Shape


class Elementwise(Layer):
    """A layer that keeps its input's shape and costs a fixed number of FLOPs a value.

    Every arithmetic operation, comparison and elementary function (exp, log, tanh, erf, sigmoid,
    square root, power) counts as one.
    """

    in_place = True

    flops: ClassVar[int]
    """Operations for one value."""

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        return Cost(0, self.flops * output.elements)


def weight_and_bias(shape: tuple[int, ...]) -> tuple[Parameter, ...]:
    """The factors and offsets of a normalisation, which start as doing nothing."""
    return (
        Parameter("weight", shape, "norm", initial=1.0),
        Parameter("bias", shape, "norm"),
    )


def per_channel(graph: Builder, name: str) -> Value:
    """The parameter of that name, one number a channel, so that it stretches over the space.

    It is kept as (C,) whatever the rank of the input; a constant is reshaped once, at load time.
    """
    rank = graph.inputs[0].rank
    parameter = graph.parameter(name)
    if rank == 0:
        return parameter
    axes = graph.constant(f"{name}_axes", tuple(range(1, rank + 1)), "int")
    return graph.op("Unsqueeze", parameter, axes)


def affine(graph: Builder, x: Value, factor: str, bias: str) -> Value:
    """factor·x + bias by the parameters of these names, one of each a channel.

    A batch norm of mean 0 and variance 1 is one pass over the map where Mul and Add are two.
    """
    channels = graph.inputs[0].channels
    return graph.op(
        "BatchNormalization",
        x,
        graph.parameter(factor),
        graph.parameter(bias),
        graph.constant("mean", [0.0] * channels),
        graph.constant("variance", [1.0] * channels),
        epsilon=0.0,
    )


def shape_again(graph: Builder, value: Value, like: Value) -> Value:
    """Give back to `value`, reshaped on the way, the shape of the step's input `like`."""
    x = graph.inputs[0]
    if x.is_concrete:
        return graph.op("Reshape", value, graph.constant("shape", (0, *x), "int"))
    return graph.op("Reshape", value, graph.op("Shape", like))
