"""What is known before a graph runs is computed at once: sizes, shapes, rearranged constants.

ONNX's own reference evaluator computes it, whatever the operator is. The size of a result is told
beforehand, and neither one nor all together may be much larger than what the model holds already: a
small file can't ask for large tensors, nor for a long computation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx_ir as ir
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from cnndsl.graphs.files import STANDARD
from cnndsl.graphs.writer import OPSET, constant

Array = npt.NDArray[Any]

LARGEST = 1 << 22
"""Values that a result may have beyond those that its inputs have."""

MOST_BESIDE, MOST_TIMES = 1 << 25, 8
"""Values that all results together may have: so many, and so many times those that the model stores
(an exporter may turn, reshape and scale each weight).
"""

MOST_REPEATED = 1 << 27
"""Times that one number may be repeated, which takes no memory by itself; VGG's largest weight has
some 10⁸ values.
"""

SMALL = 64
"""Values of an input that sizes may be read from, such as the shape that a Reshape has."""

MOST_STEPS = 1 << 26
"""Products that a convolution of constants may take; the evaluator's are slow."""

OLDEST = 7
"""The first version of ONNX's operators that the evaluator has."""

NEVER = ("Loop", "Scan", "If", "Constant", "Multinomial")
RANDOM = ("Random", "Bernoulli")
NO_LARGER = ("Unique", "NonZero", "Compress", "TopK", "NonMaxSuppression", "DynamicQuantizeLinear")
"""Operators whose results' sizes depend on values, and are bounded by those of the inputs."""

_SAMPLING = ("Conv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool", "Resize", "Upsample",
             "LRN", "GridSample", "RoiAlign", "Col2Im", "LSTM", "GRU", "RNN", "Einsum")  # fmt: skip


class FoldingError(Exception):
    """A node's results are too large, or don't follow from its inputs; the message says why."""


class Folding:
    """Computes nodes of a model that stores so many values."""

    def __init__(self, stored: int):
        self._left = MOST_BESIDE + MOST_TIMES * stored

    def evaluate(
        self, node: onnx.NodeProto, opset: int, arrays: Mapping[str, Array]
    ) -> Sequence[Array] | None:
        """The outputs of a node whose inputs are known, by their names in `arrays`.

        None where the operator has no result of its own, or isn't known here. Raises FoldingError.
        """
        if node.op_type in NEVER or node.op_type.startswith(RANDOM) or opset < OLDEST:
            return None
        if node.op_type == "ConstantOfShape":
            return [_repeated(node, next(iter(arrays.values())))]
        self._check_size(node, opset, arrays)
        try:
            evaluator: Any = _evaluator(node, opset, arrays)
        except Exception:  # no implementation of this operator; they have no common base
            return None
        try:
            with np.errstate(all="ignore"):
                results = evaluator.run(None, dict(arrays))
        except MemoryError:
            raise FoldingError("asks for a constant too large for any memory") from None
        except Exception:  # whatever the operator thinks of inputs that don't fit
            raise FoldingError(_DAMAGED) from None
        return [np.asarray(result) for result in results]

    def _check_size(self, node: onnx.NodeProto, opset: int, arrays: Mapping[str, Array]) -> None:
        """Raise FoldingError where results are too large, or can't be told."""
        held = sum(1 if 0 in array.strides else array.size for array in arrays.values())
        sizes = [0]
        for shape in _shapes(node, opset, arrays):
            if shape is None:
                if node.op_type not in NO_LARGER:
                    raise FoldingError(
                        "makes a constant whose size can't be told before it is made"
                    )
                sizes.append(held)
                continue
            if any(n < 0 for n in shape) or prod(shape) > held + LARGEST:
                raise FoldingError(
                    f"asks for a constant of the shape {tuple(shape)}, which is too large"
                )
            sizes.append(prod(shape))
        if node.op_type in _SAMPLING and max(sizes) * max(held, 1) > MOST_STEPS:
            raise FoldingError("computes a constant that would take too long to compute")
        if sum(sizes) > self._left:
            raise FoldingError(
                "is one of too many computed constants: together they are much larger than those "
                "that the model stores"
            )
        self._left -= sum(sizes)


_DAMAGED = "can't be computed from the constants that it has: the model is damaged"


def _repeated(node: onnx.NodeProto, sizes: Array) -> Array:
    """One number in a shape, as ONNX's light models have them in the place of trained weights."""
    shape = [int(n) for n in sizes.reshape(-1)]
    if any(n < 0 for n in shape) or prod(shape) > MOST_REPEATED:
        raise FoldingError(f"asks for a constant of the shape {tuple(shape)}, which is too large")
    given = [a.t for a in node.attribute if a.name == "value"]
    try:
        value = numpy_helper.to_array(given[0]) if given else np.zeros(1, np.float32)
        return np.broadcast_to(value.reshape(-1)[0], shape)
    except (IndexError, TypeError, ValueError):
        raise FoldingError(_DAMAGED) from None


def _evaluator(node: onnx.NodeProto, opset: int, arrays: Mapping[str, Array]) -> Any:
    # The evaluator takes norms of versions 9 to 13 for training, though they have a momentum always
    norm = node.op_type == "BatchNormalization" and 9 <= opset < 14
    return ReferenceEvaluator(_model_of(node, 14 if norm else opset, arrays))


def _model_of(
    node: onnx.NodeProto, opset: int, arrays: Mapping[str, Array], known: Sequence[str] = ()
) -> onnx.ModelProto:
    """A model of this node alone, with the values of `known` inside."""
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
        for name, a in arrays.items()
    ]
    outputs = [helper.make_empty_tensor_value_info(name) for name in node.output if name]
    values = [numpy_helper.from_array(arrays[name], name) for name in known]
    graph = helper.make_graph([node], "constant", inputs, outputs, values)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def _shapes(
    node: onnx.NodeProto, opset: int, arrays: Mapping[str, Array]
) -> Sequence[Sequence[int] | None]:
    """The shapes of the outputs, None where they can't be told."""
    small = [name for name, a in arrays.items() if a.size <= SMALL]
    model = _model_of(node, opset, arrays, small)
    try:
        inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    except Exception:  # onnx's own have no common base
        raise FoldingError(_DAMAGED) from None
    found: list[Sequence[int] | None] = []
    for output in inferred.graph.output:
        kind = output.type.tensor_type
        dims = list(kind.shape.dim)
        known = kind.HasField("shape") and all(dim.HasField("dim_value") for dim in dims)
        found.append([dim.dim_value for dim in dims] if known else None)
    return found


def fold(graph: ir.Graph) -> bool:
    """Put a constant in the place of every node whose result is known; whether there was any.

    A node that can't be computed stays: whoever runs the graph says what is wrong with it.
    """
    known = [v.const_value.size for v in graph.initializers.values() if v.const_value is not None]
    folding, folded = Folding(sum(known)), False
    for node in list(graph):
        if node.op_type == "CastLike" and node.outputs[0].dtype is not None:
            node = _as_cast(graph, node)
        result = _result(node, folding, graph.opset_imports.get("", OPSET))
        if result is None or node.outputs[0].is_graph_output():
            continue
        old = node.outputs[0]
        new = constant(str(old.name), result)
        inputs = {value for value in node.inputs if value is not None}
        ir.convenience.replace_all_uses_with(old, new)
        graph.remove(node, safe=True)
        graph.initializers.add(new)
        for value in inputs:  # let go what nobody takes any more
            if value.is_initializer() and not value.uses() and not value.is_graph_output():
                del graph.initializers[str(value.name)]
        folded = True
    return folded


def _as_cast(graph: ir.Graph, node: ir.Node) -> ir.Node:
    """CastLike, now that the type is known."""
    old = node.outputs[0]
    cast = ir.node("Cast", node.inputs[:1], {"to": old.dtype}, name=node.name)
    new = cast.outputs[0]
    new.name, new.shape, new.type = old.name, old.shape, old.type
    graph.insert_before(node, cast)
    old.replace_all_uses_with(new, replace_graph_outputs=True)
    graph.remove(node, safe=True)
    return cast


def _result(node: ir.Node, folding: Folding, opset: int) -> Array | None:
    """The value of a node's only output, if it is known."""
    if node.op_type == "Shape":
        return _sizes(node)
    if len(node.outputs) > 1 or node.domain not in STANDARD or not node.inputs:
        return None
    arrays: dict[str, Array] = {}
    for value in node.inputs:
        if value is not None:
            if value.const_value is None:
                return None
            arrays[str(value.name)] = value.const_value.numpy()
    try:
        results = folding.evaluate(ir.to_proto(node), node.version or opset, arrays)
    except FoldingError:
        return None
    return results[0] if results else None


def _sizes(node: ir.Node) -> Array | None:
    x = node.inputs[0]
    if x is None or x.shape is None or not all(isinstance(n, int) for n in x.shape):
        return None
    sizes = np.asarray([n for n in x.shape if isinstance(n, int)], np.int64)
    return sizes[node.attributes.get_int("start", 0) : node.attributes.get_int("end", None)]
