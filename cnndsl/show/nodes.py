"""The ONNX graph as a list: a line a node, as `conv1 = Conv(image, conv1.weight) …`."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the graph's library is loaded by whoever made the graph
    import onnx_ir as ir

    from cnndsl.lower import Lowered


def listing(lowered: Lowered) -> str:
    """Inputs, parameters, constants, nodes in the order they run, and outputs."""
    graph = lowered.graph
    return "\n".join(
        [
            f"graph {graph.name}, opset {graph.opset_imports['']}",
            *(f"input {_value(value)}" for value in graph.inputs),
            *_weights(lowered),
            *map(_node, graph),
            *(f"output {_value(value)}" for value in graph.outputs),
        ]
    )


def _weights(lowered: Lowered) -> Iterator[str]:
    for name, value in lowered.graph.initializers.items():
        if name in lowered.parameters:
            parameter = lowered.parameters[name]
            yield f"{parameter.role} {name} [{_joined(parameter.shape)}]"
        elif value.const_value is not None:
            tensor = value.const_value.numpy()
            text = (
                str(tensor.tolist()) if prod(tensor.shape) <= 8 else f"[{_joined(tensor.shape)}] …"
            )
            yield f"constant {name} = {text}"


def _node(node: ir.Node) -> str:
    outputs = ", ".join(_value(value) for value in node.outputs if value.name)
    inputs = ", ".join((value.name or "") if value else "–" for value in node.inputs)
    attributes = "".join(f" {a.name}={_attribute(a.value)}" for a in node.attributes.values())
    return f"{outputs} = {node.op_type}({inputs}){attributes}"


def _attribute(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, tuple | list):
        return f"[{_joined(value)}]"  # pyright: ignore[reportUnknownArgumentType]
    return f"{value:g}" if isinstance(value, float) else str(value)


def _value(value: ir.Value) -> str:
    shape = "" if value.shape is None else f" [{_joined(value.shape)}]"
    return f"{value.name}{shape}"


def _joined(sizes: object) -> str:
    return ", ".join(map(str, sizes))  # pyright: ignore
