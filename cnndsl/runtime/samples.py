"""Examples that wait to be run, dealt out in batches.

Nothing but the current batch is in memory, however many pictures there are; .npy files are mapped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnndsl.diagnostics import UsageError
from cnndsl.runtime.arrays import converted
from cnndsl.runtime.model import Model
from cnndsl.runtime.pictures import PictureInput
from cnndsl.runtime.session import Array


@dataclass(frozen=True, slots=True)
class Batch:
    """Arrays by the model's inputs, and a name for each example in them.

    `whole` marks arrays that don't share their first size, so that they can't be dealt out.
    """

    sources: tuple[str, ...]
    feeds: dict[str, Array]
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Arrays:
    """Arrays by the model's inputs, with `count` examples, or one `whole`."""

    source: str
    by_input: dict[str, Array]
    count: int
    whole: bool


@dataclass(frozen=True, slots=True)
class Samples:
    """Pictures, by their paths, and arrays.

    `skipped` is how many files of the folders are no pictures; `picture` is how pictures are
    prepared, None where there are none.
    """

    model: Model
    parts: tuple[Path | Arrays, ...]
    skipped: int = 0
    picture: PictureInput | None = None

    @property
    def count(self) -> int:
        """The number of examples."""
        return sum(1 if isinstance(part, Path) else part.count for part in self.parts)

    def batches(self, size: int) -> Iterator[Batch]:
        """All of them in order, up to `size` at a time; examples of another shape begin a batch.

        Raises UsageError where a picture can't be read.
        """
        waiting: list[Batch] = []
        for piece in self._pieces(size):
            together = sum(len(batch.sources) for batch in (*waiting, piece))
            if waiting and (together > size or not _alike(waiting[0], piece)):
                yield _joined(waiting)
                waiting = []
            waiting.append(piece)
        if waiting:
            yield _joined(waiting)

    def _pieces(self, size: int) -> Iterator[Batch]:
        for part in self.parts:
            if isinstance(part, Arrays):
                yield from self._slices(part, size)
            else:
                yield self._picture(part)

    def _picture(self, path: Path) -> Batch:
        from cnndsl.runtime.images import read_picture

        assert self.picture is not None
        return Batch((str(path),), {self.picture.name: read_picture(path, self.picture)[None]})

    def _slices(self, part: Arrays, size: int) -> Iterator[Batch]:
        ports = {port.name: port for port in self.model.inputs}
        for start in range(0, part.count, size):
            stop = min(start + size, part.count)
            names = [f"{part.source}[{n}]" for n in range(start, stop)]
            yield Batch(
                tuple(names) if part.count > 1 else (part.source,),
                {
                    name: converted(array if part.whole else array[start:stop], ports[name])
                    for name, array in part.by_input.items()
                },
                part.whole,
            )


def padded(batch: Batch, size: int) -> Batch:
    """Filled up with copies of its last example, for a model that takes `size` at a time."""
    missing = size - len(batch.sources)
    if not missing or batch.whole:
        return batch
    feeds = {
        name: np.concatenate([array, np.repeat(array[-1:], missing, axis=0)])
        for name, array in batch.feeds.items()
    }
    return Batch(batch.sources, feeds)


def _alike(first: Batch, second: Batch) -> bool:
    """Whether two can be joined."""
    if first.whole or second.whole:
        return False
    return all(first.feeds[n].shape[1:] == a.shape[1:] for n, a in second.feeds.items())


def _joined(batches: list[Batch]) -> Batch:
    if len(batches) == 1:
        return batches[0]
    sources = tuple(source for batch in batches for source in batch.sources)
    try:
        feeds = {
            name: np.concatenate([batch.feeds[name] for batch in batches])
            for name in batches[0].feeds
        }
    except MemoryError:
        raise UsageError("the batch doesn't fit into memory; make it smaller") from None
    return Batch(sources, feeds)
