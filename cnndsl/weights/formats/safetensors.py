"""The .safetensors format (huggingface.co/docs/safetensors).

8 bytes with the header's length, a JSON header with each tensor's type, shape and place, then the
bytes. Opening takes at most 30 times the header's length in memory.
"""

from __future__ import annotations

import json
from math import prod
from pathlib import Path
from typing import Any, cast

from cnndsl.weights.formats.elements import checked_shape, in_file, unreadable, width
from cnndsl.weights.origin import with_texts
from cnndsl.weights.tensors import DamagedError, Tensor, TensorFile

LARGEST_HEADER = 8 << 20  # 80,000 tensors

TYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16",
    "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8",
    "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip


def open_file(path: Path) -> TensorFile:
    """Read the header. Raises DamagedError."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > min(size - 8, LARGEST_HEADER):
            raise DamagedError("is cut off, or has a header that is too large to be one")
        header: Any = json.loads(file.read(length))
    if not isinstance(header, dict):
        raise DamagedError("has a header that is no JSON object")
    entries = cast("dict[str, Any]", header)
    metadata = texts(entries.pop("__metadata__", {}))
    start = 8 + length
    tensors = {name: _tensor(path, name, entry, start, size) for name, entry in entries.items()}
    return with_texts(TensorFile(path, "safetensors", tensors), metadata)


def _tensor(path: Path, name: str, entry: Any, start: int, size: int) -> Tensor:
    try:
        word, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
    except (KeyError, TypeError, ValueError):
        raise DamagedError(f"describes `{name}` in a way that can't be read") from None
    shape = checked_shape(shape)
    if type(begin) is not int or type(end) is not int or not 0 <= begin <= end <= size - start:
        raise DamagedError(f"is cut off: `{name}` lies beyond its end")
    if not isinstance(word, str) or word not in TYPES:
        return unreadable(name, word, shape)
    if end - begin != prod(shape) * width(TYPES[word]):
        raise DamagedError(f"gives `{name}` {end - begin:,} bytes, which doesn't fit its shape")
    return in_file(path, name, TYPES[word], shape, start + begin)


def texts(metadata: object) -> dict[str, str]:
    """What a JSON object holds of texts."""
    if not isinstance(metadata, dict):
        return {}
    entries = cast("dict[str, object]", metadata)
    return {key: text for key, text in entries.items() if isinstance(text, str)}
