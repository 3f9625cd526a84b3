"""A graph for any batch, of two graphs that were written alike for fixed ones.

Gradient rules write sizes as constants. What a size has to do with the batch shows where the same
graph is written for another batch: a constant of whole numbers that goes from u to v as the batch
goes from 2 to 3 is (v − u)·N + (3·u − 2·v), which a graph can compute.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from cnndsl.diagnostics import UsageError
from cnndsl.graphs.writer import Writer, add_constants

BATCHES = (2, 3)
_BATCH = "N"


def open_batch(build: Callable[[int], ir.Graph]) -> ir.Graph:
    """The graph that `build` writes for a batch, for any batch.

    Shapes that hold the batch are left out, but for those of inputs and outputs. Raises UsageError
    where something else than whole numbers depends on the batch, and whatever `build` raises.
    """
    graph, other = (build(batch) for batch in BATCHES)
    write = Writer(part="batch")
    write.begin(graph.name)
    made: dict[str, ir.Value] = {}
    nodes, others = list(graph), list(other)
    if len(nodes) != len(others):
        raise _depends("the graph")
    batch = write.op("Shape", graph.inputs[0], start=0, end=1)
    for node, twin in zip(nodes, others, strict=True):
        if not _alike(node, twin):
            raise _depends(f"{node.op_type} `{node.name}`")
        for number, (value, again) in enumerate(zip(node.inputs, twin.inputs, strict=True)):
            if value is None or again is None or value.const_value is None:
                continue
            changed = _changed(value, again, f"{node.op_type} `{node.name}`")
            if changed is not None:
                key = str(value.name) + str(again.name)
                if key not in made:
                    made[key] = _computed(write, batch, *changed)
                node.replace_input_with(number, made[key])
    for value in (*graph.inputs, *(output for node in nodes for output in node.outputs)):
        _open(value)
    if made:
        graph.insert_before(nodes[0], write.nodes)
        add_constants(graph, write.constants)
    return graph


def _depends(what: str) -> UsageError:
    return UsageError(f"{what} depends on the batch, so it can't be left open")


def _alike(node: ir.Node, twin: ir.Node) -> bool:
    """Whether two nodes are the same but for their constants."""
    names = [[v and v.const_value is None and v.name for v in n.inputs] for n in (node, twin)]
    attributes = [{k: a.value for k, a in n.attributes.items()} for n in (node, twin)]
    same = node.op_type == twin.op_type and names[0] == names[1]
    return same and _equal(*attributes)


def _equal(given: dict[str, Any], others: dict[str, Any]) -> bool:
    """Whether attributes are; tensors are compared by their bytes."""
    if given.keys() != others.keys():
        return False
    return all(
        value.tobytes() == others[name].tobytes()
        if isinstance(value, ir.TensorProtocol)
        else value == others[name]
        for name, value in given.items()
    )


def _changed(
    value: ir.Value, again: ir.Value, where: str
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | None:
    """Factor and summand of a constant that depends on the batch; None where it doesn't."""
    first, second = value.const_value, again.const_value
    assert first is not None and second is not None
    if first is second or (first.shape, first.dtype) == (second.shape, second.dtype):
        u, v = first.numpy(), second.numpy()
        if u is v or u.tobytes() == v.tobytes():
            return None
        if first.dtype == ir.DataType.INT64:
            factor = v - u
            return factor, u - BATCHES[0] * factor
    raise _depends(where)


def _computed(
    write: Writer,
    batch: ir.Value,
    factor: npt.NDArray[np.int64],
    summand: npt.NDArray[np.int64],
) -> ir.Value:
    if factor.ndim == 0:
        batch = write.op("Squeeze", batch)
    value = write.op("Mul", batch, write.constant(factor))
    return write.op("Add", value, write.constant(summand)) if summand.any() else value


def _open(value: ir.Value) -> None:
    """Take the batch out of a shape: it is the first size of inputs and outputs, and unknown in
    others.
    """
    if value.is_graph_input() or value.is_graph_output():
        sizes = list(value.shape or ())
        if sizes and sizes[0] == BATCHES[0]:
            value.shape = ir.Shape([_BATCH, *sizes[1:]])
    else:
        value.shape = None
