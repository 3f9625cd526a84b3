"""Windows, stamps and taps: the three sums that convolutions and their gradients are made of.

All maps are C×H×W, of any number of channels; w is F×(C/g)×k×k, F filters in g groups.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from cnndsl.layers.windows import Window
from cnndsl.show.numbers.lesson import Array

Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Slider:
    """A window of two axes that moves over a map by its stride."""

    kernel: Place
    stride: Place
    dilation: Place
    pads: tuple[Place, Place]

    @classmethod
    def of(cls, window: Window) -> Slider:
        """The window of a layer on one axis or two; one axis is a map of one row."""
        lead = 2 - len(window.kernel)
        return cls(
            (*(1,) * lead, *window.kernel),  # pyright: ignore[reportArgumentType]
            (*(1,) * lead, *window.stride),  # pyright: ignore[reportArgumentType]
            (*(1,) * lead, *window.dilation),  # pyright: ignore[reportArgumentType]
            (*((0, 0),) * lead, *window.pads),  # pyright: ignore[reportArgumentType]
        )

    def padded(self, x: Array, fill: float = 0.0) -> Array:
        """The map in its border; a negative width cuts off."""
        (top, bottom), (left, right) = self.pads
        wide = [(max(a, 0), max(b, 0)) for a, b in self.pads]
        x = np.pad(x, ((0, 0), *wide), constant_values=fill)
        rows, columns = x.shape[1:]
        return x[:, max(-top, 0) : rows + min(bottom, 0), max(-left, 0) : columns + min(right, 0)]

    def inner(self, padded: Array) -> Array:
        """What the border leaves: undoes `padded`."""
        (top, bottom), (left, right) = self.pads
        return replace(self, pads=((-top, -bottom), (-left, -right))).padded(padded)

    def count(self, padded: Array) -> Place:
        """How many places the window has on a padded map."""
        rows = zip(padded.shape[1:], self.extent, self.stride, strict=True)
        height, width = ((n - e) // s + 1 for n, e, s in rows)
        return height, width

    @property
    def extent(self) -> Place:
        """How far the window reaches."""
        height, width = (d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))
        return height, width

    def part(self, row: int, column: int) -> tuple[slice, slice]:
        """Where the window lies at a place."""
        (sr, sc), (dr, dc), (er, ec) = self.stride, self.dilation, self.extent
        return slice(row * sr, row * sr + er, dr), slice(column * sc, column * sc + ec, dc)

    def tap(self, row: int, column: int, places: Place) -> tuple[slice, slice]:
        """What one number of the window meets on its way over all places."""
        (sr, sc), (dr, dc) = self.stride, self.dilation
        return (
            slice(row * dr, row * dr + (places[0] - 1) * sr + 1, sr),
            slice(column * dc, column * dc + (places[1] - 1) * sc + 1, sc),
        )


def places(count: Place) -> Iterator[Place]:
    """Row after row."""
    return ((row, column) for row in range(count[0]) for column in range(count[1]))


def slide(padded: Array, w: Array, slider: Slider, groups: int) -> Array:
    """Each window times the kernel, summed: F×H'×W'."""
    count = slider.count(padded)
    y = np.zeros((len(w), *count))
    for row, column in places(count):
        part = padded[(slice(None), *slider.part(row, column))]
        y[:, row, column] = np.einsum(
            "gcij,gfcij->gf", _grouped(part, groups), _grouped(w, groups)
        ).ravel()
    return y


def stamp(values: Array, w: Array, slider: Slider, groups: int, size: Place) -> Array:
    """Each value times the kernel, added up where they lie: of F×H'×W' values (C·)×size."""
    channels = w.shape[1] * groups
    whole = np.zeros((channels, *size))
    for row, column in places((values.shape[1], values.shape[2])):
        stamps = np.einsum(
            "gf,gfcij->gcij", _grouped(values[:, row, column], groups), _grouped(w, groups)
        )
        part = (slice(None), *slider.part(row, column))
        whole[part] += stamps.reshape(channels, *slider.kernel)
    return whole


def taps(padded: Array, dy: Array, slider: Slider, groups: int) -> Array:
    """For each number of the kernel, dY times what it met: F×(C/g)×k×k."""
    filters, channels = len(dy), len(padded) // groups
    dw = np.zeros((filters, channels, *slider.kernel))
    for row, column in places(slider.kernel):
        met = padded[(slice(None), *slider.tap(row, column, (dy.shape[1], dy.shape[2])))]
        dw[:, :, row, column] = np.einsum(
            "gfij,gcij->gfc", _grouped(dy, groups), _grouped(met, groups)
        ).reshape(filters, channels)
    return dw


def _grouped(values: Array, groups: int) -> Array:
    return values.reshape(groups, -1, *values.shape[1:])
