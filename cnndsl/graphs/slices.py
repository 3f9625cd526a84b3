"""What a Slice takes must have a size: ONNX's own inference of shapes, which ONNX Runtime has too,
ends the whole process where that would be negative, as behind a window larger than its map.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import onnx

from cnndsl.diagnostics import UsageError

SMALL = 1024  # values of a tensor that shapes may depend on
_SLICE, _HIDDEN = "Slice", "NoSlice"
_MOST_ROUNDS = 8  # of Slices that follow each other


def without_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose large weights are inputs, for what follows from shapes alone."""
    graph = model.graph
    light = onnx.ModelProto(ir_version=model.ir_version)
    light.opset_import.extend(model.opset_import)
    light.functions.extend(model.functions)
    light.graph.name = graph.name
    light.graph.node.extend(graph.node)
    light.graph.output.extend(graph.output)
    light.graph.value_info.extend(graph.value_info)
    inputs = {i.name: i for i in graph.input}
    for tensor in graph.initializer:
        size = 1
        for dim in tensor.dims:
            size *= dim
        if size <= SMALL:
            light.graph.initializer.append(tensor)
        elif tensor.name not in inputs:
            info: Any = onnx.helper.make_tensor_value_info(
                tensor.name, tensor.data_type, list(tensor.dims)
            )
            inputs[tensor.name] = info
    light.graph.input.extend(inputs.values())
    return light


def open_negative(graph: onnx.GraphProto) -> None:
    """Leave open what a model says to have a negative size; many write −1 and mean that."""
    for port in (*graph.input, *graph.output, *graph.value_info):
        for dim in port.type.tensor_type.shape.dim:
            if dim.dim_value < 0:
                dim.ClearField("dim_value")


def check_slices(model: onnx.ModelProto, name: str) -> None:
    """Raise UsageError where a Slice takes what would have a negative size."""
    slices = [i for i, node in enumerate(model.graph.node) if node.op_type == _SLICE]
    if not slices:
        return
    light = without_weights(model)
    open_negative(light.graph)
    nodes = light.graph.node
    _hide(nodes)
    for function in light.functions:
        _hide(function.node)
    for _ in range(_MOST_ROUNDS):
        try:
            inferred = onnx.shape_inference.infer_shapes(light).graph
        except Exception:  # what ONNX doesn't follow, it doesn't follow into a Slice either
            return
        ports = (*inferred.input, *inferred.value_info)
        sizes = {v.name: _sizes(v) for v in ports if v.type.tensor_type.HasField("shape")}
        shown = 0
        for i in slices:
            taken = nodes[i].input[0] if nodes[i].input else ""
            if any(n < 0 for n in sizes.get(taken, ())):
                shape = "x".join(map(str, sizes[taken]))
                raise UsageError(f"{name} is damaged: its value `{taken}` would be {shape}")
            if taken in sizes and nodes[i].op_type == _HIDDEN:
                nodes[i].op_type = _SLICE
                shown += 1
        if not shown:
            return


def _hide(nodes: Iterable[onnx.NodeProto]) -> None:
    """Let nothing be inferred of Slices, within other nodes too."""
    for node in nodes:
        if node.op_type == _SLICE:
            node.op_type = _HIDDEN
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                _hide(graph.node)


def _sizes(port: onnx.ValueInfoProto) -> list[int]:
    return [dim.dim_value for dim in port.type.tensor_type.shape.dim]
