"""Examples that wait to be run, dealt out in batches.

Nothing but the current batch is in memory, however many pictures there are; .npy files are mapped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
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
class Unreadable:
    """An example that can't be read, why, in a sentence, and its place among all examples."""

    source: str
    reason: str
    place: int = 0
    count = 1


@dataclass(frozen=True, slots=True)
class Samples:
    """Pictures, by their paths, and arrays.

    `others` are the files of the folders that are no pictures, by their suffixes; `picture` is how
    pictures are prepared, None where there are none. `unreadable` collects what can't be read
    while batches are made; where it is None, that is an error.
    """

    model: Model
    parts: tuple[Path | Arrays | Unreadable, ...]
    others: Mapping[str, int] = field(default_factory=dict[str, int])
    picture: PictureInput | None = None
    unreadable: list[Unreadable] | None = None

    @property
    def count(self) -> int:
        """The number of examples, with those that can't be read."""
        return sum(1 if isinstance(part, Path) else part.count for part in self.parts)

    def batches(self, size: int) -> Iterator[Batch]:
        """All of them in order, up to `size` at a time; examples of another shape begin a batch.

        Raises UsageError where a picture can't be read, unless that is collected.
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
        place = 0
        for part in self.parts:
            if isinstance(part, Arrays):
                yield from self._slices(part, size)
                place += part.count
                continue
            try:
                if isinstance(part, Unreadable):
                    raise UsageError(part.reason)
                yield self._picture(part)
            except UsageError as e:
                if self.unreadable is None:
                    raise
                source = part.source if isinstance(part, Unreadable) else str(part)
                self.unreadable.append(Unreadable(source, str(e), place))
            place += 1

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
