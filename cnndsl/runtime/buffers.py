"""Numbers that stay where a session works, and sessions bound to them: no copies from run to run.

A buffer is memory of a device. A binding connects a session's inputs and outputs with (parts of)
buffers once and runs it any number of times. Two values may share memory, which ONNX Runtime does
not guard: see `Binding.output`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from cnndsl.diagnostics import UsageError
from cnndsl.runtime.session import Array, Session, plain

ALIGNMENT = 64  # bytes: a cache line, and the widest vector register


class Buffer:
    """`size` numbers of one type in a device's memory, zero at first."""

    def __init__(self, size: int, kind: npt.DTypeLike = np.float32, device: str = "cpu"):
        self.size, self.kind, self.device = size, np.dtype(kind), device
        if device == "cpu":
            self._array = _aligned(size, self.kind)
            self._start = self._array.ctypes.data
        else:
            import onnxruntime  # pyright: ignore[reportMissingTypeStubs]

            values = cast("Any", onnxruntime).OrtValue
            self._remote = values.ortvalue_from_numpy(np.zeros(size, self.kind), device, 0)
            self._start = cast("int", self._remote.data_ptr())

    def address(self, offset: int = 0) -> int:
        """Where the value of that number lies."""
        return self._start + offset * self.kind.itemsize

    def read(self) -> Array:
        """All values; on the CPU the memory itself, elsewhere a copy of it."""
        return self._array if self.device == "cpu" else self._remote.numpy()

    def write(self, values: Array) -> None:
        """Replace all values."""
        flat = np.ascontiguousarray(values, self.kind).reshape(-1)
        if flat.size != self.size:
            raise ValueError(f"{flat.size} values for a buffer of {self.size}")
        if self.device == "cpu":
            self._array[...] = flat
        else:
            self._remote.update_inplace(flat)

    def set(self, value: float) -> None:
        """Replace the value of a buffer that has one."""
        self.write(np.asarray([value], self.kind))


class Binding:
    """A session with its inputs and outputs in place."""

    def __init__(self, session: Session):
        self._session: Any = session
        self._binding = session.io_binding()
        self._kept: dict[str, object] = {}

    def input(self, name: str, buffer: Buffer, shape: Sequence[int], offset: int = 0) -> None:
        """Let an input read a buffer from `offset` on."""
        self._check(buffer, shape, offset)
        self._binding.bind_input(
            name, buffer.device, 0, buffer.kind.type, list(shape), buffer.address(offset)
        )
        self._kept[f"<{name}"] = buffer

    def array(self, name: str, values: Array) -> None:
        """Let an input of a session on the CPU read an array, which must be contiguous."""
        if not values.flags.c_contiguous:
            raise ValueError(f"the array for `{name}` is not contiguous")
        self._binding.bind_input(
            name, "cpu", 0, values.dtype.type, list(values.shape), values.ctypes.data
        )
        self._kept[f"<{name}"] = values

    def output(self, name: str, buffer: Buffer, shape: Sequence[int], offset: int = 0) -> None:
        """Let an output write a buffer from `offset` on.

        The buffer may be an input's own only where every node that reads that input comes before
        the one that writes the output, and that one goes element by element.
        """
        self._check(buffer, shape, offset)
        self._binding.bind_output(
            name, buffer.device, 0, buffer.kind.type, list(shape), buffer.address(offset)
        )
        self._kept[f">{name}"] = buffer

    def run(self) -> None:
        """Run once. Raises UsageError where the model fails."""
        try:
            self._session.run_with_iobinding(self._binding)
        except Exception as e:  # ONNX Runtime's exceptions have no common base of their own
            raise UsageError(f"the step fails: {plain(e)}") from None

    def _check(self, buffer: Buffer, shape: Sequence[int], offset: int) -> None:
        if offset < 0 or offset + prod(shape) > buffer.size:
            raise ValueError(f"{prod(shape)} values from {offset} on, in a buffer of {buffer.size}")


def _aligned(size: int, kind: np.dtype[Any]) -> Array:
    raw = np.zeros(size * kind.itemsize + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + size * kind.itemsize].view(kind)
