"""Activations behind max pooling.

An increasing function and a maximum commute: max f(x) = f(max x). Behind the pooling the function
runs on a quarter of the values or less, and so does its gradient. The gradients are the same:
where a relu makes several values of a window equal, at 0, none of them gets any.
"""

from __future__ import annotations

from collections.abc import Collection
from math import prod

import onnx_ir as ir

INCREASING = {"Relu", "Sigmoid", "Tanh", "Softplus", "Softsign", "Elu", "Selu", "Clip"}
INCREASING_BY_ALPHA = {"LeakyRelu", "HardSigmoid"}


def activations_behind_pooling(graph: ir.Graph, keep: Collection[ir.Value]) -> None:
    """Move every activation that a max pooling alone reads behind it.

    `keep` are values that are read from outside. A pooling that gives its indices stays: an
    unpooling would see other places where a whole window is cut off to 0.
    """
    for pool in list(graph):
        if pool.op_type != "MaxPool" or len(pool.outputs) > 1:
            continue
        (value,) = pool.inputs
        assert value is not None
        activation = value.producer()
        if activation is None or not _increases(activation):
            continue
        if len(value.uses()) > 1 or value in keep or not _shrinks(pool):
            continue
        _exchange(graph, activation, pool, keep)


def _increases(node: ir.Node) -> bool:
    if node.op_type in INCREASING:
        return True
    default = 0.01 if node.op_type == "LeakyRelu" else 0.2
    return node.op_type in INCREASING_BY_ALPHA and node.attributes.get_float("alpha", default) > 0


def _shrinks(pool: ir.Node) -> bool:
    x, y = pool.inputs[0], pool.outputs[0]
    if x is None or x.shape is None or y.shape is None:
        return False
    sizes = [[n for n in v.shape if isinstance(n, int)] for v in (x, y) if v.shape is not None]
    return prod(sizes[1]) < prod(sizes[0])


def _exchange(
    graph: ir.Graph, activation: ir.Node, pool: ir.Node, keep: Collection[ir.Value]
) -> None:
    """The pooled value, now before the activation, gets the activation's name, and vice versa."""
    before, *others = activation.inputs
    old, pooled = activation.outputs[0], pool.outputs[0]
    if pooled in keep:
        return
    pool.replace_input_with(0, before)
    moved = ir.node(
        activation.op_type,
        [pooled, *others],
        dict(activation.attributes.items()),
        name=activation.name,
        doc_string=activation.doc_string,
    )
    after = moved.outputs[0]
    after.shape, after.type = pooled.shape, pooled.type
    users = [use for use in pooled.uses() if use.node is not moved]
    for use in users:
        use.node.replace_input_with(use.idx, after)
    after.name, pooled.name = pooled.name, old.name
    graph.insert_after(pool, moved)
    graph.remove(activation, safe=True)
