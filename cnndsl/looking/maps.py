"""What a layer makes of a picture, its kernels, and the pictures that excite a channel most."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import nlargest
from math import ceil, sqrt
from pathlib import Path

import numpy as np

from cnndsl.diagnostics import UsageError
from cnndsl.graphs.files import read_model
from cnndsl.looking.subject import Subject, shown
from cnndsl.looking.view import (
    MOST_PIXELS,
    Array,
    Pixels,
    Tile,
    View,
    about_zero,
    beside_each_other,
    coloured,
    enlarged,
    overlaid,
    sheet,
    signed,
    spread,
)
from cnndsl.runtime.model import Model
from cnndsl.runtime.save import as_pixels
from cnndsl.surgery.models import cut_model, kernels_at

Progress = Callable[[int], None]

MOST_MAPS = 256
"""In one view: of more channels every second is shown, or every third …"""

MOST_KERNELS = 64
"""Filters, and channels of each."""

BEST = 9
"""Pictures that excite a channel most."""

_SIDES = {"map": 64, "kernel": 28, "colour": 56}  # pixels that a tile has about, at least
_WIDTH, _LARGEST = 700, 160  # pixels of a view of few tiles, and of one of them at most
_COLOURS = 3


def maps_view(subject: Subject, picture: str | Path, at: str, channels: Sequence[int] = ()) -> View:
    """The maps that a layer makes of a picture, each from its least to its largest value.

    `channels` chooses some. The view's values `maps` are all C×H×W. Raises UsageError.
    """
    paths = subject.paths([picture])
    if len(paths) > 1:
        raise UsageError("maps are shown of one picture at a time")
    model, name = _cut(subject, at)
    maps = _maps(subject, model, subject.read(paths[0])[0], at)
    pixels, told = _grid(maps, channels)
    shape = "x".join(map(str, maps.shape))
    lines = (f"maps of {paths[0]} at `{name}`, {shape}, {told[0]}", *told[1:])
    return View(pixels, lines, {"maps": maps})


def as_picture(output: Array, name: str) -> tuple[Pixels, str]:
    """An output 1×C×H×W as bytes H×W or H×W×3, and what was done.

    One map or three are a picture, see `as_pixels`; of any other number each is a tile, as in
    `maps_view`. Raises UsageError for other outputs.
    """
    are_maps = output.ndim == 4 and len(output) == 1 and output.size
    if not are_maps or {1, 3} & {output.shape[1], output.shape[3]}:
        return as_pixels(output, name)
    pixels, told = _grid(output[0].astype(np.float32))
    return pixels, "; ".join([f"a tile for each channel, {told[0]}", *told[1:]])


def _grid(maps: Array, channels: Sequence[int] = ()) -> tuple[Pixels, list[str]]:
    """A tile for each channel, or for each of `channels`, and what is to be seen."""
    side = max(*maps.shape[1:], _SIDES["map"])
    most = max(1, min(MOST_MAPS, MOST_PIXELS // (2 * side * side)))
    some = _some(len(maps), most)
    chosen = _channels(channels, len(maps)) or [*some]
    columns = _columns(len(chosen))
    side = _side("map", columns)
    tiles = [Tile(enlarged(coloured(spread(maps[n])), side), f"{n}") for n in chosen]
    told = [] if channels else _told(some, len(maps), "channels")
    pixels = sheet(tiles, columns)
    return pixels, ["each from its least to its largest value", *told]


def kernels_view(subject: Subject, at: str | None = None) -> View:
    """The weights of a convolution, by default the first one.

    Where it takes colours, a filter is a tile in colour; else a strip, whose tiles are its
    channels. 0 is in the middle of each filter's scale, its largest absolute weight at an end. The
    view's values `kernels` are O×I×H×W. Raises UsageError.
    """
    model = read_model(subject.path)
    first = next((n.output[0] for n in model.graph.node if n.op_type == "Conv"), None)
    if at is None and first is None:
        raise UsageError(f"{subject.model.name} has no convolution")
    name, weights = kernels_at(model, subject.named(at) if at else str(first))
    if weights.ndim != 4:
        raise UsageError(f"`{name}` has kernels of {weights.ndim - 2} axes; pictures have two")
    weights = weights.astype(np.float32)
    shape = "x".join(map(str, weights.shape))
    lines = [f"kernels of `{name}`, {shape}, 0 in the middle of each filter's scale"]
    filters, channels = weights.shape[:2]
    rows = _some(filters, MOST_MAPS if channels in (1, _COLOURS) else MOST_KERNELS)
    if channels == _COLOURS:
        bgr = _takes_bgr(subject)
        lines.append(f"in colour: red, green, blue are channels {'2, 1, 0' if bgr else '0, 1, 2'}")
        columns = _columns(len(rows))
        side = _side("colour", columns)
        tiles = [Tile(_in_colour(weights[n], bgr, side), f"{n}") for n in rows]
    else:
        some = _some(channels, MOST_KERNELS)
        columns = (
            max(1, round(sqrt(1.5 * len(rows) / len(some))))
            if channels > 1
            else _columns(len(rows))
        )
        side = _side("kernel", columns * len(some))
        lines.append("blue is below 0, white is 0, red is above")
        tiles = [
            Tile(beside_each_other([enlarged(signed(filter[c]), side) for c in some]), f"{n}")
            for n in rows
            for filter in [about_zero(weights[n])]
        ]
        if channels > 1:
            lines.append("each strip is a filter, its tiles are the channels that it takes")
        lines += _told(some, channels, "channels")
    lines += _told(rows, filters, "filters")
    pixels = sheet(tiles, columns, left=channels not in (1, _COLOURS))
    return View(pixels, tuple(lines), {"kernels": weights})


def exciting_view(
    subject: Subject,
    pictures: Sequence[str | Path],
    at: str,
    channel: int,
    progress: Progress | None = None,
) -> View:
    """The pictures in which a channel of a layer has its largest values, under its map.

    The view's values: `largest`, of each picture, in their order. Raises UsageError.
    """
    paths = subject.paths(pictures)
    model, name = _cut(subject, at)
    largest, read, skipped = list[float](), list[Path](), list[str]()
    for path, x, _ in subject.each(paths, skipped):
        maps = _maps(subject, model, x, at)
        _channels([channel], len(maps))
        largest.append(float(maps[channel].max()))
        read.append(path)
        if progress:
            progress(1)
    best = nlargest(BEST, range(len(read)), key=largest.__getitem__)
    most = largest[best[0]]
    lines = [f"what excites channel {channel} of `{name}` most, of {len(read):,} pictures"]
    tiles: list[Tile] = []
    for number in best:
        x, photo = subject.read(read[number])
        values = np.maximum(_maps(subject, model, x, at)[channel], 0)
        heat = _resized(values / (most if most > 0 else 1), *photo.shape[:2])
        text = f"{largest[number]:.3g}"
        tiles.append(Tile(shown(overlaid(photo, heat)), f"{text} {read[number].name}"))
        lines.append(f"{text} {read[number]}")
    found = {"largest": np.array(largest, np.float32)}
    return View(sheet(tiles, min(3, len(tiles))), tuple(lines), found, tuple(skipped))


def _cut(subject: Subject, at: str) -> tuple[Model, str]:
    """The model up to a layer, and what the file calls it."""
    made, (name,) = cut_model(read_model(subject.path), subject.named(at))
    return subject.opened(made), name


def _maps(subject: Subject, model: Model, x: Array, at: str) -> Array:
    batch = np.repeat(x[None], model.batch or 1, axis=0)
    (values,) = model({subject.picture.name: batch}, model.choose()).values()
    if values.ndim != 4:
        shape = "x".join(map(str, ("N", *values.shape[1:])))
        raise UsageError(f"`{at}` is no maps, it is {shape}; maps are NxCxHxW")
    return values[0].astype(np.float32)


def _channels(wanted: Sequence[int], count: int) -> list[int]:
    for channel in wanted:
        if not 0 <= channel < count:
            raise UsageError(f"there is no channel {channel}: the layer has {count}, from 0 on")
    return list(wanted)


def _columns(count: int) -> int:
    """Somewhat wider than high, as screens are, with few places left in the last row."""
    about = ceil(sqrt(count * 1.5))
    near = range(max(1, about - 1), min(about + 2, count) + 1)
    return min(near, key=lambda n: (-count % n, abs(n - about)), default=1)


def _some(count: int, most: int) -> range:
    """At most so many of so many numbers, at equal steps."""
    return range(0, count, ceil(count / most))


def _told(some: range, count: int, what: str) -> list[str]:
    """A line where not all are shown."""
    if len(some) == count:
        return []
    return [f"{len(some)} of {count} {what} are shown, one of {some.step}"]


def _side(kind: str, columns: int) -> int:
    """How large a tile is: few are shown larger."""
    return max(_SIDES[kind], min(_WIDTH // columns, _LARGEST))


def _in_colour(kernel: Array, bgr: bool, side: int) -> Array:
    picture = about_zero(kernel[::-1] if bgr else kernel).transpose(1, 2, 0)
    return enlarged(np.rint(127.5 * (1 + picture)).astype(np.uint8), side)


def _takes_bgr(subject: Subject) -> bool:
    how = subject.how or subject.model.preprocessing
    return how is not None and how.order == "BGR"


def _resized(values: Array, height: int, width: int) -> Array:
    """Enlarged by linear interpolation between the middles of cells."""
    for axis, size in enumerate((height, width)):
        length = values.shape[axis]
        places = (np.arange(size) + 0.5) * length / size - 0.5
        low = np.clip(np.floor(places).astype(int), 0, length - 1)
        high = np.minimum(low + 1, length - 1)
        share = np.clip(places - low, 0, 1).reshape([-1 if a == axis else 1 for a in range(2)])
        values = values.take(low, axis) * (1 - share) + values.take(high, axis) * share
    return values
