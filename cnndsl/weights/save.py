"""Writing tensors to a .safetensors file, and reading such a file whole.

Files from elsewhere are read in `formats/`, which trusts nothing, and fitted in `mapping/`.
This pair is for files of cnndsl's own, whose tensors are float32 and whose metadata is text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from math import prod
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from cnndsl.diagnostics import UsageError
from cnndsl.files import check_ordinary
from cnndsl.weights.tensors import Tensor
from cnndsl.weights.writing import write_safetensors

Float = npt.NDArray[np.float32]


def write_tensors(
    path: Path, tensors: Mapping[str, Float], metadata: Mapping[str, str] | None = None
) -> None:
    """Write float32 tensors, and texts beside them.

    The file takes the old one's place when it is complete and on the disk, so that a crash at any
    moment leaves one or the other. Raises OSError.
    """
    named = (Tensor(n, a.shape, "float32", partial(_same, a)) for n, a in tensors.items())
    write_safetensors(path, named, metadata)


def read_tensors(path: Path) -> tuple[dict[str, Float], dict[str, str]]:
    """What `write_tensors` wrote: tensors and texts. Raises UsageError for anything else."""
    try:
        check_ordinary(path)
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > path.stat().st_size:
                raise ValueError
            header = cast("dict[str, Any]", json.loads(file.read(length)))
            metadata = dict(header.pop("__metadata__", {}))
            if not all(isinstance(text, str) for text in metadata.values()):
                raise ValueError
            tensors = {name: _read(file.read(_bytes(e)), e) for name, e in header.items()}
    except FileNotFoundError:
        raise UsageError(f"there is no file `{path}`") from None
    except OSError as e:
        raise UsageError(f"`{path}` can't be read: {e.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UsageError(f"`{path}` is damaged, or no file that cnndsl wrote") from None
    return tensors, metadata


def _same(array: Float) -> Float:
    return array


def _bytes(entry: dict[str, Any]) -> int:
    begin, end = entry["data_offsets"]
    size = 4 * prod(entry["shape"])
    if entry["dtype"] != "F32" or end - begin != size:
        raise ValueError
    return size


def _read(data: bytes, entry: dict[str, Any]) -> Float:
    return np.frombuffer(data, "<f4").reshape(entry["shape"]).astype(np.float32)
