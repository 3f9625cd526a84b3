"""How a tensor of the model lies in a value of the net.

ONNX models reshape and transpose freely; a net of the language has maps (channels, then space) and
vectors. So a tensor is looked at as a *view* of a value: every axis of the value is a product of
atoms, and every dimension of the tensor is a row of some of these atoms. Reshaping splits atoms,
transposing moves them, and only where a layer needs another arrangement than the value has does a
layer come into being: `flatten`, `reshape`, `shuffle`, `pixelshuffle` and the like. The transposes
between channels-last and channels-first that TensorFlow's exporters write cancel out by themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from math import prod

import numpy as np

from cnndsl.importing.draft import Array, Value


@dataclass(frozen=True, eq=False, slots=True)
class Atom:
    """A factor of an axis, two at least."""

    size: int


Row = tuple[Atom, ...]
"""Atoms that make an axis or a dimension, the outermost first; none where its size is 1."""

Form = tuple[tuple[tuple[int, int, int], ...], ...]


class UnfitError(Exception):
    """A tensor that no arrangement of the value's axes gives."""


@dataclass(frozen=True, slots=True)
class View:
    """A tensor with dimensions `dims` that holds the net's value `base` with axes `axes`.

    The axes are the batch, the channels and the space; the batch is an atom of its own, or none
    where it is 1.
    """

    base: Value
    axes: tuple[Row, ...]
    dims: tuple[Row, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """The tensor's shape."""
        return tuple(size_of(row) for row in self.dims)

    @property
    def form(self) -> Form:
        """Where each dimension lies, so that two views of different values can be compared."""
        places = {
            atom: (axis, index, atom.size)
            for axis, row in enumerate(self.axes)
            for index, atom in enumerate(row)
        }
        return tuple(tuple(places[atom] for atom in row) for row in self.dims)

    def inner(self, atoms: Iterable[Atom]) -> Row:
        """These atoms but for the batch's, in the order of the axes."""
        wanted = set(atoms)
        return tuple(a for a in chain.from_iterable(self.axes[1:]) if a in wanted)

    def on(self, base: Value) -> View:
        """The same view of another value of the same shape."""
        return View(base, self.axes, self.dims)

    def with_dims(self, dims: Sequence[Row]) -> View:
        """The same value with other dimensions."""
        return View(self.base, self.axes, tuple(dims))

    def reshaped(self, sizes: Sequence[int]) -> View:
        """The tensor with another shape; raises UnfitError."""
        atoms = list(chain.from_iterable(self.dims))
        if prod(sizes) != prod(self.sizes):
            raise UnfitError
        parts: dict[Atom, Row] = {}
        rows: list[Row] = []
        for size in sizes:
            row: list[Atom] = []
            while size > 1:
                atom = atoms.pop(0)
                if size % atom.size:
                    if atom.size % size:
                        raise UnfitError
                    split = (Atom(size), Atom(atom.size // size))
                    whole = next((a for a, row in parts.items() if atom in row), atom)
                    old = parts.get(whole, (atom,))
                    place = old.index(atom)
                    parts[whole] = (*old[:place], *split, *old[place + 1 :])
                    atom = split[0]
                    atoms.insert(0, split[1])
                row.append(atom)
                size //= atom.size
            rows.append(tuple(row))
        axes = tuple(
            tuple(chain.from_iterable(parts.get(atom, (atom,)) for atom in axis))
            for axis in self.axes
        )
        return View(self.base, axes, tuple(rows))


def size_of(row: Row) -> int:
    """How many values an axis has."""
    return prod(atom.size for atom in row)


def whole(base: Value, batch: Row) -> View:
    """A value as a tensor with the batch in front, then channels, then space."""
    sizes = (base.output.channels, *base.output.sizes)
    axes = (batch, *((Atom(n),) if n > 1 else () for n in sizes))
    return View(base, axes, axes)


def along_channels(view: View, array: Array) -> Array | None:
    """A constant tensor that is joined with a view, as one number for every channel of the value.

    None where it differs within a channel, or would enlarge the view.
    """
    if array.ndim > len(view.dims):
        return None
    array = array.reshape((1,) * (len(view.dims) - array.ndim) + array.shape)
    sizes: list[int] = []
    for row, length in zip(view.dims, array.shape, strict=True):
        if length not in (1, size_of(row)):
            return None
        sizes.extend(atom.size if length > 1 else 1 for atom in row)
    atoms = list(chain.from_iterable(view.dims))
    missing = [atom for atom in chain.from_iterable(view.axes) if atom not in atoms]
    order = list(chain.from_iterable(view.axes))
    array = array.reshape([*sizes, *(1 for _ in missing)])
    array = array.transpose([[*atoms, *missing].index(atom) for atom in order])
    channels = view.axes[1]
    for index, atom in enumerate(order):
        if atom not in channels and array.shape[index] > 1:
            first = array.take([0], axis=index)
            if not np.array_equal(np.broadcast_to(first, array.shape), array):
                return None
            array = first
    lengths = [atom.size if atom in channels else 1 for atom in order]
    return np.broadcast_to(array, lengths).reshape(-1)


def to_axes(row: Row, axes: Sequence[Row], array: Array) -> Array:
    """Reorder the first axis of an array, laid out as `row`, to the order of the axes' atoms."""
    order = [atom for axis in axes for atom in axis if atom in row]
    split = array.reshape([*(atom.size for atom in row), *array.shape[1:]])
    rest = range(len(row), split.ndim)
    return split.transpose([*(row.index(atom) for atom in order), *rest]).reshape(array.shape)
