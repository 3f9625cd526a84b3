"""Batches for training and evaluation, made ahead of time, the same ones whenever they are asked.

What is in step s of epoch e follows from the seed, e and s alone. So a run that stopped there goes
on there, and how many threads make the batches changes nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Literal

import numpy as np
import numpy.typing as npt

from cnndsl.data.arrays import Array
from cnndsl.data.augmentation import Augmentation
from cnndsl.data.dataset import Split
from cnndsl.data.masks import IGNORED
from cnndsl.data.pipeline import NONE, Corrupt, open_pipeline
from cnndsl.data.randomness import Indices, key, order
from cnndsl.diagnostics import UsageError
from cnndsl.runtime.pictures import PictureInput
from cnndsl.runtime.session import available_cores

Last = Literal["drop", "fill", "short"]
"""What becomes of a last batch that isn't full: it is left out, filled up with the epoch's first
examples, or short."""

MOST_WORKERS = 16
CACHE = 1 << 29
"""Bytes that resized pictures may take in memory."""

_PIECES = 4  # for each thread and batch, so that all of them finish at about the same time


@dataclass(frozen=True, slots=True)
class Batch:
    """B examples: `images` B×C×H×W in the input's type (B×H×W×C or B×C×D×H×W where it wants that),
    `targets` int64 class numbers (or float32; of masks B×H×W, −1 for what counts nowhere; of
    pictures to answer with B×C×H×W), and `numbers`, which examples of the split they are.
    """

    images: Array
    targets: Array
    numbers: Indices

    def __len__(self) -> int:
        return len(self.numbers)


class Loader:
    """A split's examples in batches, prepared for an input.

    picture: what the net takes and how pictures are prepared. batch: examples at a time. shuffle:
    in another order each epoch. last: what becomes of an incomplete batch. corrupt: what becomes
    of pictures that can't be read; "replace" keeps batches full, "skip" makes them shorter.
    workers: threads that make batches, 0 for none but the caller's; by default all cores for
    pictures in files, one for arrays that are augmented. prefetch: how many batches are made
    ahead. cache: bytes of memory for resized pictures. answer: how the pictures that are to be
    answered with are prepared, where examples have such; without it they are left aside.

    A context manager. Raises UsageError where the split doesn't go with the input.
    """

    def __init__(
        self,
        split: Split,
        picture: PictureInput,
        *,
        batch: int,
        seed: int = 0,
        shuffle: bool = False,
        last: Last = "short",
        augmentation: Augmentation | None = None,
        corrupt: Corrupt = "replace",
        workers: int | None = None,
        prefetch: int = 3,
        cache: int = CACHE,
        answer: PictureInput | None = None,
    ):
        if batch < 1 or not len(split):
            raise UsageError(f"there is no batch of {batch} out of {len(split):,} examples")
        if last == "drop" and len(split) < batch:
            raise UsageError(
                f"{len(split):,} examples don't fill a batch of {batch}; take a smaller one"
            )
        self.sides = picture.sides
        self.split, self.picture, self.batch = split, picture, batch
        self.seed, self.shuffle, self.last = seed, shuffle, last
        self.prefetch = prefetch
        self.answer = answer if split.paired else None
        self.pipeline = open_pipeline(
            split, picture, augmentation, seed, corrupt, cache, self.answer
        )
        if workers is None:
            workers = min(available_cores(), MOST_WORKERS)
            if not self.pipeline.per_picture:
                workers = 1 if augmentation else 0
        self.workers = workers
        self.pool = ThreadPoolExecutor(workers, "data") if workers else None

    def __enter__(self) -> Loader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the threads go."""
        if self.pool:
            self.pool.shutdown(wait=False, cancel_futures=True)

    @property
    def steps(self) -> int:
        """How many batches an epoch has."""
        whole, rest = divmod(len(self.split), self.batch)
        return whole + (rest > 0 and self.last != "drop")

    @property
    def skipped(self) -> Mapping[str, str]:
        """Pictures that could not be read so far, with the reason."""
        return self.pipeline.skipped

    def numbers(self, epoch: int) -> list[Indices]:
        """Which examples are in each batch of an epoch."""
        count = len(self.split)
        ordered = np.arange(count)
        if self.shuffle:
            ordered = order(key(self.seed, epoch, "order"), count)
        if self.last == "fill":
            ordered = np.resize(ordered, self.steps * self.batch)
        return [ordered[s * self.batch : (s + 1) * self.batch] for s in range(self.steps)]

    def epoch(self, epoch: int = 0, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch from step `start` on.

        Raises UsageError where a picture can't be read and that is to be an error.
        """
        waiting: deque[_Pending] = deque()
        try:
            for numbers in self.numbers(epoch)[start:]:
                waiting.append(_Pending(self, numbers, epoch))
                if len(waiting) > (self.prefetch if self.pool else 0):
                    yield from waiting.popleft().batch()
            while waiting:
                yield from waiting.popleft().batch()
        finally:
            for pending in waiting:
                pending.cancel()

    def room(self, count: int) -> Array | None:
        """Where masks or pictures to answer with go, of so many examples; None without such."""
        if self.answer:
            return np.zeros((count, self.answer.channels, *self.answer.sides), np.float32)
        if self.split.masked:
            return np.full((count, *self.sides), IGNORED, np.uint8)
        return None

    def fill(self, numbers: Indices, epoch: int, out: Array, answers: Array | None) -> Indices:
        """Make some of a batch's examples in their places; the numbers that are there then."""
        planes = out.transpose(0, 3, 1, 2) if self.picture.channels_last else out
        if planes.dtype == np.float32:
            return self.pipeline.fill(numbers, epoch, planes, answers)
        values = np.empty(planes.shape, np.float32)
        found = self.pipeline.fill(numbers, epoch, values, answers)
        planes[...] = values if planes.dtype.kind == "f" else np.rint(values)
        return found


class _Pending:
    """A batch that is being made, by pieces."""

    def __init__(self, loader: Loader, numbers: Indices, epoch: int):
        self.loader, self.numbers = loader, numbers
        picture, count = loader.picture, len(numbers)
        shape = [picture.channels, *loader.sides]
        if picture.channels_last:
            shape = [*shape[1:], shape[0]]
        self.images = np.empty((count, *shape), np.dtype(picture.type))
        self.answers = loader.room(count)
        self.pieces: list[Future[Indices]] = []
        pool, fill = loader.pool, loader.fill
        if pool is None:
            self.found = fill(numbers, epoch, self.images, self.answers)
            return
        step = count
        if loader.pipeline.per_picture:
            step = max(1, count // (loader.workers * _PIECES))
        for at in range(0, count, step):
            part = slice(at, at + step)
            answers = None if self.answers is None else self.answers[part]
            self.pieces.append(pool.submit(fill, numbers[part], epoch, self.images[part], answers))

    def batch(self) -> Iterator[Batch]:
        """Wait for it; nothing where all of its examples were left out."""
        if self.pieces:
            self.found = np.concatenate([piece.result() for piece in self.pieces])
        images, found, there = self.images, self.found, self.found != NONE
        if not there.all():
            images, found = images[there], found[there]
        if len(found):
            shaped = self.loader.picture.shaped(images)
            yield Batch(shaped, self._targets(found, there), found)

    def _targets(self, found: Indices, there: npt.NDArray[np.bool_]) -> Array:
        if self.answers is None:
            return self.loader.split.targets[found]
        if self.loader.answer:
            return self.answers[there]
        masks = self.answers[there].astype(np.int64)
        masks[masks == IGNORED] = -1
        return masks

    def cancel(self) -> None:
        """Not needed any more."""
        for piece in self.pieces:
            piece.cancel()
