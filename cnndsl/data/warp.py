"""Many small pictures moved, turned, sheared and zoomed at once, in numpy alone.

Each new pixel's place in the old picture is worked out; whole-pixel moves read one pixel there,
others mix four (bilinear). Beyond the edge lies what `fill` says: it is laid around the pictures
first, as far as any of them looks, so that reading needs no case distinctions.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from cnndsl.data.augmentation import Fill, Plan
from cnndsl.data.randomness import Doubles, Floats, Indices
from cnndsl.data.scratch import scratch

Pixels = npt.NDArray[Any]
"""B×C×H×W, uint8 or float32, 0 to 255."""

_PIECE = 1 << 18
"""So many places are worked out at a time, which bounds the memory that it takes."""


def warped(pixels: Pixels, plan: Plan) -> Pixels:
    """The pictures, changed; bytes stay bytes where only whole pixels move, else float32.

    They are in scratch memory, or `pixels` itself where nothing moves.
    """
    if not plan.augmentation.geometric:
        return pixels
    turns = plan.augmentation.turns
    change = _turned if turns else _moved
    batch, channels, height, width = pixels.shape
    kind = np.float32 if turns else pixels.dtype.type
    result = scratch.take(f"warped {kind.__name__}", pixels.shape, kind)
    step = max(1, _PIECE // (height * width * (1 if turns else channels)))
    for start in range(0, batch, step):
        part = slice(start, start + step)
        change(pixels[part], plan.part(start, start + step), result[part])
    return result


def beyond(size: int, margin: int, fill: Fill) -> Indices:
    """Which of `size` pixels is seen at the places −margin … size − 1 + margin; −1 is none."""
    places = np.arange(-margin, size + margin)
    if fill == "nearest":
        return places.clip(0, size - 1)
    if fill == "wrap":
        return places % size
    if fill == "reflect":
        folded = places % (2 * size)
        return np.minimum(folded, 2 * size - 1 - folded)
    return np.where((places < 0) | (places >= size), -1, places)


def _moved(pixels: Pixels, plan: Plan, result: Pixels) -> None:
    """Shifts by whole pixels, and mirrors: a row and a column to read for each new one."""
    batch, channels, height, width = pixels.shape
    fill = plan.augmentation.fill
    rows = _line(height, plan.matrices[:, 1, 1], plan.shifts[:, 1], fill)
    columns = _line(width, plan.matrices[:, 0, 0], plan.shifts[:, 0], fill)
    starts = _starts(batch * channels, height * width).reshape(batch, channels, 1, 1)
    places = scratch.take("places", pixels.shape, np.int64)
    np.add(starts + (rows * width)[:, None, :, None], columns[:, None, None, :], out=places)
    # "clip" hurts nobody: what it would change, a place that is none, is overwritten below
    pixels.reshape(-1).take(places, mode="clip", out=result)
    if fill == "constant":
        outside = (rows < 0)[:, None, :, None] | (columns < 0)[:, None, None, :]
        np.copyto(result, plan.augmentation.fill_value, where=outside, casting="unsafe")


def _line(size: int, scales: Doubles, shifts: Doubles, fill: Fill) -> Indices:
    """The old row or column for each new one, B×size; −1 is none."""
    steps = np.arange(size) - np.rint(shifts * size).astype(np.int64)[:, None]
    places = np.where(scales[:, None] < 0, size - 1 - steps, steps)
    return beyond(size, size, fill).take(places + size)


def _turned(pixels: Pixels, plan: Plan, result: Pixels) -> None:
    """Any affine change, each new pixel mixed of the four around its place."""
    batch, channels, height, width = pixels.shape
    places = batch, height, width
    x, y = _place("x", plan, 0, places), _place("y", plan, 1, places)
    around, margin = _surrounded(pixels, plan, x, y)
    high, wide = around.shape[2:]
    # The last place's neighbours, to the right and below, are read and count for nothing
    np.clip(x, -margin, width + margin - 1, out=x)
    np.clip(y, -margin, height + margin - 1, out=y)
    left = scratch.take("left", places, np.float32)
    above = scratch.take("above", places, np.float32)
    below = scratch.take("below", places, np.float32)
    corner = scratch.take("corner", places, np.int64)
    column = scratch.take("column", places, np.int64)
    np.copyto(corner, np.floor(y, out=left), casting="unsafe")
    y -= left
    corner *= wide
    np.copyto(column, np.floor(x, out=left), casting="unsafe")
    x -= left
    corner += column
    corner += _starts(batch, channels * high * wide).reshape(batch, 1, 1) + margin * (wide + 1)
    flat = around.reshape(-1)
    for channel in range(channels):
        _mixed(flat, corner, x, above, left)
        corner += wide
        _mixed(flat, corner, x, below, left)
        corner += (high - 1) * wide
        below -= above
        below *= y
        np.add(above, below, out=result[:, channel])


def _place(name: str, plan: Plan, axis: int, places: tuple[int, int, int]) -> Floats:
    """Each new pixel's column or row in the old picture, counted from the first one's middle."""
    _, height, width = places
    across = np.arange(width) - (width - 1) / 2 - plan.shifts[:, :1] * width
    down = np.arange(height) - (height - 1) / 2 - plan.shifts[:, 1:] * height
    along = plan.matrices[:, axis, :1] * across + ((width, height)[axis] - 1) / 2
    other = plan.matrices[:, axis, 1:] * down
    found = scratch.take(name, places, np.float32)
    along, other = along.astype(np.float32), other.astype(np.float32)
    return np.add(along[:, None, :], other[:, :, None], out=found)


def _surrounded(pixels: Pixels, plan: Plan, x: Floats, y: Floats) -> tuple[Floats, int]:
    """The pictures with what lies beyond their edges, and how much of it.

    One row is enough where all that is further out is the same. A mirrored picture is laid there
    once; what looks even further sees its last pixel.
    """
    batch, channels, height, width = pixels.shape
    fill, margin = plan.augmentation.fill, 1
    if fill in ("reflect", "wrap"):
        least = min(float(x.min()), float(y.min()))
        most = max(float(x.max()) - width, float(y.max()) - height)
        margin = int(np.clip(math.ceil(max(-least, most)) + 2, 1, max(height, width)))
    shape = batch, channels, height + 2 * margin, width + 2 * margin
    around = scratch.take("around", shape, np.float32)
    if fill == "constant":
        around[...] = plan.augmentation.fill_value
        around[:, :, 1:-1, 1:-1] = pixels
        return around, margin
    flat = scratch.take("pixels", (batch * channels, height * width), np.float32)
    np.copyto(flat, pixels.reshape(flat.shape))
    rows, columns = beyond(height, margin, fill), beyond(width, margin, fill)
    places = (rows[:, None] * width + columns).reshape(-1)
    flat.take(places, axis=1, mode="clip", out=around.reshape(len(flat), -1))
    return around, margin


def _mixed(flat: Floats, corner: Indices, part: Floats, mixed: Floats, other: Floats) -> None:
    """From a pixel to its right neighbour, as far as `part` says, into `mixed`.

    "wrap", for the last place's neighbour, is also what numpy reads fastest with.
    """
    flat.take(corner, mode="wrap", out=mixed)
    flat[1:].take(corner, mode="wrap", out=other)
    other -= mixed
    other *= part
    mixed += other


def _starts(count: int, size: int) -> Indices:
    """Where each of so many pieces of that size begins."""
    return np.arange(0, count * size, size, dtype=np.int64)
