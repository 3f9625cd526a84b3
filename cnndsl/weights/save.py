"""Writing tensors to a .safetensors file, and reading such a file whole.

The reader for weights from elsewhere is in `safetensors.py`: it fits tensors to a net. This pair is
for files of cnndsl's own, whose tensors are float32 and whose metadata is text.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from cnndsl.diagnostics import UsageError
from cnndsl.files import replaced

Float = npt.NDArray[np.float32]

ALIGNMENT = 64  # bytes: where the tensors begin, so that they may be mapped into memory


def write_tensors(
    path: Path, tensors: Mapping[str, Float], metadata: Mapping[str, str] | None = None
) -> None:
    """Write float32 tensors, and texts beside them.

    The file takes the old one's place when it is complete and on the disk, so that a crash at any
    moment leaves one or the other. Raises OSError.
    """
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    end = 0
    for name, tensor in tensors.items():
        begin, end = end, end + 4 * tensor.size
        header[name] = {"dtype": "F32", "shape": tensor.shape, "data_offsets": [begin, end]}
    text = json.dumps(header, ensure_ascii=False).encode()
    text += b" " * (-(8 + len(text)) % ALIGNMENT)
    with replaced(path) as file:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for tensor in tensors.values():
            file.write(np.ascontiguousarray(tensor, "<f4").data)
        file.flush()
        os.fsync(file.fileno())


def read_tensors(path: Path) -> tuple[dict[str, Float], dict[str, str]]:
    """What `write_tensors` wrote: tensors and texts. Raises UsageError for anything else."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > path.stat().st_size:
                raise ValueError
            header = cast("dict[str, Any]", json.loads(file.read(length)))
            metadata = header.pop("__metadata__", {})
            tensors = {name: _read(file.read(_bytes(e)), e) for name, e in header.items()}
    except FileNotFoundError:
        raise UsageError(f"there is no file `{path}`") from None
    except OSError as e:
        raise UsageError(f"`{path}` can't be read: {e.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UsageError(f"`{path}` is damaged, or no file that cnndsl wrote") from None
    return tensors, metadata


def _bytes(entry: dict[str, Any]) -> int:
    begin, end = entry["data_offsets"]
    size = 4 * prod(entry["shape"])
    if entry["dtype"] != "F32" or end - begin != size:
        raise ValueError
    return size


def _read(data: bytes, entry: dict[str, Any]) -> Float:
    return np.frombuffer(data, "<f4").reshape(entry["shape"]).astype(np.float32)
