"""Forward convolutions in the algorithms that were chosen for them.

With weights that aren't constants the Conv operator is often not the fastest way, and what another
algorithm makes of its input (windows in columns, transformed tiles) is what its gradients read
anyway; `tidy` then leaves one of the equal expressions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import onnx_ir as ir

from cnndsl.autodiff.algorithms.choose import Planner, Product, write_product
from cnndsl.autodiff.algorithms.geometry import Convolution, of_conv, of_transpose
from cnndsl.graphs.writer import Writer

Describe = Callable[[ir.Node, Sequence[int], Sequence[int], Sequence[int]], Convolution]
KINDS: dict[str, tuple[Product, Describe, str]] = {
    "Conv": ("fprop", of_conv, "direct"),
    "ConvTranspose": ("dgrad", of_transpose, "transposed"),
}
"""Of each operator: which product it is, what it does to sizes, which algorithm it is itself."""


def rewrite_convolutions(
    nodes: Sequence[ir.Node], write: Writer, planner: Planner
) -> dict[ir.Value, ir.Value]:
    """Move the nodes into the writer in order, forward convolutions in their chosen algorithms.

    For those that gradient rules have seen it has been chosen, for others (frozen ones) it is now.
    Nodes without a fixed shape stay as they are. Returns what has taken the place of which value;
    it has its name, shape and type.
    """
    replaced: dict[ir.Value, ir.Value] = {}
    for node in nodes:
        if node.op_type not in KINDS or not _fixed(node):
            write.nodes.append(node)
            continue
        product, describe, itself = KINDS[node.op_type]
        x, w, *rest = node.inputs
        (y,) = node.outputs
        assert x is not None and w is not None
        c = describe(node, write.shape(x), write.shape(w), write.shape(y))
        algorithm = planner.placed.get(node) or planner.choose(c, [product])[product]
        if algorithm == itself:
            write.nodes.append(node)
            continue
        write.begin(node.name)
        new = write_product(write, c, product, algorithm, x, w)
        if rest and rest[0] is not None:
            shape = write.constant([-1, *(1 for _ in c.axes)])
            new = write.op("Add", new, write.op("Reshape", rest[0], shape))
        _take_place(y, new, node)
        replaced[y] = new
    return replaced


def _fixed(node: ir.Node) -> bool:
    values = (*node.inputs[:2], node.outputs[0])
    return all(v is not None and v.shape is not None and v.shape.is_static() for v in values)


def _take_place(old: ir.Value, new: ir.Value, node: ir.Node) -> None:
    name, producer = old.name, new.producer()
    assert producer is not None
    new.shape, new.type = old.shape, old.type
    ir.convenience.replace_all_uses_with(old, new)
    old.name = f"{name}/{node.op_type}"
    new.name = name
    producer.doc_string = node.doc_string
