"""Graph → .onnx, streamed: memory stays flat however large the weights are.

An ONNX file is a protobuf message, and protobuf lets a message be written field by field. So the
model without its weights is serialised by onnx_ir, and every weight is appended to the graph as
bytes, piece by piece, with the lengths computed beforehand. Beyond 2 GiB, protobuf's limit, and by
choice, weights go to a file beside the model (ONNX's external data), at offsets that can be
memory-mapped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np
import onnx
import onnx_ir as ir

from cnndsl.files import replaced, replaced_together, resolved
from cnndsl.graphs.files import LARGEST_MESSAGE, keep_apart
from cnndsl.graphs.portable import make_portable
from cnndsl.graphs.writer import IR_VERSION
from cnndsl.layers.base import Parameter
from cnndsl.lower import Lowered
from cnndsl.weights.source import Weights

ALIGNMENT = 4096

# Field numbers and wire types of onnx.proto
_MODEL_GRAPH, _GRAPH_INITIALIZER, _TENSOR_RAW_DATA = 7, 5, 9
_LENGTH_DELIMITED = 2

Places = dict[str, tuple[int, int]]
"""Offset and length of every tensor in the data file."""

Progress = Callable[[int], None]
"""Called with the number of bytes just written."""


@dataclass(frozen=True, slots=True)
class Emitted:
    """What was written: the model, and the file with its weights where they lie apart."""

    path: Path
    data: Path | None
    bytes: int


def emit(
    lowered: Lowered,
    path: Path,
    *,
    weights: Weights | None,
    metadata: Mapping[str, str],
    external: bool = False,
    producer_version: str = "",
    progress: Progress | None = None,
) -> Emitted:
    """Write a model; None for `weights` writes the graph alone, its parameters as inputs.

    Each file is written beside its place and renamed when complete; a model and its weights beside
    it belong together at every moment. Raises OSError as the file system does, and whatever
    `weights` raises.
    """
    if path.is_symlink():
        path = resolved(path)  # weights in a file of their own lie beside the true one
    model = skeleton(lowered, weights is None, metadata, producer_version)
    if weights is None:
        make_portable(model)
        with replaced(path) as file:
            file.write(model.SerializeToString())
        return Emitted(path, None, path.stat().st_size)
    shapes = make_portable(model, {name: p.shape for name, p in lowered.parameters.items()})
    total = sum(4 * p.size for p in lowered.parameters.values())
    if external or total + model.ByteSize() > LARGEST_MESSAGE:
        values = weights

        def write(file: BinaryIO) -> Places:
            return _write_data(file, lowered.parameters, values, progress)

        def refer(location: str, places: Places) -> bytes:
            whole = onnx.ModelProto()
            whole.CopyFrom(model)
            for name, place in places.items():
                tensor = _tensor(name, shapes[name])
                keep_apart(tensor, location, *place)
                whole.graph.initializer.append(tensor)
            return whole.SerializeToString()

        data = replaced_together(path, write, refer)
        return Emitted(path, data, path.stat().st_size + data.stat().st_size)
    with replaced(path) as file:
        _write_inline(file, model, lowered.parameters, shapes, weights, progress)
    return Emitted(path, None, path.stat().st_size)


def skeleton(
    lowered: Lowered, as_inputs: bool, metadata: Mapping[str, str] | None = None, version: str = ""
) -> onnx.ModelProto:
    """The model without its parameters' values; as inputs of the graph they may come later."""
    graph = lowered.graph
    model = ir.Model(
        graph,
        ir_version=IR_VERSION,
        producer_name="cnndsl",
        producer_version=version,
        metadata_props=dict(metadata or {}),
    )
    parameters = {name: graph.initializers.pop(name) for name in lowered.parameters}
    if as_inputs:
        graph.inputs.extend(parameters.values())
    proto = ir.to_proto(model)
    graph.initializers.update(parameters)
    return proto


def _write_inline(
    file: BinaryIO,
    skeleton: onnx.ModelProto,
    parameters: Mapping[str, Parameter],
    shapes: Mapping[str, Sequence[int]],
    weights: Weights,
    progress: Progress | None,
) -> None:
    graph = skeleton.graph.SerializeToString()
    skeleton.ClearField("graph")
    heads = {name: _tensor_head(name, shape) for name, shape in shapes.items()}
    lengths = {name: len(head) + 4 * parameters[name].size for name, head in heads.items()}
    fields = {name: _field(_GRAPH_INITIALIZER, length) for name, length in lengths.items()}
    whole = len(graph) + sum(len(fields[n]) + lengths[n] for n in parameters)
    file.write(skeleton.SerializeToString())
    file.write(_field(_MODEL_GRAPH, whole))
    file.write(graph)
    for name, parameter in parameters.items():
        file.write(fields[name])
        file.write(heads[name])
        _write_values(file, name, parameter, weights, progress)


def _write_data(
    file: BinaryIO, parameters: Mapping[str, Parameter], weights: Weights, progress: Progress | None
) -> Places:
    places: Places = {}
    for name, parameter in parameters.items():
        offset = -(-file.tell() // ALIGNMENT) * ALIGNMENT
        file.seek(offset)
        _write_values(file, name, parameter, weights, progress)
        places[name] = (offset, 4 * parameter.size)
    return places


def _write_values(
    file: BinaryIO, name: str, parameter: Parameter, weights: Weights, progress: Progress | None
) -> None:
    left = parameter.size
    for values in weights(name, parameter):
        file.write(np.ascontiguousarray(values, "<f4").data)
        left -= values.size
        if progress:
            progress(4 * values.size)
    if left:
        raise ValueError(f"{name} has {left} values less than its shape {parameter.shape}")


def _tensor(name: str, shape: Sequence[int]) -> onnx.TensorProto:
    return onnx.TensorProto(name=name, dims=shape, data_type=onnx.TensorProto.FLOAT)


def _tensor_head(name: str, shape: Sequence[int]) -> bytes:
    """A tensor's message up to the bytes of its values."""
    values = _field(_TENSOR_RAW_DATA, 4 * prod(shape))
    return _tensor(name, shape).SerializeToString() + values


def _field(number: int, length: int) -> bytes:
    """The start of a length-delimited field: its tag and length, as protobuf's varints."""
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(length)


def _varint(value: int) -> bytes:
    result = bytearray()
    while value > 0x7F:
        result.append(value & 0x7F | 0x80)
        value >>= 7
    result.append(value)
    return bytes(result)
