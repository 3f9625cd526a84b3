"""What is known before a graph runs becomes a constant: sizes, and what is computed from them.

Exporters write sizes as computations (Shape, Gather, Concat, Reshape) so that a model takes any
batch. With a fixed batch they are numbers, and rules for gradients want numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx_ir as ir
from onnx.reference import ReferenceEvaluator

Array = npt.NDArray[Any]
LARGEST = 1 << 16  # values that a folded constant may hold; weights stay as they are


def fold(graph: ir.Graph) -> bool:
    """Replace every node with a known small result by a constant; whether there was any."""
    folded = False
    for node in list(graph):
        if node.op_type == "CastLike" and node.outputs[0].dtype is not None:
            node = _as_cast(graph, node)
        result = _result(node)
        if result is None or node.outputs[0].is_graph_output():
            continue
        old = node.outputs[0]
        constant = ir.Value(
            name=old.name,
            shape=ir.Shape(result.shape),
            type=ir.TensorType(ir.DataType.from_numpy(result.dtype)),
            const_value=ir.tensor(result, name=old.name),
        )
        ir.convenience.replace_all_uses_with(old, constant)
        graph.remove(node, safe=True)
        graph.initializers[str(constant.name)] = constant
        folded = True
    return folded


def _as_cast(graph: ir.Graph, node: ir.Node) -> ir.Node:
    """CastLike, now that the type is known."""
    old = node.outputs[0]
    cast = ir.node("Cast", node.inputs[:1], {"to": old.dtype}, name=node.name)
    new = cast.outputs[0]
    new.name, new.shape, new.type = old.name, old.shape, old.type
    graph.insert_before(node, cast)
    old.replace_all_uses_with(new, replace_graph_outputs=True)
    graph.remove(node, safe=True)
    return cast


def _result(node: ir.Node) -> Array | None:
    """The value of a node's only output, if it is known."""
    if node.op_type == "Shape":
        return _sizes(node)
    if len(node.outputs) > 1 or node.domain not in ("", "ai.onnx") or not node.inputs:
        return None
    if node.op_type.startswith("Random") or any(
        v is not None and (v.const_value is None or v.const_value.size > LARGEST)
        for v in node.inputs
    ):
        return None
    output = node.outputs[0]
    if output.dtype is None or output.dtype.is_floating_point():
        return None  # weights may hide behind it
    return _evaluate(node)


def _sizes(node: ir.Node) -> Array | None:
    x = node.inputs[0]
    if x is None or x.shape is None or not all(isinstance(n, int) for n in x.shape):
        return None
    sizes = np.asarray([n for n in x.shape if isinstance(n, int)], np.int64)
    return sizes[node.attributes.get_int("start", 0) : node.attributes.get_int("end", None)]


def _evaluate(node: ir.Node) -> Array:
    """By ONNX's own evaluator, in a graph of this node alone."""
    feeds = {
        str(v.name): v.const_value.numpy()
        for v in node.inputs
        if v is not None and v.const_value is not None
    }
    inputs = [
        onnx.helper.make_tensor_value_info(
            name, onnx.helper.np_dtype_to_tensor_dtype(a.dtype), a.shape
        )
        for name, a in feeds.items()
    ]
    proto = ir.to_proto(node)
    output = onnx.helper.make_empty_tensor_value_info(proto.output[0])
    graph = onnx.helper.make_graph([proto], "folded", inputs, [output])
    opset = onnx.helper.make_opsetid("", node.version or 18)
    model = onnx.helper.make_model(graph, opset_imports=[opset])
    evaluator: Any = ReferenceEvaluator(model)  # partly typed
    (result,) = evaluator.run(None, feeds)
    return np.asarray(result)
