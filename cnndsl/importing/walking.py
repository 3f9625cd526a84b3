"""Model → draft: every node is read in its order, and adds the layers that it means."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
from pydantic import ValidationError

from cnndsl.graphs.folding import Folding
from cnndsl.importing.draft import Array, Draft, Step, Value
from cnndsl.importing.elementary import Uniform
from cnndsl.importing.nodes import Node, Tensor
from cnndsl.importing.swaps import swaps
from cnndsl.importing.views import Atom, Row, View, along_channels, size_of, whole
from cnndsl.layers import LAYERS
from cnndsl.layers.base import Layer, ShapeError
from cnndsl.shape import Shape

MOST_CHANNELS = 1 << 20
MOST_NUMBERS = 1 << 26  # that single numbers of the model may become
MOST_CHANNELS_TAKEN = 4096  # channel numbers written out one by one

Reader = Callable[["Walker", Node], Tensor | Sequence[Tensor]]

OPERATORS: dict[str, Reader] = {}
"""What reads each operator; filled as the modules of `operators` are imported."""


def operator(*kinds: str) -> Callable[[Reader], Reader]:
    """Register a reader for operators of these names."""

    def register(reader: Reader) -> Reader:
        OPERATORS.update(dict.fromkeys(kinds, reader))
        return reader

    return register


class Walker:
    """The draft under construction."""

    def __init__(self, draft: Draft, batch: Row, folding: Folding):
        self.draft, self.batch, self.folding = draft, batch, folding
        self._arranged: dict[object, Value] = {}
        self._made = 0
        self.parts_of: dict[View, tuple[View, int, int, int]] = {}
        """What a Split gives: the view that it splits, the axis, which part it is, of how many."""
        self.roots: frozenset[str] = frozenset()
        """The constants of the file that the node at hand takes."""

    # Steps

    def layer(self, node: Node, word: str, **fields: Any) -> Layer:
        """A layer of the language with these arguments."""
        try:
            return LAYERS[word](**fields)
        except ValidationError as e:
            last = e.errors()[-1]  # numbers are the last of the forms that an argument may have
            node.refuse(
                f"is a `{word}` with an argument that `{word}` can't have: {last['loc'][0]}, "
                f"{last['msg'].lower()}"
            )

    def add(
        self, node: Node, layer: Layer, *inputs: Value, values: Mapping[str, Array] | None = None
    ) -> Step:
        """Append a layer; its parameters must have the shapes that it wants."""
        shapes = [value.output for value in inputs]
        try:
            output = layer.shape(*shapes)
        except ShapeError as e:
            node.refuse(f"doesn't fit its input: {e.message}")
        given = {name: np.asarray(v, np.float32) for name, v in (values or {}).items()}
        for parameter in layer.parameters(*shapes):
            if parameter.name not in given or given[parameter.name].shape != parameter.shape:
                found = given[parameter.name].shape if parameter.name in given else "missing"
                node.refuse(
                    f"needs a {parameter.name} of the shape {parameter.shape}, but it is {found}"
                )
        if output.channels > MOST_CHANNELS:
            node.refuse(f"gives {output.channels:,} channels, more than any net has")
        step = Step(layer, list(inputs), output, given, node.name, self.roots)
        self.draft.steps.append(step)
        return step

    def whole(self, base: Value) -> View:
        """A value as a tensor, channels first."""
        return whole(base, self.batch)

    def elementwise(self, node: Node, view: View, word: str, **fields: Any) -> View:
        """A layer that treats every value alike, whatever the arrangement."""
        return view.on(self.add(node, self.layer(node, word, **fields), view.base))

    def affine(
        self,
        node: Node,
        view: View,
        factor: Array | float | None = None,
        offset: Array | float | None = None,
    ) -> View:
        """factor·x + offset by constants: a `scale`, for now."""
        values: dict[str, Array] = {}
        channels = view.base.output.channels
        self._made += channels
        if self._made > MOST_NUMBERS:
            node.refuse("is one of too many constants to be kept a number a channel")
        for name, array, neutral in (("weight", factor, 1.0), ("bias", offset, 0.0)):
            found = (
                np.full(channels, neutral)
                if array is None
                else along_channels(view, np.asarray(array, np.float32))
            )
            if found is None:
                return self._by_position(node, view, factor, offset)
            values[name] = found
        if offset is None:
            del values["bias"]
        layer = self.layer(node, "scale", bias=offset is not None)
        constants = [np.asarray(array) for array in (factor, offset) if array is not None]
        if all(array.size == 1 for array in constants):
            learned = any(array.ndim for array in constants)
            layer = Uniform(bias=offset is not None, learned=learned)
        return view.on(self.add(node, layer, view.base, values=values))

    def _by_position(
        self,
        node: Node,
        view: View,
        factor: Array | float | None = None,
        offset: Array | float | None = None,
    ) -> View:
        """Constants that differ within a channel: numbers of a vector of all values, or of some."""
        arrays = [np.asarray(a, np.float32) for a in (factor, offset) if a is not None]
        if any(a.ndim > len(view.dims) for a in arrays):
            node.refuse("has a constant of more dimensions than the value that it meets")
        arrays = [a.reshape((1,) * (len(view.dims) - a.ndim) + a.shape) for a in arrays]
        longest = np.broadcast_shapes(*(a.shape for a in arrays))
        over = [row for row, n in zip(view.dims, longest, strict=True) if n > 1]
        atoms = view.inner(chain.from_iterable(over))
        if view.axes[1] == atoms or any(
            n not in (1, size) for n, size in zip(longest, view.sizes, strict=True)
        ):
            node.refuse("has a constant that doesn't fit the value that it meets")
        return self.affine(node, self.as_channels(node, view, atoms), factor, offset)

    # Arrangements

    def plain(self, node: Node, view: View) -> Value:
        """The value as a tensor with the batch in front, then channels, then space."""
        if not view.dims or view.dims[0] != self.batch:
            node.refuse("takes a tensor whose first dimension is not the batch")
        return self.arrange(node, view, view.dims[1:])

    def arrange(self, node: Node, view: View, wanted: Sequence[Row]) -> Value:
        """The value with these atoms as its channels and space; adds the layers that move them."""
        have, want = view.axes[1:], tuple(wanted)
        if have == want:
            return view.base
        places = {a: (i, j) for i, row in enumerate(have) for j, a in enumerate(row)}
        if not want or any(atom not in places for row in want for atom in row):
            node.refuse("mixes the batch with other dimensions, which no layer does")
        key = (
            view.base,
            tuple(tuple(a.size for a in row) for row in have),
            tuple(tuple(places[a] for a in row) for row in want),
        )
        if key not in self._arranged:
            self._arranged[key] = self._moved(node, view.base, have, want)
        return self._arranged[key]

    def _moved(
        self, node: Node, base: Value, have: tuple[Row, ...], want: tuple[Row, ...]
    ) -> Value:
        if list(chain.from_iterable(have)) == list(chain.from_iterable(want)):
            return self._shaped(node, base, want)
        if len(have) == len(want) and have[1:] == want[1:]:
            return self._permuted(node, base, have[0], want[0])
        blown = _pixel_shuffle(have, want)
        if blown:
            factor, channels = blown
            if channels != have[0]:
                base = self._permuted(node, base, have[0], channels)
            return self.add(node, self.layer(node, "pixelshuffle", factor=factor), base)
        folded = _pixel_shuffle(want, have)
        if folded:
            factor, channels = folded
            base = self.add(node, self.layer(node, "pixelunshuffle", factor=factor), base)
            return self._permuted(node, base, channels, want[0])
        return self._swapped(node, base, have, want)

    def _shaped(self, node: Node, base: Value, want: Sequence[Row]) -> Value:
        """The same values in the same order as a map, or a vector."""
        if len(want) > 4:
            node.refuse(f"gives a tensor of {len(want) + 1} dimensions; maps have at most 5")
        channels, *space = map(size_of, want)
        shape = Shape(channels, tuple(space))
        if shape == base.output:
            return base
        if not space:
            return self.add(node, self.layer(node, "flatten"), base)
        return self.add(node, self.layer(node, "reshape", target=shape), base)

    def _swapped(
        self, node: Node, base: Value, have: tuple[Row, ...], want: tuple[Row, ...]
    ) -> Value:
        """In any other order: a `shuffle` of channels makes two axes of them change places."""
        before, after = (list(chain.from_iterable(rows)) for rows in (have, want))
        found = swaps(before, after) if set(before) == set(after) else None
        if found is None:
            node.refuse("rearranges its input in a way that no layer does")
        self.draft.swaps += len(found)
        for first, second, rest in found:
            channels = size_of((*first, *second))
            if base.output.channels != channels:
                rows = [(*first, *second), rest] if rest else [(*first, *second)]
                base = self._shaped(node, base, rows)
            base = self.add(node, self.layer(node, "shuffle", groups=size_of(first)), base)
        return self._shaped(node, base, want)

    def bordered(
        self, node: Node, view: View, axis: int, width: tuple[int, int], **fields: Any
    ) -> View:
        """The view with a border along one dimension, as `pad` makes it."""
        row = view.dims[axis]
        if set(row) & set(view.axes[0]) or axis == 0:
            node.refuse("adds examples to the batch")
        rest = view.inner(set(chain.from_iterable(view.axes)).difference(row))
        base = self.arrange(node, view, (rest, row))
        base = self.add(node, self.layer(node, "pad", width=width, **fields), base)
        count = size_of(row) + sum(width)
        new: Row = (Atom(count),) if count > 1 else ()
        dims = [new if i == axis else other for i, other in enumerate(view.dims)]
        return View(base, (view.axes[0], rest, new), tuple(dims))

    def as_channels(self, node: Node, view: View, over: Row, rest: Row | None = None) -> View:
        """The view with these atoms as the channels of its value, and all others, in this order, as
        one axis of space.
        """
        if view.axes[1] == over and rest is None:
            return view
        if rest is None:
            rest = view.inner(set(chain.from_iterable(view.axes)).difference(over))
        rows = (over, rest) if rest else (over,)
        return View(self.arrange(node, view, rows), (view.axes[0], *rows), view.dims)

    def _permuted(self, node: Node, base: Value, have: Row, want: Row) -> Value:
        """Channels in another order."""
        if set(have) != set(want):
            node.refuse("rearranges its input in a way that no layer does")
        order = np.arange(size_of(have)).reshape([a.size for a in have])
        order = order.transpose([have.index(a) for a in want]).reshape(-1)
        return self.taken(node, base, order.tolist())

    def parts(self, node: Node, view: View, atoms: Sequence[Atom]) -> list[Value]:
        """The value's channels in parts, one for every index along some of their atoms."""
        channels = view.axes[1]
        count = size_of(tuple(atoms))
        order = np.arange(size_of(channels)).reshape([atom.size for atom in channels])
        places = [channels.index(atom) for atom in atoms]
        order = np.moveaxis(order, places, range(len(places))).reshape(count, -1)
        return [self.taken(node, view.base, part.tolist()) for part in order]

    def taken(self, node: Node, base: Value, order: Sequence[int]) -> Value:
        """Channels chosen by number: a shuffle where they are one, else `take`."""
        count = base.output.channels
        if list(order) == list(range(count)):
            return base
        if len(order) == count and order[0] == 0 and order[1] > 1 and count % order[1] == 0:
            groups = count // order[1]
            mixed = np.arange(count).reshape(groups, -1).T.reshape(-1)
            if list(order) == mixed.tolist():
                return self.add(node, self.layer(node, "shuffle", groups=groups), base)
        start, step = order[0], order[1] - order[0] if len(order) > 1 else 1
        if step > 0 and list(order) == list(range(start, order[-1] + 1, step)):
            fields: dict[str, int] = {"first": len(order)}
            if step == 1 and order[-1] == count - 1:
                fields = {"last": len(order)}
            elif start or step > 1:
                fields |= {"start": start, "step": step}
            return self.add(node, self.layer(node, "take", **fields), base)
        if len(order) > MOST_CHANNELS_TAKEN:
            node.refuse(f"chooses {len(order):,} channels one by one, which no line could hold")
        return self.add(node, self.layer(node, "take", channels=tuple(order)), base)


def _pixel_shuffle(have: tuple[Row, ...], want: tuple[Row, ...]) -> tuple[int, Row] | None:
    """The factor, and the channels in the order that `pixelshuffle` takes them.

    The other way round, that in which `pixelunshuffle` gives them.
    """
    if len(have) != 3 or len(want) != 3:
        return None
    inner: list[Row] = []
    for before, after in zip(have[1:], want[1:], strict=True):
        if after[: len(before)] != before:
            return None
        inner.append(after[len(before) :])
    rows, columns = map(size_of, inner)
    if rows != columns or rows < 2:
        return None
    return rows, (*want[0], *inner[0], *inner[1])
