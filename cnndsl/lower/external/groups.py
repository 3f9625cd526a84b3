"""GroupNormalization (opset 21) as what it stands for: an instance norm of the groups."""

from __future__ import annotations

import onnx_ir as ir

from cnndsl.graphs.writer import Writer, add_constants


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
    same = 0  # the batch, as it is
    write = Writer()
    write.begin(node.outputs[0].name)
    flat = write.op("Reshape", x, write.constant([same, groups, -1]))
    ones, zeros = (write.constant([value] * groups, "float") for value in (1, 0))
    epsilon = node.attributes.get_float("epsilon", 1e-5)
    normal = write.op("InstanceNormalization", flat, ones, zeros, epsilon=epsilon)
    whole = write.op("Reshape", normal, write.constant([same, *sizes]))
    column = write.constant([-1, *[1] * (len(sizes) - 1)])
    weight, bias = (write.op("Reshape", node.inputs[i], column) for i in (1, 2))
    y = write.op("Add", write.op("Mul", whole, weight), bias)
    graph.insert_before(node, write.nodes)
    add_constants(graph, write.constants)
    name = node.outputs[0].name
    node.outputs[0].replace_all_uses_with(y, replace_graph_outputs=True)
    graph.remove(node, safe=True)
    y.name = name
