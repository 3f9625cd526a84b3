"""Nodes whose inputs are all known are computed at once: sizes, shapes, rearranged weights.

ONNX's own reference evaluator computes them, whatever the operator is. The size of a result is told
beforehand, and none may be much larger than what the model holds already: a small file can't ask
for a large tensor, nor for a long computation.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from cnndsl.importing.draft import Array
from cnndsl.importing.nodes import Node

LARGEST = 1 << 22
"""Values that a result may have beyond those that its inputs have."""

MOST_REPEATED = 1 << 27
"""Times that one number may be repeated, which takes no memory by itself; VGG's largest weight has
some 10⁸ values.
"""

SMALL = 64
"""Values of an input that sizes may be read from, such as the shape that a Reshape has."""

MOST_STEPS = 1 << 26
"""Products that a convolution of constants may take; the evaluator's are slow."""

NEVER = ("Loop", "Scan", "If", "Constant", "Multinomial")
RANDOM = ("Random", "Bernoulli")
NO_LARGER = ("Unique", "NonZero", "Compress", "TopK", "NonMaxSuppression", "DynamicQuantizeLinear")
"""Operators whose results' sizes depend on values, and are bounded by those of the inputs."""

_SAMPLING = ("Conv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool", "Resize", "Upsample",
             "LRN", "GridSample", "RoiAlign", "Col2Im", "LSTM", "GRU", "RNN", "Einsum")  # fmt: skip


def compute(node: Node, proto: onnx.NodeProto) -> list[Array] | None:
    """The outputs of a node whose inputs are constants; None where that isn't known here."""
    if node.kind in NEVER or node.kind.startswith(RANDOM) or node.opset < 7:
        return None
    arrays = {
        name: np.asarray(tensor)
        for name, tensor in zip(proto.input, node.inputs, strict=True)
        if tensor is not None
    }
    if node.kind == "ConstantOfShape":
        return [_repeated(node)]
    _check_size(node, proto, arrays)
    try:
        evaluator: Any = _evaluator(node, proto, arrays)
    except Exception:  # no implementation of this operator; they have no common base
        return None
    try:
        with np.errstate(all="ignore"):
            results = evaluator.run(None, arrays)
    except MemoryError:
        node.refuse("asks for a constant too large for any memory")
    except Exception:  # whatever the operator thinks of inputs that don't fit
        node.refuse("can't be computed from the constants that it has: the model is damaged")
    return [_single(np.asarray(result)) for result in results]


def _repeated(node: Node) -> Array:
    """One number in a shape that ONNX's light models have in the place of trained weights."""
    shape = [int(n) for n in node.array(0).reshape(-1)]
    if any(n < 0 for n in shape) or prod(shape) > MOST_REPEATED:
        node.refuse(f"asks for a constant of the shape {tuple(shape)}, which is too large")
    value = np.asarray(node.attributes.get("value", np.float32(0)))
    return np.broadcast_to(_single(value.reshape(-1)[0]), shape)


def _evaluator(node: Node, proto: onnx.NodeProto, arrays: dict[str, Array]) -> Any:
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
        for name, a in arrays.items()
    ]
    outputs = [helper.make_empty_tensor_value_info(name) for name in proto.output if name]
    graph = helper.make_graph([proto], "constant", inputs, outputs)
    # The evaluator takes norms of versions 9 to 13 for training, though they have a momentum always
    norm = node.kind == "BatchNormalization" and 9 <= node.opset < 14
    opsets = [helper.make_opsetid("", 14 if norm else node.opset)]
    return ReferenceEvaluator(helper.make_model(graph, opset_imports=opsets))


def _check_size(node: Node, proto: onnx.NodeProto, arrays: dict[str, Array]) -> None:
    """Refuse a node whose results are too large, or can't be told."""
    held = sum(1 if 0 in array.strides else array.size for array in arrays.values())
    largest = 0
    for shape in _shapes(node, proto, arrays):
        if shape is None:
            if node.kind not in NO_LARGER:
                node.refuse("makes a constant whose size can't be told before it is made")
            continue
        if any(n < 0 for n in shape) or prod(shape) > held + LARGEST:
            node.refuse(f"asks for a constant of the shape {tuple(shape)}, which is too large")
        largest = max(largest, prod(shape))
    if node.kind in _SAMPLING and largest * max(held, 1) > MOST_STEPS:
        node.refuse("computes a constant that would take too long to compute")


def _shapes(
    node: Node, proto: onnx.NodeProto, arrays: dict[str, Array]
) -> Sequence[Sequence[int] | None]:
    """The shapes of the outputs, None where they can't be told."""
    values = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
        for name, a in arrays.items()
    ]
    small = [numpy_helper.from_array(a, name) for name, a in arrays.items() if a.size <= SMALL]
    outputs = [helper.make_empty_tensor_value_info(name) for name in proto.output if name]
    graph = helper.make_graph([proto], "constant", values, outputs, small)
    opsets = [helper.make_opsetid("", node.opset)]
    model = helper.make_model(graph, opset_imports=opsets)
    try:
        inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    except Exception:  # onnx's own have no common base
        node.refuse("can't be computed from the constants that it has: the model is damaged")
    found: list[Sequence[int] | None] = []
    for output in inferred.graph.output:
        kind = output.type.tensor_type
        dims = list(kind.shape.dim)
        known = kind.HasField("shape") and all(dim.HasField("dim_value") for dim in dims)
        found.append([dim.dim_value for dim in dims] if known else None)
    return found


def _single(array: Array) -> Array:
    """Floating-point numbers of every width are the same here."""
    known = array.dtype.kind in "biu"
    return array if known else array.astype(np.float32)
