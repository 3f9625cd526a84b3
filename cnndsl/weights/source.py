"""Where values come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from cnndsl.layers.base import Parameter

Chunks = Iterator[NDArray[np.float32]]

Weights = Callable[[str, Parameter], Chunks]
"""The values of a parameter by its full name, flat, in C order and in pieces, so that a large
tensor is never held whole."""

CHUNK = 1 << 20  # values a piece: 4 MiB
