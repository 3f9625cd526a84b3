"""GroupNormalization (opset 21) as what it stands for: an instance norm of the groups."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir


def split_group_norms(graph: ir.Graph) -> bool:
    """Replace the group norms whose input's shape is known; whether there was any."""
    found = False
    for node in list(graph):
        x = node.inputs[0] if node.inputs else None
        if node.op_type != "GroupNormalization" or x is None or x.shape is None:
            continue
        sizes = [n for n in list(x.shape)[1:] if isinstance(n, int)]
        if len(sizes) == len(x.shape) - 1:
            _split(graph, node, x, sizes)
            found = True
    return found


def _split(graph: ir.Graph, node: ir.Node, x: ir.Value, sizes: list[int]) -> None:
    """Reshape → InstanceNormalization with weight 1 → Reshape → times weight, plus bias."""
    groups = node.attributes.get_int("num_groups", 1)
    name, before = str(node.outputs[0].name), node
    same = 0  # the batch, as it is

    def constant(part: str, values: object, kind: type[np.generic]) -> ir.Value:
        full = f"{name}/{part}"
        array = np.asarray(values, kind)
        value = ir.Value(
            name=full,
            shape=ir.Shape(array.shape),
            type=ir.TensorType(ir.DataType.from_numpy(array.dtype)),
            const_value=ir.tensor(array, name=full),
        )
        graph.initializers[full] = value
        return value

    def op(part: str, kind: str, *inputs: ir.Value | None, **attributes: float) -> ir.Value:
        nonlocal before
        new = ir.node(kind, inputs, attributes, name=f"{name}/{part}")
        new.outputs[0].name = f"{name}/{part}"
        graph.insert_after(before, new)
        before = new
        return new.outputs[0]

    flat = op("groups", "Reshape", x, constant("in_groups", [same, groups, -1], np.int64))
    normal = op(
        "normal",
        "InstanceNormalization",
        flat,
        constant("ones", np.ones(groups), np.float32),
        constant("zeros", np.zeros(groups), np.float32),
        epsilon=node.attributes.get_float("epsilon", 1e-5),
    )
    whole = op("whole", "Reshape", normal, constant("shape", [same, *sizes], np.int64))
    column = constant("column", [-1, *[1] * (len(sizes) - 1)], np.int64)
    weight, bias = (op(f"{i}", "Reshape", node.inputs[i], column) for i in (1, 2))
    y = op("sum", "Add", op("product", "Mul", whole, weight), bias)
    node.outputs[0].replace_all_uses_with(y, replace_graph_outputs=True)
    graph.remove(node, safe=True)
    y.name = name
