"""Memory for what is needed between two steps of a batch's arithmetic."""

from __future__ import annotations

import math
from threading import local
from typing import Any

import numpy as np
import numpy.typing as npt


class _Scratch(local):
    """Each thread's buffers, by name.

    Fresh memory has to be mapped by the system page by page, which takes three times as long as
    the arithmetic itself [measured].
    """

    def __init__(self) -> None:
        self.buffers: dict[str, npt.NDArray[Any]] = {}

    def take(self, name: str, shape: tuple[int, ...], kind: type[np.generic]) -> npt.NDArray[Any]:
        """An array whose content is arbitrary; it is the same memory for the same name."""
        size = math.prod(shape)
        buffer = self.buffers.get(name)
        if buffer is None or buffer.size < size:
            buffer = self.buffers[name] = np.empty(size, kind)
        return buffer[:size].reshape(shape)


scratch = _Scratch()
