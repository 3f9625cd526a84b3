"""Writing tensors of any file as .safetensors or .npz, one at a time."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from cnndsl.diagnostics import UsageError
from cnndsl.files import replaced
from cnndsl.network import Network
from cnndsl.weights.formats.elements import width
from cnndsl.weights.formats.npz import TEXTS
from cnndsl.weights.formats.safetensors import TYPES
from cnndsl.weights.mapping.mapping import Mapping as Fitted
from cnndsl.weights.origin import texts_of
from cnndsl.weights.tensors import Array, Tensor, TensorFile

Progress = Callable[[int], None]

_WORDS = {type_: word for word, type_ in TYPES.items()}
ALIGNMENT = 64  # bytes: where the tensors begin, so that they may be mapped into memory


def write_safetensors(
    path: Path,
    tensors: Iterable[Tensor],
    metadata: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> None:
    """Write tensors, and texts beside them; `progress` is told of each.

    The file takes the old one's place when it is complete and on the disk, so that a crash at any
    moment leaves one or the other. Raises OSError, and UsageError where a tensor can't be read.
    """
    tensors = list(tensors)
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    end = 0
    for tensor in tensors:
        type_ = _written_type(tensor)
        begin, end = end, end + tensor.size * width(type_)
        entry = {"dtype": _WORDS[type_], "shape": tensor.shape, "data_offsets": [begin, end]}
        header[tensor.name] = entry
    text = json.dumps(header, ensure_ascii=False).encode()
    text += b" " * (-(8 + len(text)) % ALIGNMENT)
    with replaced(path) as file:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for tensor in tensors:
            values = tensor.read()
            file.write(np.ascontiguousarray(values, values.dtype.newbyteorder("<")).data)
            if progress:
                progress(1)
        file.flush()
        os.fsync(file.fileno())


def write_npz(
    path: Path,
    tensors: Iterable[Tensor],
    metadata: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> None:
    """Write tensors as numpy.savez does, not compressed, and texts in a member of their own, which
    numpy.load passes over. Raises as `write_safetensors`.
    """
    with replaced(path) as file, zipfile.ZipFile(file, "w") as archive:
        for tensor in tensors:
            member = zipfile.ZipInfo(f"{tensor.name}.npy")
            with archive.open(member, "w", force_zip64=True) as entry:
                stream = cast("BinaryIO", entry)
                np.lib.format.write_array(stream, tensor.read(), allow_pickle=False)
            if progress:
                progress(1)
        if metadata:
            archive.writestr(zipfile.ZipInfo(TEXTS), json.dumps(dict(metadata), ensure_ascii=False))


def convert(
    found: TensorFile, path: Path, strip: str = "", progress: Progress | None = None
) -> None:
    """Write a file's tensors in the format of the path's suffix, one of SUFFIXES.

    `strip` is taken off the names that begin with it. What the file says beside them goes along.
    Raises UsageError, and OSError.
    """
    names = [name.removeprefix(strip) for name in found.tensors]
    if len({*names, "", "__metadata__"}) != len(names) + 2:
        raise UsageError(
            f"two tensors of `{found.path}` would have one name, or one would have none"
        )
    tensors = [replace(t, name=n) for t, n in zip(found.tensors.values(), names, strict=True)]
    if path.suffix == ".npz":
        write_npz(path, tensors, texts_of(found, strip), progress)
    elif path.suffix == ".safetensors":
        write_safetensors(path, tensors, texts_of(found, strip), progress)
    else:
        raise UsageError(f"`{path}` ends in neither {' nor '.join(SUFFIXES)}, as such a file does")


def write_mapping(mapping: Fitted, network: Network, path: Path) -> None:
    """Write a net's weights by its own names, with what the file says of pictures and classes.

    Raises UsageError where the path doesn't end in .safetensors, or a tensor can't be read, and
    OSError.
    """
    if path.suffix != ".safetensors":
        raise UsageError(f"`{path}` doesn't end in .safetensors, as such a file does")
    tensors = [
        Tensor(entry.parameter, entry.shape, "float32", partial(_shaped, entry.values, entry.shape))
        for entry in mapping.entries
        if entry.parameter and entry.values
    ]
    write_safetensors(path, tensors, mapping.metadata(network))


def _shaped(read: Callable[[], Array], shape: tuple[int, ...]) -> Array:
    return np.asarray(read(), np.float32).reshape(shape)


SUFFIXES = (".safetensors", ".npz")


def _written_type(tensor: Tensor) -> str:
    """The type of what `read()` gives. Raises UsageError where it gives nothing."""
    if tensor.type not in _WORDS:
        tensor.read()  # says why it can't
    return "float32" if tensor.type == "bfloat16" else tensor.type
