"""The graph under construction: what a layer's `lower` writes its ONNX nodes into."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import onnx_ir as ir

from cnndsl.graphs.writer import FLOAT, Writer, constant
from cnndsl.layers.base import Layer, Parameter
from cnndsl.network import Network, Step
from cnndsl.shape import Dim, Shape


class GraphBuilder:
    """Collects the nodes of one network; `inputs`, `output` and names follow the current step."""

    def __init__(self, network: Network, batch: int | None = None):
        self.network, self.batch = network, batch
        self._writer = Writer()
        self.nodes = self._writer.nodes
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
        self._writer.begin(step.name, 0)
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
        return self._writer.op(kind, *inputs, **attributes)

    def ops(
        self, kind: str, outputs: int, *inputs: ir.Value | None, **attributes: Any
    ) -> Sequence[ir.Value]:
        """Add a node with several outputs."""
        return self._writer.ops(kind, outputs, *inputs, **attributes)

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
        full = f"{self.step.name}/{name}"
        array = np.asarray(values, np.float32 if kind == "float" else np.int64)
        self.initializers[full] = constant(full, array)
        return self.initializers[full]

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


def written(step: Step) -> str:
    """What the spec says where the step comes from, for people who open the model."""
    span = step.origin.span
    file = span.source.name.replace("\\", "/").rpartition("/")[2]  # not where it lay
    return f"{file}:{span.line}: {span.source.line(span.line).strip()}"


def _onnx_dim(size: Dim) -> int | str:
    return size if isinstance(size, int) else str(size)
