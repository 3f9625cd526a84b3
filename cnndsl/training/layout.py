"""Where each tensor lies in one flat buffer.

Parameters, their gradients and each of the optimiser's states lie in flat buffers of the same
layout, so that an update is a few passes over long vectors, whatever the net.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

from cnndsl.diagnostics import UsageError

Float = npt.NDArray[np.float32]

STEP = 16  # floats: tensors begin at multiples of 64 bytes; the gaps stay zero


@dataclass(frozen=True, slots=True)
class Place:
    """A tensor's first value in the buffer, counted in values, and its shape."""

    offset: int
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of values."""
        return prod(self.shape)

    @property
    def end(self) -> int:
        """Where the next tensor begins."""
        return self.offset + -(-self.size // STEP) * STEP


class Layout:
    """The places of tensors in the order they are given."""

    def __init__(self, shapes: Mapping[str, tuple[int, ...]]):
        self.places: dict[str, Place] = {}
        end = 0
        for name, shape in shapes.items():
            self.places[name] = place = Place(end, tuple(shape))
            end = place.end
        self.size = end

    def __getitem__(self, name: str) -> Place:
        return self.places[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def views(self, flat: Float) -> dict[str, Float]:
        """Each tensor as a view of the flat buffer."""
        return {
            name: flat[place.offset : place.offset + place.size].reshape(place.shape)
            for name, place in self.places.items()
        }

    def joined(self, values: Mapping[str, Float]) -> Float:
        """Tensors at their places in one flat array. Raises UsageError where one is missing or has
        another shape.
        """
        flat = np.zeros(self.size, np.float32)
        for name, view in self.views(flat).items():
            found = values.get(name)
            if found is None:
                raise UsageError(f"there are no values for `{name}`")
            if found.shape != view.shape:
                raise UsageError(f"`{name}` has shape {found.shape}, and {view.shape} is wanted")
            view[...] = found
        return flat
