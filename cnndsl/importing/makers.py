"""A model's nodes by what they make, for patterns of several nodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import onnx

from cnndsl.importing.draft import Array
from cnndsl.importing.reading import Model, attributes

PASSING = ("Identity", "Cast")
PAIRS = ("Add", "Sub", "Mul", "Div", "Pow")
MOST_PASSED = 8
MOST_AXES = 8


class Makers:
    """The nodes by the names of their outputs; `found` counts the patterns."""

    def __init__(self, model: Model):
        self.model = model
        self.makers = {name: node for node in model.nodes for name in node.output if name}
        self.found = 0

    def maker(self, name: str, *kinds: str) -> onnx.NodeProto | None:
        """The node that makes a value, where it is of one of these kinds."""
        node = self.makers.get(self.source(name))
        if node is None or node.op_type not in kinds:
            return None
        return node if len(node.input) >= (2 if node.op_type in PAIRS else 1) else None

    def source(self, name: str) -> str:
        """The value that another one is, but for its type."""
        for _ in range(MOST_PASSED):
            node = self.makers.get(name)
            if node is None or node.op_type not in PASSING or not node.input:
                break
            name = node.input[0]
        return name

    def array(self, name: str) -> Array | None:
        """The numbers of a constant."""
        source = self.source(name)
        node = self.makers.get(source)
        if node is None or node.op_type != "Constant":
            return self.model.constants.get(source)
        values = attributes(self.model.path, node)
        return next((np.asarray(v) for k, v in values.items() if k.startswith("value")), None)

    def number(self, name: str) -> float | None:
        """That of a constant of one number."""
        array = self.array(name)
        if array is None or array.size != 1 or array.dtype.kind not in "fiu":
            return None
        return float(array.reshape(()))

    def axes(self, node: onnx.NodeProto) -> tuple[int, ...] | None:
        """What a reduction that keeps its dimensions goes over."""
        given = attributes(self.model.path, node)
        if not given.get("keepdims", 1):
            return None
        axes: Any = given.get("axes", self.array(node.input[1]) if len(node.input) > 1 else None)
        found = np.ravel(np.asarray(axes)) if axes is not None else np.zeros(0)
        if found.dtype.kind not in "iu" or not 0 < found.size <= MOST_AXES:
            return None
        return tuple(sorted(map(int, found)))


def both(node: onnx.NodeProto) -> list[tuple[str, str]]:
    """The two inputs in either order."""
    if len(node.input) != 2:
        return []
    first, second = node.input
    return [(first, second), (second, first)]


def needed(model: Model, nodes: Sequence[onnx.NodeProto]) -> list[onnx.NodeProto]:
    """The nodes that the outputs need."""

    def backwards() -> Iterator[onnx.NodeProto]:
        wanted = {port.name for port in model.outputs}
        for node in reversed(nodes):
            if wanted.intersection(node.output):
                wanted.update(node.input)
                yield node

    return list(backwards())[::-1]
