"""What a graph holds in memory while it runs."""

from __future__ import annotations

from math import prod

import onnx_ir as ir


def peak_bytes(graph: ir.Graph) -> int:
    """The bytes of values alive at once, at most, in the order that ONNX Runtime takes.

    Rather too few: an output takes the place of inputs that nobody reads any more; inputs of the
    graph, its constants, values of unknown shape and what an operator needs for itself count as
    nothing. Values that ONNX Runtime never makes, since it fuses their nodes, count.
    """
    order = run_order(graph)
    last = {value: node for node in order for value in node.inputs if value is not None}
    kept = {*graph.outputs}
    alive = peak = 0
    for node in order:
        made = {v for v in node.inputs if v is not None and v.producer() is not None}
        alive -= sum(_bytes(v) for v in made if last[v] is node and v not in kept)
        alive += sum(_bytes(v) for v in node.outputs if v in last or v in kept)
        peak = max(peak, alive)
    return peak


def run_order(graph: ir.Graph) -> list[ir.Node]:
    """The order in which ONNX Runtime runs a graph: the last node that nobody reads first, behind
    all that it needs; of a node's inputs, the one made by the later node first.
    """
    number = {node: i for i, node in enumerate(graph)}
    order, seen = list[ir.Node](), set[ir.Node]()
    stack = [(n, False) for n in graph if not any(value.uses() for value in n.outputs)]
    while stack:
        node, is_ready = stack.pop()
        if is_ready:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            makers = {maker for v in node.inputs if v and (maker := v.producer())}
            stack.extend((m, False) for m in sorted(makers, key=number.__getitem__))
    return order


def _bytes(value: ir.Value) -> int:
    if value.shape is None or value.dtype is None:
        return 0
    sizes = [size for size in value.shape if isinstance(size, int)]
    return int(prod(sizes) * value.dtype.itemsize) if len(sizes) == len(value.shape) else 0
