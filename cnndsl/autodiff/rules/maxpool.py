"""MaxPool."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from cnndsl.autodiff.backward import Backward, Gradient, rule


@rule("MaxPool")
def max_pool(back: Backward, node: ir.Node, received: Sequence[Gradient]) -> Sequence[Gradient]:
    """Each dY goes to where the forward pass found its maximum, the first one where several tie.

    The indices count through the whole batch, so that dX is a flat array meanwhile.
    """
    dy, *_ = received
    (x,) = node.inputs
    assert x is not None
    if len(node.outputs) == 1:
        node.resize_outputs(2)
        node.outputs[1].name = f"{node.outputs[0].name}/indices"
    flat = back.constant([-1])
    zeros = back.op("ConstantOfShape", back.constant([_size(back, x)]), value=_zero(back))
    places, values = back.op("Reshape", node.outputs[1], flat), back.op("Reshape", dy, flat)
    scattered = back.op("ScatterElements", zeros, places, values, axis=0, reduction="add")
    return [back.op("Reshape", scattered, back.constant(list(back.shape(x))))]


def _size(back: Backward, x: ir.Value) -> int:
    size = 1
    for n in back.shape(x):
        size *= n
    return size


def _zero(back: Backward) -> ir.TensorProtocol:
    import numpy as np

    return ir.tensor(np.zeros(1, back.float_type.numpy()))
