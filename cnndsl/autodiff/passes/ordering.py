"""The order of a gradient graph in which memory is short.

ONNX Runtime runs a graph from its ends back (`graphs.liveness.run_order`). In the order that
gradients are written in, the last end is the first layer's dw. Everything on the way to it comes
first, and what the dw of all other layers take, dy and its transforms, waits until then.
"""

from __future__ import annotations

from collections.abc import Collection

import onnx_ir as ir


def order_for_memory(
    graph: ir.Graph, answers: Collection[ir.Value], gradients: Collection[ir.Value]
) -> None:
    """Put the last layer's gradient last, the others' before it one by one.

    `answers` are what the loss is computed of. What doesn't depend on them stands before all that
    does, so that a factor of the backward pass is made just before it is used.
    """
    late, nodes = {*answers}, list(graph)
    before, behind, ends = list[ir.Node](), list[ir.Node](), list[ir.Node]()
    for node in nodes:
        if not any(value in late for value in node.inputs):
            before.append(node)
            continue
        late.update(node.outputs)
        is_end = all(value in gradients and not value.uses() for value in node.outputs)
        (ends if is_end else behind).append(node)
    graph.remove(nodes)
    graph.extend([*before, *behind, *reversed(ends)])
