"""Which tensors of a model are weights, by the places where they are used.

A convolution's second input is a weight whatever it is called. Tensors that are added or multiplied
count as biases and factors where a weight was applied before, and as constants elsewhere: what
stands in front of the first layer is preprocessing (means, deviations), and one number alone is
part of a formula. Exporters keep weights as initialisers and write what belongs to a formula as
Constant nodes, so those count only where a model stores nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import onnx_ir as ir

from cnndsl.layers.base import Parameter, Role

PLACES: Mapping[str, Mapping[int, Role]] = {
    "Conv": {1: "weight", 2: "bias"},
    "ConvTranspose": {1: "weight", 2: "bias"},
    "Gemm": {0: "weight", 1: "weight", 2: "bias"},
    "MatMul": {0: "weight", 1: "weight"},
    "BatchNormalization": {1: "norm", 2: "norm", 3: "statistic", 4: "statistic"},
    "InstanceNormalization": {1: "norm", 2: "norm"},
    "LayerNormalization": {1: "norm", 2: "norm"},
    "GroupNormalization": {1: "norm", 2: "norm"},
    "PRelu": {1: "norm"},
}
BEHIND_WEIGHTS: Mapping[str, Role] = {"Add": "bias", "Sub": "bias", "Mul": "norm", "Div": "norm"}
REARRANGING = {"Transpose", "Reshape", "Unsqueeze", "Squeeze", "Identity", "Flatten"}


def find_parameters(graph: ir.Graph, stored: Collection[str]) -> dict[str, Parameter]:
    """Weights, biases, factors and running statistics by their names, in the order of use.

    `stored` are the initialisers that may be parameters.
    """
    found: dict[str, Parameter] = {}
    weighed: set[ir.Value] = set()
    for node in graph:
        places = PLACES.get(node.op_type, {})
        behind = any(v in weighed for v in node.inputs)
        for number, value in enumerate(node.inputs):
            tensor = _tensor_behind(value)
            if tensor is None or tensor.name in found or tensor.name not in stored:
                continue
            role = places.get(number)
            if role is None and behind and _size(tensor) > 1:
                role = BEHIND_WEIGHTS.get(node.op_type)
            if role is not None:
                found[str(tensor.name)] = Parameter(str(tensor.name), _shape(tensor), role)
        if behind or any(_is_found(v, found) for v in node.inputs):
            weighed.update(node.outputs)
    return found


def _tensor_behind(value: ir.Value | None) -> ir.Value | None:
    """The stored floating-point tensor that a value is, or is a rearrangement of."""
    while value is not None and (node := value.producer()) is not None:
        if node.op_type not in REARRANGING:
            return None
        value = node.inputs[0]
    if value is None or not value.is_initializer() or value.dtype is None:
        return None
    return value if value.dtype.is_floating_point() else None


def _is_found(value: ir.Value | None, found: Mapping[str, Parameter]) -> bool:
    tensor = _tensor_behind(value)
    return tensor is not None and str(tensor.name) in found


def _shape(tensor: ir.Value) -> tuple[int, ...]:
    assert tensor.const_value is not None
    return tuple(int(n) for n in tensor.const_value.shape.numpy())


def _size(tensor: ir.Value) -> int:
    assert tensor.const_value is not None
    return tensor.const_value.size
