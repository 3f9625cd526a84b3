"""Heat maps over pictures: Grad-CAM, saliency, and what a grey patch takes away from a class."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from cnndsl.diagnostics import UsageError
from cnndsl.looking.subject import Subject, shown
from cnndsl.looking.view import Array, Tile, View, coloured, overlaid, sheet
from cnndsl.runtime.answers import read_outputs
from cnndsl.runtime.model import Model
from cnndsl.runtime.running import Results, batch_size
from cnndsl.surgery.attribution import BEST, CLASS, Attribution, attributed, class_number

Progress = Callable[[int], None]

MOST_PICTURES, MOST_CLASSES = 64, 8
MOST_RUNS = 4096
"""Of a net with a patch at another place each."""

_STEPS = 7  # patches beside each other along the shorter side, if their size isn't given
_LEAST_DROP = 1e-3  # of a probability: where no patch takes away as much, nothing is hot
_BRIGHT = 99.5  # the percentile of a gradient that is white


@dataclass(frozen=True, slots=True)
class Class:
    """One of a net's classes, and its probability for a picture."""

    number: int
    name: str
    probability: float

    def __str__(self) -> str:
        return f"{self.name} {100 * self.probability:.1f} %"

    def caption(self, more: str = "") -> str:
        """The same for a tile, which cuts off the ends of long names."""
        return f"{100 * self.probability:.1f} %{more} {self.name}"


def attribution_view(
    subject: Subject,
    pictures: Sequence[str | Path],
    method: Literal["cam", "saliency", "guided"],
    *,
    at: str | None = None,
    of: Sequence[int | str] = (),
    progress: Progress | None = None,
) -> View:
    """Each picture beside its heat maps, one for each class, by default for the best one.

    `at` is the layer of "cam", by default the last with maps. The view's values are the method's
    N×classes×H×W, from 0 to 1. Raises UsageError.
    """
    paths = _few(subject.paths(pictures))
    named = None if at is None else subject.named(at)
    made = attributed(subject.path, Attribution(method, named), subject.input_shapes)
    model = subject.opened(made)
    what = made.graph.output[-1].doc_string
    tiles: list[Tile] = []
    lines, maps, skipped = [what], list[list[Array]](), list[str]()
    for path, x, photo in subject.each(paths, skipped):
        wanted: Sequence[int | None] = _numbers(subject, model, x, of) or [None]
        tiles.append(Tile(shown(photo), path.name))
        maps.append([])
        for number in wanted:
            values = _run(subject, model, x[None], BEST if number is None else number)
            found = _class(subject, values, number)
            heat = values[method][0, 0]
            pixels = overlaid(photo, heat) if method == "cam" else coloured(_bright(heat))
            tiles.append(Tile(shown(pixels), found.caption()))
            lines.append(f"{path}: {found}{'' if heat.any() else ', for which no place speaks'}")
            maps[-1].append(heat)
        if progress:
            progress(1)
    pixels = sheet(tiles, 1 + len(maps[0]))
    return View(pixels, tuple(lines), {method: np.array(maps)}, tuple(skipped))


def occlusion_view(
    subject: Subject,
    pictures: Sequence[str | Path],
    *,
    of: Sequence[int | str] = (),
    patch: int | None = None,
    progress: Progress | None = None,
) -> View:
    """Each picture beside how much less of a class there is where a grey patch hides a place.

    `patch` is its side in pixels, by default a seventh of the picture's shorter one; it moves by
    half of that. A place gets the mean drop of the patches over it (Zeiler, Fergus 2013). The
    view's values `occlusion` are N×classes×H×W differences of probabilities. `progress` is called
    with the runs just done. Raises UsageError.
    """
    paths, model = _few(subject.paths(pictures)), subject.model
    places = patches(subject, patch)
    tiles: list[Tile] = []
    lines, maps, skipped = [places.describe()], list[list[Array]](), list[str]()
    for path, x, photo in subject.each(paths, skipped):
        whole = _run(subject, model, x[None])
        wanted: Sequence[int | None] = _numbers(subject, model, x, of) or [None]
        classes = [_class(subject, whole, number) for number in wanted]
        drops: list[Array] = []
        for hidden in places.hidden(x, subject, batch_size(model, None)):
            scores = _scores(subject, _run(subject, model, hidden))
            drops.append(np.stack([c.probability - scores[:, c.number] for c in classes], axis=1))
            if progress:
                progress(len(hidden))
        tiles.append(Tile(shown(photo), path.name))
        maps.append([])
        for found, drop in zip(classes, np.concatenate(drops).T, strict=True):
            heat = places.means(drop)
            most = float(heat.max())
            pixels = overlaid(photo, np.maximum(heat, 0) / max(most, _LEAST_DROP))
            tiles.append(Tile(shown(pixels), found.caption(f" ({100 * most:.1f} less)")))
            lines.append(f"{path}: {found}, behind a patch up to {100 * most:.1f} % less")
            maps[-1].append(heat)
    pixels = sheet(tiles, 1 + len(maps[0]))
    return View(pixels, tuple(lines), {"occlusion": np.array(maps)}, tuple(skipped))


@dataclass(frozen=True, slots=True)
class Patches:
    """Squares over a picture: their upper left corners, and their side."""

    height: int
    width: int
    side: int
    corners: tuple[tuple[int, int], ...]

    def describe(self) -> str:
        """In words."""
        return f"occlusion by grey patches of {self.side}x{self.side}, {len(self.corners)} places"

    def hidden(self, x: Array, subject: Subject, size: int) -> Iterator[Array]:
        """The picture with a patch at each place, so many at a time."""
        picture = subject.picture
        how = picture.preprocessing
        grey = (127.5 / how.scale - np.asarray(how.mean)) / np.asarray(how.std)
        if not picture.channels_last:
            grey = grey[:, None, None]
        for start in range(0, len(self.corners), size):
            some = self.corners[start : start + size]
            batch = np.repeat(x[None], len(some), axis=0)
            for example, (top, left) in zip(batch, some, strict=True):
                view = example if picture.channels_last else example.transpose(1, 2, 0)
                view[top : top + self.side, left : left + self.side] = grey.reshape(-1)
            yield batch

    def means(self, numbers: Array) -> Array:
        """For each pixel the mean of what the patches over it have."""
        total = np.zeros((self.height, self.width))
        count = np.zeros((self.height, self.width))
        for (top, left), number in zip(self.corners, numbers, strict=True):
            place = slice(top, top + self.side), slice(left, left + self.side)
            total[place] += number
            count[place] += 1
        return total / np.maximum(count, 1)


def patches(subject: Subject, side: int | None = None) -> Patches:
    """Where patches go, the last of a row at the edge. Raises UsageError for too many."""
    height, width = subject.picture.height or 1, subject.picture.width or 1
    side = side or max(1, round(min(height, width) / _STEPS))
    if side > min(height, width):
        raise UsageError(f"a patch of {side} pixels is larger than the picture, {height}x{width}")
    step = max(1, side // 2)
    rows, columns = ([*range(0, length - side, step), length - side] for length in (height, width))
    if len(rows) * len(columns) > MOST_RUNS:
        raise UsageError(
            f"a patch of {side} pixels has {len(rows) * len(columns):,} places; take a larger one "
            f"by --patch, for at most {MOST_RUNS:,}"
        )
    return Patches(height, width, side, tuple((r, c) for r in rows for c in columns))


def _few(paths: list[Path]) -> list[Path]:
    if len(paths) > MOST_PICTURES:
        raise UsageError(f"{len(paths):,} pictures are too many to show: at most {MOST_PICTURES}")
    return paths


def _run(subject: Subject, model: Model, x: Array, number: int | None = None) -> dict[str, Array]:
    """The outputs for some examples, filled up to a batch that the model holds."""
    count = len(x)
    if model.batch and count != model.batch:
        x = x[np.arange(model.batch) % count]
    feeds = {subject.picture.name: x}
    if number is not None:
        feeds[CLASS] = np.array([number], np.int64)
    return {name: values[:count] for name, values in model(feeds, model.choose()).items()}


def _scores(subject: Subject, outputs: dict[str, Array]) -> Array:
    """The probabilities of the classes, a row for each example."""
    count = len(next(iter(outputs.values())))
    results = Results(outputs, ("",) * count)
    reading = next((r for r in read_outputs(results, top=1) if r.classes), None)
    if reading is None:
        raise UsageError(f"{subject.model.name} has no output of classes")
    rows = np.asarray(outputs[reading.output], np.float64).reshape(count, -1)
    if reading.scores == "softmax":
        rows = np.exp(rows - rows.max(1, keepdims=True))
        rows /= rows.sum(1, keepdims=True)
    return rows


def _class(subject: Subject, outputs: dict[str, Array], number: int | None) -> Class:
    """The best class of the first example, or that of a number."""
    (row, *_) = _scores(subject, outputs)
    found = int(row.argmax()) if number is None else number
    labels = subject.labels if subject.labels and len(subject.labels) == len(row) else ()
    name = (labels[found] if labels else "") or f"class {found}"
    return Class(found, name, float(row[found]))


def _numbers(subject: Subject, model: Model, x: Array, of: Sequence[int | str]) -> list[int]:
    if len(of) > MOST_CLASSES:
        raise UsageError(f"at most {MOST_CLASSES} classes are shown at a time, not {len(of)}")
    if not of:
        return []
    classes = _scores(subject, _run(subject, model, x[None])).shape[1]
    name = subject.model.name.strip("`")
    return [class_number(wanted, classes, subject.labels, name) for wanted in of]


def _bright(heat: Array) -> Array:
    """A gradient has few large numbers: what is above almost all others is white."""
    most = float(np.percentile(heat, _BRIGHT))
    return heat / most if most > 0 else heat
