"""Unpooling with a pool's switches: `unpool`."""

from __future__ import annotations

from typing import Any

from cnndsl.layers.base import Builder, Cost, Example, Layer, ReceptiveAxes, ShapeError, Value
from cnndsl.layers.merge import same_space
from cnndsl.layers.nodes import cut
from cnndsl.layers.pool import Pool
from cnndsl.layers.windows import ratio, sampled
from cnndsl.shape import Condition, Shape


class Unpool(Layer, word="unpool"):
    """Undo a pooling: put every value back where the pool found its maximum, zeros elsewhere.

    `unpool P1` takes places and size from the `pool` labelled `P1`; its input must have the shape
    of that pool's output. Where the pool's windows overlap, one place may be given several values;
    one of them stays.

    Size: that of the pool's own input. Parameters, MACs, FLOPs: none, values only move. Source:
    Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, arXiv:1311.2901; Noh,
    Hong, Han, Learning Deconvolution Network for Semantic Segmentation, arXiv:1505.04366.
    """

    references = (1, 1)
    reads = 2  # its input, and through the switches what the pool saw
    keeps = frozenset[str]()  # its gradient reads the pool's indices, which the pool keeps
    examples = (Example("unpool P1", "64@14x14 64@14x14 64@28x28", "64@28x28"),)

    def shape(self, *inputs: Shape) -> Shape:
        """Of the value, what the pool made, and what the pool saw."""
        x, pooled, original = inputs
        if x.channels != pooled.channels or same_space(x, pooled) is None:
            raise ShapeError(
                "unpool-shape-mismatch",
                f"{x} can't go back to the places of a pool that made {pooled}",
                help=f"bring it to {pooled} before, say by `conv 1x1 {pooled.channels}`",
            )
        return original

    def conditions(self, *inputs: Shape) -> tuple[Condition, ...]:
        return same_space(inputs[0], inputs[1]) or ()

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        return Cost(0, 0)

    def receptive_field(self, inputs: tuple[Shape, ...], output: Shape) -> ReceptiveAxes:
        """One pooled value, spread evenly over the output."""
        steps = map(ratio, inputs[0].space, output.space)
        return tuple(map(sampled, steps))

    def explain(self, inputs: tuple[Shape, ...], output: Shape) -> list[str]:
        return [f"back to what the pool saw: {output}"]

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        # By ScatterElements, since MaxUnpool has no CUDA kernel. The indices count through the
        # whole batch, channels and the border that a dilated pool may have put around its input.
        value, _, original = inputs
        pool = graph.producer(1)
        assert isinstance(pool, Pool)
        border = pool.border(graph.inputs[2])
        size = graph.op("Shape", original)
        if any(map(any, border)):
            sums = [0, 0, *map(sum, border)]
            size = graph.op("Add", size, graph.constant("border", sums, "int"))
        flat = graph.constant("flat", [-1], "int")
        zeros = graph.op("Reshape", graph.op("ConstantOfShape", size), flat)
        indices = graph.op("Reshape", graph.indices(1), flat)
        values = graph.op("Reshape", value, flat)
        scattered = graph.op("ScatterElements", zeros, indices, values, axis=0)
        return cut(graph, graph.op("Reshape", scattered, size), border)
