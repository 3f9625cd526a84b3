"""Network → ONNX graph in memory: the one door to onnx_ir, with emit."""

from __future__ import annotations

import re
from dataclasses import dataclass

import onnx_ir as ir

from cnndsl.graphs.writer import OPSET
from cnndsl.layers.base import Parameter
from cnndsl.lower.builder import GraphBuilder
from cnndsl.network import Network


@dataclass(frozen=True, slots=True)
class Lowered:
    """A graph whose parameters have shapes but no values yet, and what each of them is.

    `graph.initializers` holds the parameters (without `const_value`) and the constants (with).
    `values` finds a value of the graph by its name in the spec.
    """

    graph: ir.Graph
    parameters: dict[str, Parameter]
    values: dict[str, ir.Value]


def lower(
    network: Network, batch: int | None = None, builder: type[GraphBuilder] = GraphBuilder
) -> Lowered:
    """The inference graph of a network: float32, opset 18, names from the spec.

    The batch is open (`N`) unless a size is given; `builder` may write some steps otherwise.
    """
    building = builder(network, batch)
    inputs = [building.input(i.name, i.shape) for i in network.inputs]
    for step in network.without_heads():
        building.lower(step)
    graph = ir.Graph(
        inputs,
        _outputs(building),
        nodes=building.nodes,
        initializers=list(building.initializers.values()),
        opset_imports={"": OPSET},
        name=network.name,
    )
    return Lowered(graph, building.parameters, building.values)


def _outputs(builder: GraphBuilder) -> list[ir.Value]:
    """The output values, named as people call them: `logits` for `logits.softmax1`."""
    names = output_names(builder.network)
    taken = set(builder.network.outputs)
    outputs: list[ir.Value] = []
    for value_name, name in zip(builder.network.outputs, names, strict=True):
        value = builder.values[value_name]
        if value.name != name:
            inner = builder.values.get(name)
            # A dropout gives its input's own value, which keeps its name.
            if inner is not None and inner.name == name and name not in taken:
                inner.name = f"{name}/inner"
            if value.producer() is None or value in outputs or value.name in names:
                value = _copy(builder, value, name)
            value.name = name
        outputs.append(value)
    return outputs


def _copy(builder: GraphBuilder, value: ir.Value, name: str) -> ir.Value:
    node = ir.node("Identity", [value], name=f"{name}/Identity")
    builder.nodes.append(node)
    copy = node.outputs[0]
    copy.shape, copy.type = value.shape, value.type
    return copy


def output_names(network: Network) -> tuple[str, ...]:
    """What the outputs are called: the label they end, where that is unambiguous."""
    short = [_ended(network, name) for name in network.outputs]
    if len(set(short)) < len(short) or any(i.name in short for i in network.inputs):
        return network.outputs
    return tuple(short)


def _ended(network: Network, name: str) -> str:
    """The scope of a step that is numbered in it (`logits` of `logits.softmax1`), which its line or
    block ends; of a step with a label of its own, that.
    """
    scope, _, last = name.rpartition(".")
    step = network.by_name.get(name)
    numbered = step is not None and re.fullmatch(rf"{step.layer.word}_?\d+_?", last)
    return scope if scope and numbered else name
