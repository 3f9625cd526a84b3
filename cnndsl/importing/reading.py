"""An ONNX file → its nodes, in their order, with constants as arrays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from cnndsl.diagnostics import UsageError
from cnndsl.graphs.files import STANDARD, inlined, opset_of, read_model
from cnndsl.graphs.inference import for_inference
from cnndsl.importing.draft import Array
from cnndsl.importing.layouts import channels_last, users_of

MOST_NODES = 20_000

_QUANTISED = ("QLinear", "QuantizeLinear", "DequantizeLinear", "ConvInteger", "MatMulInteger",
              "DynamicQuantize", "QGemm", "QAttention")  # fmt: skip
_FLOATS = {"FLOAT16", "BFLOAT16", "DOUBLE"}


@dataclass(slots=True)
class Port:
    """An input or output of the model; an open size is None, and `last` says whether an input has
    its channels last.
    """

    name: str
    sizes: tuple[int | None, ...] | None
    names: tuple[str, ...] = ()
    last: bool = False

    @property
    def space(self) -> slice:
        """Which of its sizes are those of the space."""
        return slice(1, -1) if self.last else slice(2, None)


@dataclass(slots=True)
class Model:
    """A file's graph: constants by name, the rest as ONNX has it."""

    name: str
    path: Path
    producer: str
    opset: int
    inputs: list[Port]
    outputs: list[Port]
    nodes: list[onnx.NodeProto]
    constants: dict[str, Array]
    proto: onnx.ModelProto
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    notes: tuple[str, ...] = ()

    @property
    def has_halves(self) -> bool:
        """Whether it holds weights in 16 bits, so that it computes in them."""
        halves = (onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16)
        return any(tensor.data_type in halves for tensor in self.proto.graph.initializer)

    def as_bytes(self) -> bytes:
        """The file as it was read: with its weights inside, functions inlined, for inference.

        Raises UsageError where it is too large for one message.
        """
        try:
            return self.proto.SerializeToString()
        except Exception:  # protobuf's own have no common base
            raise UsageError(f"`{self.path}` is larger than a message may be") from None


def read_graph(path: Path) -> Model:
    """Read a model file; raises UsageError where it is none, is damaged, or is quantised."""
    name = f"`{path}`"
    proto = inlined(read_model(path), name)
    opset, graph = opset_of(proto, name), proto.graph
    if len(graph.node) > MOST_NODES:
        raise UsageError(f"{name} has {len(graph.node):,} nodes; no net has so many layers")
    _check_kinds(path, graph.node)
    _check_attributes(path, graph.node, opset)
    notes = for_inference(graph, opset)
    constants = {t.name: _array(path, t) for t in graph.initializer}
    inputs = [_port(v) for v in graph.input if v.name not in constants]
    users = users_of(graph.node)
    for port in inputs:
        port.last = channels_last(port.name, port.sizes or (), users)
    return Model(
        name=graph.name,
        path=path,
        producer=proto.producer_name,
        opset=opset,
        inputs=inputs,
        outputs=[_port(v) for v in graph.output],
        nodes=list(graph.node),
        constants=constants,
        proto=proto,
        metadata={entry.key: entry.value for entry in proto.metadata_props},
        notes=tuple(notes),
    )


def attributes(path: Path, node: onnx.NodeProto) -> dict[str, Any]:
    """A node's attributes, tensors as arrays."""
    found: dict[str, Any] = {}
    for attribute in node.attribute:
        try:
            value = onnx.helper.get_attribute_value(attribute)
        except ValueError:
            raise UsageError(
                f"`{path}` has an attribute `{attribute.name}` without a type"
            ) from None
        if isinstance(value, onnx.TensorProto):
            value = _array(path, value)
        found[attribute.name] = value
    return found


def _check_kinds(path: Path, nodes: Any) -> None:
    for node in nodes:
        if node.op_type.startswith(_QUANTISED):
            name = node.name or next(iter(node.output), "")
            raise UsageError(
                f"`{path}` is quantised ({node.op_type} `{name}`), and a "
                f"spec's weights are float32: import the float model that it was made from"
            )


def _check_attributes(path: Path, nodes: Iterable[onnx.NodeProto], opset: int) -> None:
    """Raise UsageError where an attribute isn't of the kind that ONNX's operator has it of."""
    kinds: dict[str, dict[str, int]] = {}
    for node in nodes:
        if node.domain not in STANDARD:
            continue
        if node.op_type not in kinds:
            kinds[node.op_type] = _kinds(node.op_type, opset)
        known = kinds[node.op_type]
        for attribute in node.attribute:
            if attribute.type != known.get(attribute.name, attribute.type):
                raise UsageError(
                    f"`{path}` is damaged: the attribute `{attribute.name}` of its "
                    f"{node.op_type} `{node.name or next(iter(node.output), '')}` is of another "
                    f"kind than ONNX has it"
                )


def _kinds(operator: str, opset: int) -> dict[str, int]:
    """Of what kind the operator's attributes are; nothing where ONNX doesn't have it."""
    try:
        schema: Any = onnx.defs.get_schema(operator, opset)  # partly typed
    except onnx.defs.SchemaError:
        return {}
    return {name: attribute.type.value for name, attribute in schema.attributes.items()}


def _array(path: Path, tensor: onnx.TensorProto) -> Array:
    """A tensor as an array; floating-point numbers of any kind become float32."""
    try:
        kind = onnx.TensorProto.DataType.Name(tensor.data_type)
        array: Array = np.asarray(numpy_helper.to_array(tensor, str(path.parent.resolve())))
        return array.astype(np.float32) if kind in _FLOATS else array
    except OSError as e:
        raise UsageError(f"`{path}`: its weights can't be read: {e.strerror or e}") from None
    except Exception:  # whatever onnx and numpy think of damaged bytes
        raise UsageError(
            f"`{path}` has a tensor `{tensor.name}` whose type, shape and bytes don't fit together"
        ) from None


def _port(value: onnx.ValueInfoProto) -> Port:
    kind = value.type.tensor_type
    if not kind.HasField("shape"):
        return Port(value.name, None)
    dims = list(kind.shape.dim)
    sizes = tuple(d.dim_value if d.dim_value > 0 else None for d in dims)
    return Port(value.name, sizes, tuple(d.dim_param for d in dims))


def used(nodes: list[onnx.NodeProto]) -> Iterator[str]:
    """Every name that a node takes."""
    for node in nodes:
        yield from node.input
