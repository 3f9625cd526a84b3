"""ONNX models in files: read with their weights, written with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import onnx
from onnx import inliner

from cnndsl.diagnostics import UsageError
from cnndsl.files import replaced, replaced_together
from cnndsl.graphs.safety import check_model, check_names
from cnndsl.graphs.slices import SMALL, check_slices, open_negative

LARGEST_MESSAGE = (1 << 31) - (1 << 24)
STANDARD = ("", "ai.onnx")
"""What the domain of ONNX's own operators is called."""

_ALIGNMENT = 4096  # bytes: where values begin, so that they may be mapped into memory


def read_model(source: Path | bytes) -> onnx.ModelProto:
    """A model with its weights, those in files beside it too; from no other folder.

    Raises UsageError where it is no model, a damaged one, or one of an impossible size.
    """
    name = f"`{source}`" if isinstance(source, Path) else "the model"
    if isinstance(source, Path) and not source.is_file():
        raise UsageError(f"there is no file {name}")
    check_model(source)
    read: Any = onnx  # partly typed
    try:
        model: onnx.ModelProto = (
            read.load(source) if isinstance(source, Path) else read.load_from_string(source)
        )
    except OSError as e:
        raise UsageError(f"{name} can't be read: {e.strerror or e}") from None
    except Exception as e:  # protobuf's and onnx's own have no common base
        reason = str(e).strip().split("\n", 1)[0]
        raise UsageError(f"{name} is no ONNX model, or a damaged one: {reason}") from None
    check_names(model, name)
    for node in model.graph.node:
        if node.domain in STANDARD and not node.output:
            raise UsageError(f"{name} is damaged: its {node.op_type} `{node.name}` gives nothing")
    open_negative(model.graph)
    check_slices(model, name)
    return model


def inlined(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """The model with every function in the place of its calls. Raises UsageError."""
    if not model.functions:
        return model
    try:
        return inliner.inline_local_functions(model)
    except Exception:  # as above
        raise UsageError(f"{name} has functions that can't be followed: it is damaged") from None


def opset_of(model: onnx.ModelProto, name: str) -> int:
    """The version of ONNX's own operators that a model uses. Raises UsageError where none is."""
    opset = max((o.version for o in model.opset_import if o.domain in STANDARD), default=0)
    if opset < 1:
        raise UsageError(f"{name} doesn't say which version of ONNX's operators it uses")
    return opset


def write_model(model: onnx.ModelProto, path: Path) -> Path | None:
    """Write a model; beyond protobuf's 2 GiB its weights go to a file beside it, which is returned.

    Raises OSError.
    """
    if sum(len(tensor.raw_data) for tensor in model.graph.initializer) < LARGEST_MESSAGE:
        with replaced(path) as file:
            file.write(model.SerializeToString())
        return None
    large = [t for t in model.graph.initializer if len(t.raw_data) > SMALL]

    def write(file: BinaryIO) -> list[tuple[int, int]]:
        places: list[tuple[int, int]] = []
        for tensor in large:
            file.seek(-(-file.tell() // _ALIGNMENT) * _ALIGNMENT)
            places.append((file.tell(), len(tensor.raw_data)))
            file.write(tensor.raw_data)
            tensor.ClearField("raw_data")
        return places

    def refer(location: str, places: list[tuple[int, int]]) -> bytes:
        for tensor, place in zip(large, places, strict=True):
            keep_apart(tensor, location, *place)
        return model.SerializeToString()

    return replaced_together(path, write, refer)


def keep_apart(tensor: onnx.TensorProto, location: str, offset: int, length: int) -> None:
    """Let a tensor say in which file beside its model its values lie, and where in it."""
    tensor.data_location = onnx.TensorProto.EXTERNAL
    del tensor.external_data[:]
    for key, value in (("location", location), ("offset", offset), ("length", length)):
        tensor.external_data.add(key=key, value=str(value))
