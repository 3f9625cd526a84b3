"""What a graph holds in memory while it runs."""

from __future__ import annotations

from math import prod

import onnx_ir as ir


def peak_bytes(graph: ir.Graph) -> int:
    """The bytes of values alive at once, at most, when nodes run in the order that they stand in.

    A lower bound: an output takes the place of inputs that nobody reads any more; inputs of the
    graph, its constants, values of unknown shape and what an operator needs for itself count as
    nothing.
    """
    last = {value: node for node in graph for value in node.inputs if value is not None}
    kept = {*graph.outputs}
    alive = peak = 0
    for node in graph:
        made = {v for v in node.inputs if v is not None and v.producer() is not None}
        alive -= sum(_bytes(v) for v in made if last[v] is node and v not in kept)
        alive += sum(_bytes(v) for v in node.outputs if v in last or v in kept)
        peak = max(peak, alive)
    return peak


def _bytes(value: ir.Value) -> int:
    if value.shape is None or value.dtype is None:
        return 0
    sizes = [size for size in value.shape if isinstance(size, int)]
    return int(prod(sizes) * value.dtype.itemsize) if len(sizes) == len(value.shape) else 0
