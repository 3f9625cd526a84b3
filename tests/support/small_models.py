"""ONNX models of one or two nodes, written with onnx itself, for tests of running."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx
from onnx import TensorProto, helper

Dims = Sequence[int | str | None]
PICTURES: Dims = ("N", 3, 8, 8)


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, Dims],
    outputs: Mapping[str, Dims | None],
    *,
    kind: int = TensorProto.FLOAT,
    metadata: Mapping[str, str] | None = None,
    initializers: Sequence[onnx.TensorProto] = (),
) -> bytes:
    """A model's bytes; all inputs and outputs are of one type."""
    graph = helper.make_graph(
        list(nodes),
        "small",
        [helper.make_tensor_value_info(n, kind, d) for n, d in inputs.items()],
        [helper.make_tensor_value_info(n, kind, d) for n, d in outputs.items()],
        list(initializers),
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    helper.set_model_props(made, dict(metadata or {}))
    return made.SerializeToString()


def identity(dims: Dims = PICTURES, kind: int = TensorProto.FLOAT, **metadata: str) -> bytes:
    """`y = x`."""
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    return model(nodes, {"x": dims}, {"y": None}, kind=kind, metadata=metadata)


def channel_means(dims: Dims = PICTURES, **metadata: str) -> bytes:
    """`logits`: the mean of each channel, as if channels were classes."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["means"]),
        helper.make_node("Flatten", ["means"], ["logits"]),
    ]
    return model(nodes, {"image": dims}, {"logits": None}, metadata=metadata)


def difference(dims: Dims = PICTURES) -> bytes:
    """`gap = left − right`, and `sum = left + right`."""
    nodes = [
        helper.make_node("Sub", ["left", "right"], ["gap"]),
        helper.make_node("Add", ["left", "right"], ["sum"]),
    ]
    return model(nodes, {"left": dims, "right": dims}, {"gap": None, "sum": None})


def with_external_weights(location: str, size: int = 4) -> bytes:
    """`y = x + w`, where `w` lies in another file."""
    weights = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[size])
    weights.data_location = TensorProto.EXTERNAL
    entry = weights.external_data.add()
    entry.key, entry.value = "location", location
    return model(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        {"x": ("N", size)},
        {"y": None},
        initializers=[weights],
    )


def saved(folder: Path, content: bytes, name: str = "model.onnx") -> Path:
    """A file with that content."""
    path = folder / name
    path.write_bytes(content)
    return path
