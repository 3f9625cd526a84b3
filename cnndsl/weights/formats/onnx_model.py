"""The tensors of an ONNX model: its initialisers, and the values of its Constant nodes.

The file is walked, not built as objects. Tensors may lie in other files, but only in the model's
folder or below it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cnndsl.graphs.protobuf import (
    LENGTH_DELIMITED,
    Buffer,
    Field,
    MessageError,
    fields,
    opened,
)
from cnndsl.graphs.safety import MOST_FIELDS
from cnndsl.weights.formats.onnx_tensor import read_tensor
from cnndsl.weights.formats.onnx_uses import Node, layers_in, read_node
from cnndsl.weights.metadata import labels_in_metadata, preprocessing_in_metadata
from cnndsl.weights.tensors import DamagedError, Tensor, TensorFile

# Numbers of fields in onnx.proto, by the message that they are in.
_MODEL_GRAPH, _MODEL_METADATA = 7, 14
_GRAPH_NODE, _GRAPH_INITIALISER = 1, 5
_NODE_OUTPUT, _NODE_OPERATOR, _NODE_ATTRIBUTE = 2, 4, 5
_ATTRIBUTE_NAME, _ATTRIBUTE_TENSOR = 1, 5
_ENTRY_KEY, _ENTRY_VALUE = 1, 2


def open_file(path: Path) -> TensorFile:
    """Find the tensors. Raises DamagedError, and UsageError where one lies outside the folder."""
    try:
        with opened(path) as buffer:
            tensors: dict[str, Tensor] = {}
            files = {path}
            for tensor in _tensors(path, buffer, files):
                if tensor.name in tensors:
                    raise DamagedError(f"has two tensors called `{tensor.name}`")
                tensors[tensor.name] = tensor
            metadata = dict(_metadata(buffer))
            layers = layers_in(_nodes(buffer), tensors)
    except MessageError:
        raise DamagedError("is no ONNX model, or a damaged one") from None
    return TensorFile(
        path,
        "ONNX",
        tensors,
        preprocessing_in_metadata(metadata),
        labels_in_metadata(metadata),
        bytes=sum(file.stat().st_size for file in files),
        layers=layers,
    )


def _nodes(buffer: Buffer) -> Iterator[Node]:
    whole = Field(0, LENGTH_DELIMITED, 0, len(buffer))
    for graph in _parts(buffer, whole, _MODEL_GRAPH):
        for node in _parts(buffer, graph, _GRAPH_NODE):
            yield read_node(buffer, node)


def _tensors(path: Path, buffer: Buffer, files: set[Path]) -> Iterator[Tensor]:
    whole = Field(0, LENGTH_DELIMITED, 0, len(buffer))
    count = 0
    for graph in _parts(buffer, whole, _MODEL_GRAPH):
        for field in fields(buffer, graph.begin, graph.end):
            count += 1
            if count > MOST_FIELDS:
                raise MessageError
            if field.kind == LENGTH_DELIMITED and field.number == _GRAPH_INITIALISER:
                yield read_tensor(path, buffer, field, files)
            elif field.kind == LENGTH_DELIMITED and field.number == _GRAPH_NODE:
                yield from _constant(path, buffer, field, files)


def _constant(path: Path, buffer: Buffer, node: Field, files: set[Path]) -> Iterator[Tensor]:
    """The value of a Constant node, by the name of the node's output."""
    if _text(buffer, node, _NODE_OPERATOR) != "Constant":
        return
    for attribute in _parts(buffer, node, _NODE_ATTRIBUTE):
        if _text(buffer, attribute, _ATTRIBUTE_NAME) != "value":
            continue
        for tensor in _parts(buffer, attribute, _ATTRIBUTE_TENSOR):
            yield read_tensor(path, buffer, tensor, files, _text(buffer, node, _NODE_OUTPUT))


def _metadata(buffer: Buffer) -> Iterator[tuple[str, str]]:
    whole = Field(0, LENGTH_DELIMITED, 0, len(buffer))
    for entry in _parts(buffer, whole, _MODEL_METADATA):
        yield _text(buffer, entry, _ENTRY_KEY), _text(buffer, entry, _ENTRY_VALUE)


def _parts(buffer: Buffer, message: Field, number: int) -> Iterator[Field]:
    for field in fields(buffer, message.begin, message.end):
        if field.number == number and field.kind == LENGTH_DELIMITED:
            yield field


def _text(buffer: Buffer, message: Field, number: int) -> str:
    """The first text in a field; "" where there is none."""
    field = next(_parts(buffer, message, number), None)
    return buffer[field.begin : field.end].decode("utf-8", "replace") if field else ""
