"""No bias under a batch norm.

The mean that a batch norm subtracts holds the bias, so its output doesn't depend on it, and the
bias' gradient is 0: frameworks compute it all the same, and an optimiser that divides by its size
makes steps of the rounding. Without the addition only the running mean misses the bias, where it
is added: one number a channel.
"""

from __future__ import annotations

from collections.abc import Collection

import onnx_ir as ir

WITH_BIAS = {"Conv", "ConvTranspose", "Gemm"}
BIAS = 2


def no_bias_under_norm(graph: ir.Graph, keep: Collection[ir.Value]) -> None:
    """Take the bias off each convolution and dense layer that a training batch norm alone reads.

    `keep` are values that are read from outside.
    """
    for norm in list(graph):
        if norm.op_type != "BatchNormTraining":
            continue
        x = norm.inputs[0]
        assert x is not None
        layer = x.producer()
        if layer is None or layer.op_type not in WITH_BIAS or len(layer.inputs) <= BIAS:
            continue
        bias = layer.inputs[BIAS]
        if bias is None or len(x.uses()) > 1 or x in keep or not _is_vector(layer, bias):
            continue
        layer.resize_inputs(BIAS)
        _move_to_mean(graph, norm, bias)


def _is_vector(layer: ir.Node, bias: ir.Value) -> bool:
    """Whether it is one number a channel, and added once: Gemm allows more."""
    whole = layer.attributes.get_float("beta", 1.0) == 1.0
    return whole and bias.shape is not None and len(bias.shape) == 1


def _move_to_mean(graph: ir.Graph, norm: ir.Node, bias: ir.Value) -> None:
    mean = norm.outputs[1]
    readers = list(mean.uses())
    if not readers:
        return
    node = ir.node("Add", [mean, bias], name=f"{norm.name}/mean_with_bias")
    node.outputs[0].name = node.name
    node.outputs[0].shape, node.outputs[0].type = bias.shape, bias.type
    for use in readers:
        use.node.replace_input_with(use.idx, node.outputs[0])
    graph.insert_after(norm, node)
