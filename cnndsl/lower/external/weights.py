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


SIZES = {"Shape", "Size"}
"""What they give depends on no weight."""


def find_parameters(graph: ir.Graph, stored: Collection[str]) -> dict[str, Parameter]:
    """Weights, biases, factors and running statistics by their names, in the order of use.

    `stored` are the initialisers that may be parameters. A weight that is computed from some of
    them (standardised, or split into direction and length) has these as parameters.
    """
    found: dict[str, Parameter] = {}
    weighed: set[ir.Value] = set()
    computed, inside = _computed_weights(graph, stored)
    for node in graph:
        if node in inside:
            continue
        places = PLACES.get(node.op_type, {})
        behind = any(v in weighed for v in node.inputs)
        applied = False
        for number, value in enumerate(node.inputs):
            for part, role in computed.get(value, ()):
                applied = True
                found.setdefault(str(part.name), _parameter(part, role))
            tensor = _tensor_behind(value)
            if tensor is None or tensor.name in found or tensor.name not in stored:
                continue
            role = places.get(number)
            if role is None and behind and _size(tensor) > 1:
                role = BEHIND_WEIGHTS.get(node.op_type)
            if role is not None:
                found[str(tensor.name)] = _parameter(tensor, role)
        applied |= any(_is_found(v, found) for v in node.inputs)
        if (behind or applied) and node.op_type not in SIZES:
            weighed.update(node.outputs)
    return found


Parts = list[tuple[ir.Value, Role]]


def _computed_weights(
    graph: ir.Graph, stored: Collection[str]
) -> tuple[dict[ir.Value | None, Parts], set[ir.Node]]:
    """The weights that are computed from constants, what from, and the nodes that compute them."""
    constant: set[ir.Value | None] = {None, *graph.initializers.values()}
    found: dict[ir.Value | None, Parts] = {}
    inside: set[ir.Node] = set()
    for node in graph:
        if all(value in constant for value in node.inputs):
            constant.update(node.outputs)
            continue
        for number, role in PLACES.get(node.op_type, {}).items():
            value = node.inputs[number] if number < len(node.inputs) else None
            if role != "weight" or value not in constant or _tensor_behind(value) is not None:
                continue
            nodes, leaves = _above(value, stored)
            if leaves:
                inside |= nodes
                found[value] = leaves
    return found, inside


def _above(value: ir.Value | None, stored: Collection[str]) -> tuple[set[ir.Node], Parts]:
    """The nodes that a value is computed by, and the stored tensors that it is computed from: the
    largest is the weight itself, the others are its factors.
    """
    todo, nodes, leaves = [value], set[ir.Node](), dict[ir.Value, None]()
    while todo:
        value = todo.pop()
        node = value.producer() if value is not None else None
        if node is not None and node not in nodes:
            nodes.add(node)
            # Running statistics of a norm are without use where it takes those of a weight
            todo += node.inputs[:3] if node.op_type == "BatchNormalization" else node.inputs
        elif value is not None and value.name in stored and _is_several(value):
            leaves[value] = None
    ordered = sorted(leaves, key=_size, reverse=True)
    return nodes, [(leaf, "norm" if i else "weight") for i, leaf in enumerate(ordered)]


def _tensor_behind(value: ir.Value | None) -> ir.Value | None:
    """The stored floating-point tensor that a value is, or is a rearrangement of."""
    while value is not None and (node := value.producer()) is not None:
        if node.op_type not in REARRANGING:
            return None
        value = node.inputs[0]
    return value if value is not None and value.is_initializer() and _is_float(value) else None


def _is_float(value: ir.Value) -> bool:
    return value.dtype is not None and value.dtype.is_floating_point()


def _is_found(value: ir.Value | None, found: Mapping[str, Parameter]) -> bool:
    tensor = _tensor_behind(value)
    return tensor is not None and str(tensor.name) in found


def _is_several(value: ir.Value) -> bool:
    return value.is_initializer() and _is_float(value) and _size(value) > 1


def _parameter(tensor: ir.Value, role: Role) -> Parameter:
    assert tensor.const_value is not None
    shape = tuple(int(n) for n in tensor.const_value.shape.numpy())
    return Parameter(str(tensor.name), shape, role)


def _size(tensor: ir.Value) -> int:
    assert tensor.const_value is not None
    return tensor.const_value.size
