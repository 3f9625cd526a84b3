"""Which layer of an ONNX model takes which tensor, as what, in the order in which layers run.

Names and the order of a model's tensors are whatever its exporter likes; nodes say what they do.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from cnndsl.graphs.protobuf import (
    FOUR_BYTES,
    LENGTH_DELIMITED,
    VARINT,
    Buffer,
    Field,
    fields,
    varint,
)
from cnndsl.weights.tensors import Layer, Padding, Slide, Tensor

# Numbers of fields in onnx.proto, by the message that they are in.
_NODE_INPUT, _NODE_OUTPUT, _NODE_OPERATOR, _NODE_ATTRIBUTE = 1, 2, 4, 5
_ATTRIBUTE_NAME, _ATTRIBUTE_FLOAT, _ATTRIBUTE_INT, _ATTRIBUTE_STRING, _ATTRIBUTE_INTS = (
    1,
    2,
    3,
    4,
    8,
)

_WEIGHT = ("", "weight", "bias")
_ROLES: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(("Conv", "ConvTranspose", "Gemm", "MatMul"), _WEIGHT),
    **dict.fromkeys(("InstanceNormalization", "GroupNormalization", "LayerNormalization"), _WEIGHT),
    "BatchNormalization": ("", "weight", "bias", "running_mean", "running_var"),
}
"""Operators with parameters, and what their inputs are called here."""

_LONGEST = 16
"""Numbers of a list that are read: strides and pads are shorter."""

_EPSILON = 1e-5  # ONNX's default


@dataclass(frozen=True, slots=True)
class Node:
    """A node's operator, the names of its values, and its attributes that are numbers."""

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    numbers: Mapping[str, float]
    lists: Mapping[str, tuple[int, ...]]
    auto_pad: str = ""


def read_node(buffer: Buffer, message: Field) -> Node:
    """A node of the graph. Raises MessageError."""
    texts: dict[int, list[str]] = {}
    numbers: dict[str, float] = {}
    lists: dict[str, tuple[int, ...]] = {}
    auto_pad = ""
    for field in fields(buffer, message.begin, message.end):
        if field.kind != LENGTH_DELIMITED:
            continue
        if field.number == _NODE_ATTRIBUTE:
            auto_pad = _read_attribute(buffer, field, numbers, lists) or auto_pad
        elif field.number in (_NODE_INPUT, _NODE_OUTPUT, _NODE_OPERATOR):
            text = buffer[field.begin : field.end].decode("utf-8", "replace")
            texts.setdefault(field.number, []).append(text)
    operator = texts.get(_NODE_OPERATOR, [""])[-1]
    inputs, outputs = (tuple(texts.get(n, ())) for n in (_NODE_INPUT, _NODE_OUTPUT))
    return Node(operator, inputs, outputs, numbers, lists, auto_pad)


def _read_attribute(
    buffer: Buffer,
    attribute: Field,
    numbers: dict[str, float],
    lists: dict[str, tuple[int, ...]],
) -> str:
    """Put an attribute to the others: a number, or a few whole ones. Others are left out, but for
    `auto_pad`, which is given back: it takes the place of pads.
    """
    name, value, text = "", None, ""
    row: list[int] = []
    for field in fields(buffer, attribute.begin, attribute.end):
        if field.number == _ATTRIBUTE_NAME and field.kind == LENGTH_DELIMITED:
            name = buffer[field.begin : field.end].decode("utf-8", "replace")
        elif field.number == _ATTRIBUTE_FLOAT and field.kind == FOUR_BYTES:
            (value,) = struct.unpack("<f", buffer[field.begin : field.end])
        elif field.number == _ATTRIBUTE_STRING and field.kind == LENGTH_DELIMITED:
            text = buffer[field.begin : field.end][:32].decode("utf-8", "replace")
        elif field.number == _ATTRIBUTE_INT and field.kind == VARINT:
            value = float(varint(buffer, field.begin, field.end)[0])
        elif field.number == _ATTRIBUTE_INTS and len(row) < _LONGEST:
            position = field.begin
            while position < field.end and len(row) < _LONGEST:
                number, position = varint(buffer, position, field.end)
                row.append(number)
    if value is not None:
        numbers[name] = value
    elif row:
        lists[name] = tuple(row)
    return text if name == "auto_pad" else ""


def layers_in(nodes: Iterable[Node], tensors: Mapping[str, Tensor]) -> tuple[Layer, ...]:
    """The layers that take tensors of the file, one for all nodes that take the same."""
    found: dict[tuple[str, ...], Layer] = {}
    names = {name: name for name in tensors}  # of values, those that are tensors unchanged
    products: dict[str, tuple[str, ...]] = {}  # what a MatMul gives → its key in `found`
    transposed, padded = False, set[str]()
    for node in nodes:
        if node.operator == "Identity" and node.inputs and node.inputs[0] in names:
            names.update(dict.fromkeys(node.outputs[:1], names[node.inputs[0]]))
        elif node.operator == "Transpose":
            transposed = True
        elif node.operator == "Pad":
            padded.update(node.outputs[:1])
        elif node.operator == "Add" and len(node.inputs) == 2:
            _add(node, names, tensors, products, found)
        elif node.operator in _ROLES:
            roles = zip(_ROLES[node.operator], node.inputs, strict=False)
            parts = {role: names[name] for role, name in roles if role and name in names}
            if "weight" not in parts or not _plain(node):
                continue
            turned = _turned(node)
            if turned and len(tensors[parts["weight"]].shape) != 2:
                continue
            key = tuple(parts.values())
            layer = Layer(parts, turned, _epsilon(node), transposed)
            if node.operator in ("Conv", "ConvTranspose"):
                rank = len(tensors[parts["weight"]].shape) - 2
                layer = replace(layer, slide=_slide(node, rank, node.inputs[0] in padded))
            found.setdefault(key, layer)
            if node.operator == "MatMul":
                products.update(dict.fromkeys(node.outputs[:1], key))
    return tuple(found.values())


def _add(
    node: Node,
    names: Mapping[str, str],
    tensors: Mapping[str, Tensor],
    products: Mapping[str, tuple[str, ...]],
    found: dict[tuple[str, ...], Layer],
) -> None:
    """A vector that is added to a product of matrices is its bias."""
    key = next((products[name] for name in node.inputs if name in products), None)
    vector = next((names[name] for name in node.inputs if name in names), None)
    if key is None or vector is None or len(tensors[vector].shape) != 1:
        return
    layer = found[key]
    if "bias" not in layer.parts:
        found[key] = replace(layer, parts={**layer.parts, "bias": vector})


_AUTOMATIC: Mapping[str, Padding] = {
    "SAME_UPPER": "same",
    "SAME_LOWER": "same, more before",
    "VALID": "valid",
}


def _slide(node: Node, rank: int, padded: bool) -> Slide:
    """How a convolution says it; pads are unknown where a node before adds some, or a transposed
    one gives the size of what it makes.
    """
    padding: Padding | None = _AUTOMATIC.get(node.auto_pad)
    if node.auto_pad in ("", "NOTSET"):
        padding = node.lists.get("pads", (0,) * 2 * rank)
    transposed = node.operator == "ConvTranspose"
    return Slide(
        node.lists.get("strides", (1,) * rank),
        node.lists.get("dilations", (1,) * rank),
        None if padded or "output_shape" in node.lists else padding,
        node.lists.get("output_padding", (0,) * rank) if transposed else None,
        transposed,
    )


def _plain(node: Node) -> bool:
    """Whether a product's numbers are those of the tensors."""
    return all(node.numbers.get(name, 1) == 1 for name in ("alpha", "beta"))


def _turned(node: Node) -> bool:
    if node.operator == "Gemm":
        return not node.numbers.get("transB")
    return node.operator == "MatMul"


def _epsilon(node: Node) -> float | None:
    if node.operator != "BatchNormalization":
        return None
    # a float32 such as 0.0010000000474974513 was meant as 0.001
    return float(f"{node.numbers.get('epsilon', _EPSILON):.7g}")
