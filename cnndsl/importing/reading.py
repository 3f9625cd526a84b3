"""An ONNX file → its nodes, in their order, with constants as arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import inliner, numpy_helper

from cnndsl.diagnostics import UsageError
from cnndsl.importing.draft import Array
from cnndsl.importing.layouts import channels_last, users_of
from cnndsl.weights.external import check_model, check_names

MOST_NODES = 20_000
STANDARD = ("", "ai.onnx")

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


def read_model(path: Path) -> Model:
    """Read a model file; raises UsageError where it is none, is damaged, or is quantised."""
    if not path.is_file():
        raise UsageError(f"there is no file `{path}`")
    check_model(path)
    try:
        read: Any = onnx  # partly typed
        proto: onnx.ModelProto = read.load(path)
        if proto.functions:
            proto = inliner.inline_local_functions(proto)
    except OSError as e:
        raise UsageError(f"`{path}` can't be read: {e.strerror or e}") from None
    except Exception:  # protobuf's and onnx's own have no common base
        raise UsageError(f"`{path}` is no ONNX model, or a damaged one") from None
    opset = max((o.version for o in proto.opset_import if o.domain in STANDARD), default=0)
    if not opset:
        raise UsageError(f"`{path}` doesn't say which version of ONNX's operators it uses")
    graph = proto.graph
    if len(graph.node) > MOST_NODES:
        raise UsageError(f"`{path}` has {len(graph.node):,} nodes; no net has so many layers")
    check_names(proto, path)
    _check_kinds(path, graph.node)
    notes = _for_inference(graph, opset)
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


def _for_inference(graph: onnx.GraphProto, opset: int) -> list[str]:
    """Let norms use their running statistics, and dropouts do nothing; a sentence where the file
    says otherwise.
    """
    norms, dropouts = list[str](), list[str]()
    constants = {tensor.name: tensor for tensor in graph.initializer}
    flowing = {port.name for port in graph.input} - constants.keys()
    inference = 1 if opset < 7 else 0  # of `is_test`, then of `training_mode`
    for node in graph.node:
        if flowing.isdisjoint(node.input):
            continue  # weights are standardised by norms, too
        flowing.update(node.output)
        if node.op_type == "BatchNormalization":
            modes = [a for a in node.attribute if a.name in ("training_mode", "is_test")]
            if any(mode.i != inference for mode in modes) or any(node.output[1:]):
                norms.append(named(node))
                for mode in modes:
                    mode.i = inference
                del node.output[1:]
        elif node.op_type == "Dropout" and len(node.input) > 2 and node.input[2]:
            mode = constants.get(node.input[2])
            if mode is None or numpy_helper.to_array(mode).any():
                dropouts.append(named(node))
            del node.input[2:]
    return [
        f"{len(names)} {what}{'s' * (len(names) != 1)} of the model (`{names[0]}`"
        f"{', …' if len(names) > 1 else ''}) {'is' if len(names) == 1 else 'are'} {does}"
        for names, what, does in (
            (norms, "batch norm", "set to use each batch's statistics, as in training; here "
             "they use the running ones"),
            (dropouts, "dropout", "set to drop values, as in training; here they don't"),
        )
        if names
    ]  # fmt: skip


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
        elif not isinstance(value, (int, float, bytes, str)):
            value = list(value) if attribute.ints or attribute.floats else value
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


def named(node: onnx.NodeProto) -> str:
    """What to call a node: its own name, or that of its output."""
    return node.name or next(iter(node.output), "") or node.op_type


def used(nodes: list[onnx.NodeProto]) -> Iterator[str]:
    """Every name that a node takes."""
    for node in nodes:
        yield from node.input
