"""What nodes are written into, by whoever makes graphs: layers, gradients, losses, optimisers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from cnndsl.diagnostics import UsageError

OPSET = 18
"""Of what is written here: the newest that ONNX Runtime's CUDA kernels cover throughout."""

IR_VERSION = 8
"""The oldest version of the file format that goes with it, so that the most runtimes take it."""

FLOAT = ir.TensorType(ir.DataType.FLOAT)


def constant(name: str, array: npt.ArrayLike) -> ir.Value:
    """A value that never changes."""
    values = np.asarray(array)
    tensor = ir.tensor(values, name=name)
    kind = ir.TensorType(tensor.dtype)
    return ir.Value(name=name, shape=ir.Shape(values.shape), type=kind, const_value=tensor)


class Writer:
    """Collects nodes and constants; names follow the node or value that they are written for."""

    def __init__(self, float_type: ir.DataType = ir.DataType.FLOAT, part: str = ""):
        self.float_type = float_type
        self.nodes: list[ir.Node] = []
        self.constants: dict[str, ir.Value] = {}
        self._part = f"/{part}" if part else ""
        self._prefix, self._count = "value", 0

    def begin(self, name: str | None, count: int | None = None) -> None:
        """Name the nodes that follow after this node or value; `count` begins their numbers."""
        self._prefix = name or "value"
        self._count = self._count if count is None else count

    def shape(self, value: ir.Value) -> tuple[int, ...]:
        """A forward value's shape; a gradient has its value's. UsageError where it isn't fixed."""
        dims = list(value.shape) if value.shape is not None else [None]
        if not all(isinstance(d, int) for d in dims):
            raise UsageError(f"the shape of `{value.name}` isn't fixed, so it has no gradient yet")
        return tuple(d for d in dims if isinstance(d, int))

    def op(self, kind: str, *inputs: ir.Value | float | None, **attributes: Any) -> ir.Value:
        """Add a node with one output."""
        return self.ops(kind, 1, *inputs, **attributes)[0]

    def ops(
        self, kind: str, outputs: int, *inputs: ir.Value | float | None, **attributes: Any
    ) -> Sequence[ir.Value]:
        """Add a node with several outputs. Numbers among the inputs become constants."""
        self._count += 1
        values = [self.number(v) if isinstance(v, int | float) else v for v in inputs]
        while values and values[-1] is None:
            values.pop()
        name = f"{self._prefix}{self._part}/{kind}{self._count}"
        given = {key: _attribute(key, value) for key, value in attributes.items()}
        node = ir.node(kind, values, given, num_outputs=outputs, name=name)
        for i, output in enumerate(node.outputs):
            output.name = f"{name}:{i}" if i else name
        self.nodes.append(node)
        return node.outputs

    def number(self, value: float) -> ir.Value:
        """A number of the graph's type."""
        return self.constant(value, "float")

    def constant(self, values: object, kind: Literal["float", "int", "single"] = "int") -> ir.Value:
        """A constant tensor; equal ones are made once. `single` is float32 whatever the graph's
        type: what Resize takes as scales.
        """
        types = {"int": ir.DataType.INT64, "single": ir.DataType.FLOAT, "float": self.float_type}
        array = np.asarray(values, types[kind].numpy())
        digest = sha256(array.tobytes()).hexdigest()[:12]
        name = f"constant/{kind}/{'x'.join(map(str, array.shape))}/{digest}"
        if name not in self.constants:
            self.constants[name] = constant(name, array)
        return self.constants[name]


def add_constants(graph: ir.Graph, constants: Mapping[str, ir.Value]) -> None:
    """Writers name equal constants alike; the graph keeps one of them."""
    for name, value in constants.items():
        known = graph.initializers.get(name)
        if known is None:
            graph.initializers[name] = value
        elif known is not value:
            value.replace_all_uses_with(known)


_KINDS: dict[type, Any] = {int: ir.AttrInt64, float: ir.AttrFloat32, str: ir.AttrString}
_SEVERAL: dict[type, Any] = {int: ir.AttrInt64s, float: ir.AttrFloat32s}


def _attribute(name: str, value: Any) -> Any:
    """An attribute of a kind that needn't be found out, which onnx_ir does slowly; of others, the
    value.
    """
    kind = _KINDS.get(type(cast("object", value)))
    if isinstance(value, tuple | list) and value:
        types = {type(item) for item in cast("Sequence[object]", value)}
        kind = _SEVERAL.get(types.pop()) if len(types) == 1 else None
    return kind(name, value) if kind else cast("object", value)
