"""What a net makes of pictures on the way to its classes: features, as arrays.

They are what a small classifier is trained on, once for all its tries; so they are made in this
room, above the data and the runtime.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cnndsl.data.dataset import DataSet
from cnndsl.data.loader import Loader
from cnndsl.data.pipeline import nothing_read
from cnndsl.diagnostics import UsageError
from cnndsl.runtime.pictures import PictureInput
from cnndsl.runtime.running import batch_size
from cnndsl.runtime.session import Array
from cnndsl.training.options import Pool
from cnndsl.transfer.extractors import Extractor

Float = npt.NDArray[np.float32]
Progress = Callable[[int], None]
"""Called with the number of examples just done."""

MOST_BYTES = 8 << 30
"""What features may take in memory."""


@dataclass(frozen=True)
class Features:
    """Features of examples, and what the data says about each.

    arrays: by layer, float32 N×D (N×C×H×W where maps were kept). labels: int64 class numbers, or
    float32 targets. names: the examples'. split: "train", "val" or "test" of each. classes: their
    names. skipped: pictures that could not be read, with the reason.
    """

    arrays: Mapping[str, Float]
    labels: npt.NDArray[np.int64] | Float
    names: npt.NDArray[np.str_]
    split: npt.NDArray[np.str_]
    classes: tuple[str, ...]
    skipped: Mapping[str, str]

    def of(self, split: str) -> npt.NDArray[np.bool_]:
        """Which examples belong to a split."""
        return self.split == split


def extract(
    extractor: Extractor,
    data: DataSet,
    picture: PictureInput,
    *,
    splits: Sequence[str] | None = None,
    keep_maps: bool = False,
    pool: Pool = "mean",
    batch: int | None = None,
    progress: Progress | None = None,
) -> Features:
    """Features of every example of a data set, or of some splits, each in its own order.

    `picture` says how pictures are prepared (`cnndsl.runtime.pictures.picture_input`). Maps become
    vectors as `pool` says (see `Extractor`) unless `keep_maps`. Pictures that can't be read are
    left out. Raises UsageError where the data doesn't suit the model, or the features don't fit
    into memory.
    """
    chosen = tuple(data.splits) if splits is None else tuple(splits)
    model, ports = extractor.model, extractor.model.choose(tuple(extractor.outputs.values()))
    size = batch_size(model, batch)
    total = sum(len(data[name]) for name in chosen)
    arrays: dict[str, list[Float]] = {name: [] for name in extractor.outputs}
    labels: list[Array] = []
    names: list[str] = []
    split_of: list[str] = []
    skipped: dict[str, str] = {}
    for split_name in chosen:
        split = data[split_name]
        with Loader(split, picture, batch=size, corrupt="skip") as loader:
            for made in loader.epoch():
                count = len(made)
                images = made.images
                if model.batch and count < size:
                    images = images[np.arange(size) % count]
                values = model({picture.name: images}, ports)
                for name, output in extractor.outputs.items():
                    _check_rows(name, values[output], len(images))
                    found = values[output][:count].astype(np.float32, copy=False)
                    how: Pool = "none" if name in extractor.flat else pool
                    rows = found if keep_maps else _vectors(found, how)
                    _check_room(rows, total)
                    arrays[name].append(rows)
                labels.append(made.targets)
                names += [split.name_of(number) for number in made.numbers.tolist()]
                split_of += [split_name] * count
                if progress:
                    progress(count)
            skipped |= loader.skipped
    if not labels:
        raise UsageError(nothing_read(total, skipped))
    return Features(
        {name: np.concatenate(parts) for name, parts in arrays.items()},
        np.concatenate(labels),
        np.array(names),
        np.array(split_of),
        data.labels,
        skipped,
    )


def _vectors(values: Float, pool: Pool) -> Float:
    """An example a row: maps value for value, or a number of each."""
    if values.ndim <= 2:
        return values
    space = tuple(range(2, values.ndim))
    if pool == "none":
        return values.reshape(len(values), -1)
    return values.max(axis=space) if pool == "max" else values.mean(axis=space, dtype=np.float32)


def _check_rows(name: str, values: Array, pictures: int) -> None:
    """Raise UsageError where there isn't a row a picture."""
    if values.shape[:1] != (pictures,):
        shape = "x".join(map(str, values.shape)) or "one number"
        raise UsageError(
            f"`{name}` is {shape} for {pictures} pictures, so it isn't a row for each of them: "
            f"it mixes the pictures of a batch"
        )


def _check_room(rows: Float, total: int) -> None:
    needed = rows[:1].nbytes * total
    if needed > MOST_BYTES:
        shape = "x".join(map(str, rows.shape[1:]))
        raise UsageError(
            f"{total:,} examples of {shape} would take {needed / (1 << 30):.0f} GiB: take means of "
            f"maps, a later layer, or one split"
        )
