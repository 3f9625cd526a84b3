"""Reading weights from a .safetensors file, and nothing but weights.

The format (huggingface.co/docs/safetensors): 8 bytes with the header's length, a JSON header with
each tensor's type, shape and place, then the bytes. It is read here in a few lines because every
bound must be checked before a byte is trusted, and tensors are wanted in pieces.
"""

from __future__ import annotations

import json
from math import prod
from pathlib import Path
from typing import Any, cast

import numpy as np

from cnndsl.diagnostics import UsageError, did_you_mean
from cnndsl.layers.base import Parameter
from cnndsl.weights.source import CHUNK, Chunks, Weights

LARGEST_HEADER = 100 << 20
_TYPES: dict[str, type[np.generic]] = {"F64": np.float64, "F32": np.float32, "F16": np.float16}


def read_safetensors(path: Path) -> Weights:
    """The file's tensors by the spec's names, turned to float32.

    Raises UsageError where the file is none, where a tensor is missing, or has another shape.
    """
    header, start, length = _header(path)

    def read(name: str, parameter: Parameter) -> Chunks:
        entry = header.get(name)
        if entry is None:
            hint = did_you_mean(name, header, f"it holds {len(header)} tensors")
            raise UsageError(f"`{path}` has no tensor `{name}`; {hint}")
        kind, begin = _checked(path, name, entry, parameter, length)
        with path.open("rb") as file:
            file.seek(start + begin)
            for first in range(0, parameter.size, CHUNK):
                count = min(CHUNK, parameter.size - first)
                data = file.read(count * np.dtype(kind).itemsize)
                yield np.frombuffer(data, kind).astype(np.float32)

    return read


def tensor_names(path: Path) -> list[str]:
    """The names of a file's tensors; raises UsageError where it is none."""
    return list(_header(path)[0])


def _header(path: Path) -> tuple[dict[str, Any], int, int]:
    """The header, where the tensors begin, and how many bytes follow."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= min(size - 8, LARGEST_HEADER):
                raise ValueError
            header: Any = json.loads(file.read(length))
    except OSError as e:
        raise UsageError(f"`{path}` can't be read: {e.strerror}") from None
    except (ValueError, RecursionError):
        raise UsageError(f"`{path}` is no safetensors file") from None
    if not isinstance(header, dict):
        raise UsageError(f"`{path}` is no safetensors file")
    tensors = cast("dict[str, Any]", header)
    tensors.pop("__metadata__", None)
    return tensors, 8 + length, size - 8 - length


def _checked(
    path: Path, name: str, entry: Any, parameter: Parameter, length: int
) -> tuple[type[np.generic], int]:
    """The element type and first byte of a tensor whose every claim holds."""
    try:
        kind, shape = _TYPES.get(entry["dtype"]), tuple(int(n) for n in entry["shape"])
        begin, end = (int(n) for n in entry["data_offsets"])
    except (KeyError, TypeError, ValueError, OverflowError):
        raise UsageError(f"`{path}` describes `{name}` in a way it can't be read") from None
    if kind is None:
        known = ", ".join(_TYPES)
        raise UsageError(f"`{name}` in `{path}` is of type {entry['dtype']}; known are {known}")
    if shape != parameter.shape:
        theirs, ours = (" x ".join(map(str, s)) or "one" for s in (shape, parameter.shape))
        raise UsageError(f"`{name}` is {theirs} in `{path}`, but {ours} in the spec")
    whole = prod(shape) * np.dtype(kind).itemsize
    if not 0 <= begin <= end <= length or end - begin != whole:
        raise UsageError(f"`{name}` in `{path}` is cut off or overlaps the end")
    return kind, begin
