"""NumPy's .npz: a zip archive of arrays, each with a small header. Python objects aren't read."""

from __future__ import annotations

import io
import json
from math import prod
from pathlib import Path
from typing import Any, cast

import numpy as np

from cnndsl.weights.formats.archive import Member, members
from cnndsl.weights.formats.elements import (
    TYPES,
    ByteOrder,
    checked_shape,
    from_bytes,
    unreadable,
    width,
)
from cnndsl.weights.formats.safetensors import texts
from cnndsl.weights.origin import with_texts
from cnndsl.weights.tensors import Array, DamagedError, Tensor, TensorFile

_SUFFIX = ".npy"
_LONGEST_HEADER = 1 << 16
_LARGEST_TEXTS = 8 << 20
TEXTS = "cnndsl.json"
"""A member beside the arrays: what `cnndsl` wrote about them, as in safetensors."""


def open_file(path: Path) -> TensorFile:
    """Read each array's header. Raises DamagedError, and what numpy raises over bad headers."""
    archive = members(path)
    arrays = {n: member for n, member in archive.items() if n.endswith(_SUFFIX)}
    tensors = {
        (name := n.removesuffix(_SUFFIX)): _tensor(name, member) for n, member in arrays.items()
    }
    said = archive.get(TEXTS)
    if said is not None and said.size > _LARGEST_TEXTS:
        raise DamagedError(f"has over {_LARGEST_TEXTS:,} bytes in `{TEXTS}`")
    return with_texts(
        TensorFile(path, "NumPy", tensors), texts(json.loads(said.read())) if said else {}
    )


def _tensor(name: str, member: Member) -> Tensor:
    start = io.BytesIO(member.read(0, min(member.size, _LONGEST_HEADER)))
    version = np.lib.format.read_magic(start)
    # The third version is the second with names of fields in UTF-8, and fields aren't read here.
    read = np.lib.format.read_array_header_1_0
    header: Any = (read if version == (1, 0) else np.lib.format.read_array_header_2_0)(start)
    shape, by_columns, kind = cast("tuple[object, bool, np.dtype[Any]]", header)
    sizes, begin = checked_shape(shape), start.tell()
    if kind.name not in TYPES:
        return unreadable(name, kind.name, sizes)
    if prod(sizes) * width(kind.name) != member.size - begin:
        raise DamagedError(
            f"gives `{name}` {member.size - begin:,} bytes, which doesn't fit its shape"
        )
    order: ByteOrder = ">" if kind.byteorder == ">" else "<"  # "=" can't be in a file

    def values() -> Array:
        flat = from_bytes(member.read(begin), kind.name, order)
        return flat.reshape(sizes, order="F" if by_columns else "C")

    return Tensor(name, sizes, kind.name, values)
