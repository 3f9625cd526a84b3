"""The graph under construction: what a layer's `lower` writes its ONNX nodes into."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, cast

import numpy as np
import onnx_ir as ir

from cnndsl.layers.base import Layer, Parameter
from cnndsl.network import Network, Step
from cnndsl.shape import Dim, Shape

OPSET = 18  # the newest that ONNX Runtime's CUDA kernels cover throughout
FLOAT = ir.TensorType(ir.DataType.FLOAT)


class GraphBuilder:
    """Collects the nodes of one network; `inputs`, `output` and names follow the current step."""

    def __init__(self, network: Network, batch: int | None = None):
        self.network, self.batch = network, batch
        self.nodes: list[ir.Node] = []
        self.initializers: dict[str, ir.Value] = {}
        self.parameters: dict[str, Parameter] = {}
        self.values: dict[str, ir.Value] = {}
        self.inputs: tuple[Shape, ...] = ()
        self._indices: dict[str, ir.Value] = {}
        self._unpooled = {s.inputs[1] for s in network.steps if s.layer.word == "unpool"}

    def input(self, name: str, shape: Shape) -> ir.Value:
        """Declare an input of the graph."""
        self.values[name] = value = ir.Value(name=name, shape=self._shape(shape), type=FLOAT)
        return value

    def lower(self, step: Step) -> None:
        """Add the nodes of one step; its value takes the step's name."""
        self.step, self.output = step, step.output
        self.inputs = self.network.input_shapes(step)
        self._count = 0
        inputs = [self.values[name] for name in step.inputs]
        result = self.write(step, inputs)
        if result not in inputs:  # an identity makes no value of its own
            result.name = step.name
            producer = result.producer()
            assert producer is not None
            producer.name = step.name
            self.describe(step, result, producer)
        self.values[step.name] = result

    def describe(self, step: Step, value: ir.Value, producer: ir.Node) -> None:
        """Note a step's shape and origin, for people and for tools that infer no shapes."""
        value.shape, value.type = self._shape(step.output), FLOAT
        producer.doc_string = written(step)

    def write(self, step: Step, inputs: Sequence[ir.Value]) -> ir.Value:
        """The step's value, from those of its inputs."""
        return inputs[0] if step.layer.is_identity else step.layer.lower(self, *inputs)

    def _shape(self, shape: Shape) -> ir.Shape:
        """With the batch in front; symbolic sizes by their text."""
        return ir.Shape([self.batch or "N", shape.channels, *map(_onnx_dim, shape.space)])

    # What layers call

    def op(self, kind: str, *inputs: ir.Value | None, **attributes: Any) -> ir.Value:
        """Add a node with one output."""
        return self.ops(kind, 1, *inputs, **attributes)[0]

    def ops(
        self, kind: str, outputs: int, *inputs: ir.Value | None, **attributes: Any
    ) -> Sequence[ir.Value]:
        """Add a node with several outputs."""
        self._count += 1
        while inputs and inputs[-1] is None:
            inputs = inputs[:-1]
        name = f"{self.step.name}/{kind}{self._count}"
        given = {key: _attribute(key, value) for key, value in attributes.items()}
        node = ir.node(kind, inputs, given, num_outputs=outputs, name=name)
        for i, output in enumerate(node.outputs):
            output.name = f"{name}:{i}" if i else name
        self.nodes.append(node)
        return node.outputs

    def parameter(self, name: str) -> ir.Value:
        """The step's parameter of that name (its owner's, where weights are shared)."""
        full = f"{self.step.owner}.{name}"
        if full not in self.initializers:
            declared = {p.name: p for p in self.step.layer.parameters(*self.inputs)}
            self.parameters[full] = declared[name]
            shape = ir.Shape(declared[name].shape)
            self.initializers[full] = ir.Value(name=full, shape=shape, type=FLOAT)
        return self.initializers[full]

    def constant(
        self, name: str, values: object, kind: Literal["float", "int"] = "float"
    ) -> ir.Value:
        """A constant tensor."""
        array = np.asarray(values, np.float32 if kind == "float" else np.int64)
        full = f"{self.step.name}/{name}"
        value = ir.Value(
            name=full,
            shape=ir.Shape(array.shape),
            type=ir.TensorType(ir.DataType.FLOAT if kind == "float" else ir.DataType.INT64),
            const_value=ir.tensor(array, name=full),
        )
        self.initializers[full] = value
        return value

    @property
    def wants_indices(self) -> bool:
        """Whether an unpooling needs the indices of the current step's maxima."""
        return self.step.name in self._unpooled

    def keep_indices(self, indices: ir.Value) -> None:
        """Leave the current step's maxima for the unpooling."""
        self._indices[self.step.name] = indices

    def indices(self, number: int) -> ir.Value:
        """The indices kept by the step that made the current step's input of that number."""
        return self._indices[self.step.inputs[number]]

    def producer(self, number: int) -> Layer:
        """The layer that made the current step's input of that number."""
        return self.network.by_name[self.step.inputs[number]].layer


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


def written(step: Step) -> str:
    """What the spec says where the step comes from, for people who open the model."""
    span = step.origin.span
    file = span.source.name.replace("\\", "/").rpartition("/")[2]  # not where it lay
    return f"{file}:{span.line}: {span.source.line(span.line).strip()}"


def _onnx_dim(size: Dim) -> int | str:
    return size if isinstance(size, int) else str(size)
