"""Where an input of a model has its channels: second, as in ONNX's operators, or last.

TensorFlow's models have them last, and turn pictures before the first convolution. So the operator
tells that reads the input first and has a place for channels; where none does, the sizes tell.
"""

from __future__ import annotations

from collections.abc import Sequence

import onnx

COLOURS = (1, 3, 4)
MOST_NODES = 100  # looked at behind an input

CHANNELS_SECOND = (
    *("Conv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool"),
    *("GlobalMaxPool", "GlobalAveragePool", "GlobalLpPool"),
    *("BatchNormalization", "InstanceNormalization", "GroupNormalization", "LRN"),
    *("DepthToSpace", "SpaceToDepth"),
)
"""Operators whose first input has its channels second."""

PASSING = ("Identity", "Cast", "Dropout", "Pad", "Clip", "Relu", "Neg", "Add", "Sub", "Mul", "Div")
"""Operators that leave dimensions where they are."""

Users = dict[str, list[onnx.NodeProto]]


def channels_last(name: str, sizes: Sequence[int | None], users: Users) -> bool:
    """Whether an input of these sizes, the batch in front, has its channels last."""
    rank = len(sizes)
    if rank < 3:
        return False
    axis = _channels_axis(name, rank, users)
    if axis in (1, rank - 1):
        return axis == rank - 1
    return sizes[-1] in COLOURS and sizes[1] not in COLOURS


def users_of(nodes: Sequence[onnx.NodeProto]) -> Users:
    """The nodes that take each value."""
    users: Users = {}
    for node in nodes:
        for name in dict.fromkeys(node.input):
            users.setdefault(name, []).append(node)
    return users


def _channels_axis(name: str, rank: int, users: Users) -> int | None:
    """The axis that the first operator with a place for channels takes for them."""
    todo = [(name, tuple(range(rank)))]
    looked = 0
    while todo and looked < MOST_NODES:
        value, order = todo.pop(0)
        for node in users.get(value, ()):
            looked += 1
            if node.op_type in CHANNELS_SECOND and node.input[0] == value:
                return order[1]
            if node.op_type in PASSING:
                todo.append((node.output[0], order))
            elif node.op_type == "Transpose":
                perm = [n for a in node.attribute if a.name == "perm" for n in a.ints]
                perm = perm or list(range(rank))[::-1]
                if sorted(perm) == list(range(rank)):
                    todo.append((node.output[0], tuple(order[i] for i in perm)))
    return None
