"""What rules and expansions write their nodes into."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Literal

import numpy as np
import onnx_ir as ir

from cnndsl.diagnostics import UsageError


class Writer:
    """Collects nodes and constants; names follow the node or value that they are written for."""

    def __init__(self, float_type: ir.DataType = ir.DataType.FLOAT, part: str = ""):
        self.float_type = float_type
        self.nodes: list[ir.Node] = []
        self.constants: dict[str, ir.Value] = {}
        self._part = f"/{part}" if part else ""
        self._prefix, self._count = "value", 0

    def begin(self, name: str | None) -> None:
        """Name the nodes that follow after this node or value."""
        self._prefix = name or "value"

    def shape(self, value: ir.Value) -> tuple[int, ...]:
        """A forward value's shape; a gradient has its value's. UsageError where it isn't fixed."""
        dims = list(value.shape) if value.shape is not None else [None]
        if not all(isinstance(d, int) for d in dims):
            raise UsageError(f"the shape of `{value.name}` isn't fixed, so it has no gradient yet")
        return tuple(d for d in dims if isinstance(d, int))

    def op(self, kind: str, *inputs: ir.Value | None, **attributes: Any) -> ir.Value:
        """Add a node with one output."""
        return self.ops(kind, 1, *inputs, **attributes)[0]

    def ops(
        self, kind: str, outputs: int, *inputs: ir.Value | None, **attributes: Any
    ) -> Sequence[ir.Value]:
        """Add a node with several outputs."""
        self._count += 1
        name = f"{self._prefix}{self._part}/{kind}{self._count}"
        node = ir.node(kind, inputs, attributes, num_outputs=outputs, name=name)
        for i, output in enumerate(node.outputs):
            output.name = f"{name}:{i}" if i else name
        self.nodes.append(node)
        return node.outputs

    def constant(self, values: object, kind: Literal["float", "int", "single"] = "int") -> ir.Value:
        """A constant tensor; equal ones are made once. `single` is float32 whatever the graph's
        type: what Resize takes as scales.
        """
        types = {"int": ir.DataType.INT64, "single": ir.DataType.FLOAT, "float": self.float_type}
        data_type = types[kind]
        array = np.asarray(values, data_type.numpy())
        digest = sha256(array.tobytes()).hexdigest()[:12]
        name = f"constant/{kind}/{'x'.join(map(str, array.shape))}/{digest}"
        if name not in self.constants:
            self.constants[name] = ir.Value(
                name=name,
                shape=ir.Shape(array.shape),
                type=ir.TensorType(data_type),
                const_value=ir.tensor(array, name=name),
            )
        return self.constants[name]
