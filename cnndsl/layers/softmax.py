"""Softmax over the channels, and its logarithm."""

from __future__ import annotations

from typing import Any

from cnndsl.layers.base import Builder, Example, Value
from cnndsl.layers.elementwise import Elementwise


class Softmax(Elementwise, word="softmax"):
    """exp(x) over its sum along the channels: at every position, probabilities that sum to 1.

    FLOPs: 5 a value (maximum, difference, exp, sum, quotient).
    """

    flops = 5
    in_place = False
    keeps = frozenset({"output"})
    examples = (
        Example("softmax", "@1000", "@1000"),
        Example("softmax", "21@56x56", "21@56x56"),
    )

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        if graph.inputs[0].rank == 0:
            return graph.op("Softmax", *inputs, axis=1)
        _, exponentials, total = _parts(graph, *inputs)
        return graph.op("Div", exponentials, total)


class LogSoftmax(Elementwise, word="logsoftmax"):
    """The logarithm of the softmax over the channels: x − log Σ exp(x), without overflow.

    FLOPs: 5 a value (maximum, difference, exp, sum, difference).
    """

    flops = 5
    in_place = False
    keeps = frozenset({"output"})
    examples = (
        Example("logsoftmax", "@10", "@10"),
        Example("logsoftmax", "21@56x56", "21@56x56"),
    )

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        if graph.inputs[0].rank == 0:
            return graph.op("LogSoftmax", *inputs, axis=1)
        lowered, _, total = _parts(graph, *inputs)
        return graph.op("Sub", lowered, graph.op("Log", total))


def _parts(graph: Builder, x: Value) -> tuple[Value, Value, Value]:
    """Of a map, over its channels: x − max x, its exponentials, and their sum.

    ONNX Runtime's Softmax transposes unless its axis is the last: on maps this is 4–12 times as
    fast.
    """
    axes = graph.constant("channels", (1,), "int")
    lowered = graph.op("Sub", x, graph.op("ReduceMax", x, axes))
    exponentials = graph.op("Exp", lowered)
    return lowered, exponentials, graph.op("ReduceSum", exponentials, axes)
