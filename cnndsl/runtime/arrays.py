"""Arrays from .npy and .npz files, without pickle, in the shape and type that an input takes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from cnndsl.diagnostics import UsageError, did_you_mean
from cnndsl.runtime.model import Model, Port, listed
from cnndsl.runtime.npz import Archive
from cnndsl.runtime.session import Array


def read_npy(path: Path) -> Array:
    """The array in an .npy file, mapped into memory and not read yet. Raises UsageError."""
    try:
        return _numbers(np.load(path, mmap_mode="r", allow_pickle=False))
    except Exception as e:  # ValueError, EOFError, SyntaxError, …: numpy says what it met
        raise _unreadable(path, e) from None


def read_npz(path: Path) -> dict[str, Array]:
    """The arrays in an .npz file by name. Raises UsageError."""
    with Archive(path) as archive:
        return {name: archive.read(name) for name in archive.names}


def by_input(arrays: Mapping[str, Array], model: Model, source: str) -> dict[str, Array]:
    """Arrays by the model's inputs; a single one needs no name (""). Raises UsageError."""
    ports = {port.name: port for port in model.inputs}
    if len(arrays) == len(ports) == 1:
        arrays = {next(iter(ports)): next(iter(arrays.values()))}
    if "" in arrays:
        raise UsageError(
            f"{model.name} has {len(ports)} inputs ({listed(model.inputs)}): "
            f"give each by its name, `name=file`, or all in one .npz"
        )
    for name in arrays:
        if name not in ports:
            hint = did_you_mean(name, ports, f"the inputs are {listed(model.inputs)}")
            raise UsageError(f"{source} has `{name}`, which is no input of {model.name}; {hint}")
    missing = [port for port in model.inputs if port.name not in arrays]
    if missing:
        raise UsageError(f"{source} lacks {listed(missing)}, which {model.name} takes")
    return {name: fit(array, ports[name], source) for name, array in arrays.items()}


def fit(array: Array, port: Port, source: str) -> Array:
    """The array with the batch in front, checked against an input; not converted yet.

    Raises UsageError where shape or type don't go with the input.
    """
    if not port.type:
        raise UsageError(f"input `{port.name}` takes no numbers, so it can't be given an array")
    wanted = np.dtype(port.type)
    if array.dtype.kind not in "fiub" or not _converts(array.dtype, wanted):
        raise UsageError(
            f"{source} holds {array.dtype}, and input `{port.name}` takes {wanted.name}"
        )
    if array.ndim == len(port.dims) - 1:
        array = array[None]
    if not array.size or not _suits(array, port):
        shape = "x".join(map(str, array.shape)) or "a single number"
        raise UsageError(f"{source} is {shape}, and input `{port.name}` takes {port.describe()}")
    return array


def converted(array: Array, port: Port) -> Array:
    """In the input's type, laid out as ONNX Runtime wants it."""
    return np.ascontiguousarray(array, np.dtype(port.type))


def _numbers(content: object) -> Array:
    """Whatever numpy found, if it is an array: a file's name promises nothing."""
    if not isinstance(content, np.ndarray):
        raise ValueError("it holds something else")
    return cast("Array", content)


def _converts(given: np.dtype[Any], wanted: np.dtype[Any]) -> bool:
    """Integers may become floats, floats other floats; nothing that drops a fraction or a sign."""
    if wanted.kind == "f":
        return given.kind in "fiu"
    return np.can_cast(given, wanted, "safe")


def _suits(array: Array, port: Port) -> bool:
    """Whether all sizes but the batch are the input's."""
    return array.ndim == len(port.dims) and all(
        isinstance(dim, str) or dim == size
        for dim, size in zip(port.dims[1:], array.shape[1:], strict=True)
    )


def _unreadable(path: Path, error: Exception) -> UsageError:
    if isinstance(error, OSError) and error.strerror:
        return UsageError(f"`{path}` can't be read: {error.strerror}")
    if isinstance(error, MemoryError):
        return UsageError(f"`{path}` doesn't fit into memory")
    if any(word in str(error) for word in ("pickle", "Object array", "Python objects")):
        return UsageError(
            f"`{path}` holds Python objects or is no array (.npy); only numbers are read"
        )
    return UsageError(f"`{path}` is no array (.npy) that can be read: {str(error).strip('. ')}")
