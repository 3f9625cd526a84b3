"""Windows, stamps and taps: the three sums that convolutions and their gradients are made of.

All maps are C×D×H×W, of any number of channels; w is F×(C/g)×k×k×k, F filters in g groups.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from cnndsl.layers.windows import Window
from cnndsl.show.numbers.lesson import Array, Place


@dataclass(frozen=True, slots=True)
class Slider:
    """A window of three axes that moves over a map by its stride."""

    kernel: Place
    stride: Place
    dilation: Place
    pads: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, window: Window) -> Slider:
        """The window of a layer; fewer axes are a map of one row, or of one slice."""
        lead = 3 - len(window.kernel)
        return cls(
            _place((*(1,) * lead, *window.kernel)),
            _place((*(1,) * lead, *window.stride)),
            _place((*(1,) * lead, *window.dilation)),
            (*((0, 0),) * lead, *window.pads),
        )

    def padded(self, x: Array, fill: float = 0.0) -> Array:
        """The map in its border; a negative width cuts off."""
        wide = [(max(a, 0), max(b, 0)) for a, b in self.pads]
        x = np.pad(x, ((0, 0), *wide), constant_values=fill)
        cut = [
            slice(max(-a, 0), n + min(b, 0))
            for (a, b), n in zip(self.pads, x.shape[1:], strict=True)
        ]
        return x[(slice(None), *cut)]

    def inner(self, padded: Array) -> Array:
        """What the border leaves: undoes `padded`."""
        return replace(self, pads=tuple((-a, -b) for a, b in self.pads)).padded(padded)

    def count(self, padded: Array) -> Place:
        """How many places the window has on a padded map."""
        rows = zip(padded.shape[1:], self.extent, self.stride, strict=True)
        return _place((n - e) // s + 1 for n, e, s in rows)

    @property
    def extent(self) -> Place:
        """How far the window reaches."""
        return _place(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    def part(self, at: Place) -> tuple[slice, ...]:
        """Where the window lies at a place."""
        rows = zip(at, self.stride, self.extent, self.dilation, strict=True)
        return tuple(slice(n * s, n * s + e, d) for n, s, e, d in rows)

    def tap(self, at: Place, places: Place) -> tuple[slice, ...]:
        """What one number of the window meets on its way over all places."""
        rows = zip(at, self.stride, self.dilation, places, strict=True)
        return tuple(slice(n * d, n * d + (m - 1) * s + 1, s) for n, s, d, m in rows)

    def covered(self, at: Place) -> Iterator[Place]:
        """The places of the map that the window covers at a place, with their border."""
        return product(*(range(s.start, s.stop, s.step) for s in self.part(at)))  # pyright: ignore[reportReturnType]


def size_of(values: Array) -> Place:
    """How many places a map has along its axes."""
    return _place(values.shape[1:])


def places(count: Place) -> Iterator[Place]:
    """Row after row, slice after slice."""
    return product(*map(range, count))  # pyright: ignore[reportReturnType]


def slide(padded: Array, w: Array, slider: Slider, groups: int) -> Array:
    """Each window times the kernel, summed: F×D'×H'×W'."""
    count = slider.count(padded)
    y = np.zeros((len(w), *count))
    for at in places(count):
        part = padded[(slice(None), *slider.part(at))]
        y[(slice(None), *at)] = np.einsum(
            "gcdij,gfcdij->gf", _grouped(part, groups), _grouped(w, groups)
        ).ravel()
    return y


def stamp(values: Array, w: Array, slider: Slider, groups: int, size: Place) -> Array:
    """Each value times the kernel, added up where they lie: of F×D'×H'×W' values (C·)×size."""
    channels = w.shape[1] * groups
    whole = np.zeros((channels, *size))
    for at in places(size_of(values)):
        stamps = np.einsum(
            "gf,gfcdij->gcdij", _grouped(values[(slice(None), *at)], groups), _grouped(w, groups)
        )
        whole[(slice(None), *slider.part(at))] += stamps.reshape(channels, *slider.kernel)
    return whole


def taps(padded: Array, dy: Array, slider: Slider, groups: int) -> Array:
    """For each number of the kernel, dY times what it met: F×(C/g)×k×k×k."""
    filters, channels = len(dy), len(padded) // groups
    dw = np.zeros((filters, channels, *slider.kernel))
    for at in places(slider.kernel):
        met = padded[(slice(None), *slider.tap(at, size_of(dy)))]
        dw[(slice(None), slice(None), *at)] = np.einsum(
            "gfdij,gcdij->gfc", _grouped(dy, groups), _grouped(met, groups)
        ).reshape(filters, channels)
    return dw


def _grouped(values: Array, groups: int) -> Array:
    return values.reshape(groups, -1, *values.shape[1:])


def _place(numbers: Iterable[int]) -> Place:
    depth, row, column = numbers
    return depth, row, column
