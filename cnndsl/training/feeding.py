"""From a data set to the batches that the graphs take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from cnndsl.data.augmentation import Augmentation
from cnndsl.data.dataset import Split
from cnndsl.data.loader import Batch, Loader
from cnndsl.diagnostics import UsageError
from cnndsl.runtime.pictures import PictureInput
from cnndsl.runtime.session import Array
from cnndsl.training.evaluation import Examples
from cnndsl.training.graphs import Slot

EVALUATED = 256
"""Examples at a time that are evaluated, at most: more save nothing, and take memory."""


class TrainingFeed:
    """Shuffled, augmented batches of a fixed size; what doesn't fill a last one waits for another
    epoch's order.
    """

    def __init__(
        self,
        split: Split,
        picture: PictureInput,
        targets: Mapping[str, Slot],
        *,
        batch: int,
        seed: int,
        augmentation: Augmentation | None,
    ):
        self._targets, self._picture = targets, picture.name
        self.loader = Loader(
            split,
            picture,
            batch=batch,
            seed=seed,
            shuffle=True,
            last="drop",
            augmentation=augmentation,
        )
        self.batch, self.batches = batch, self.loader.steps

    def epoch(self, number: int, start: int) -> Iterator[Mapping[str, Array]]:
        for batch in self.loader.epoch(number, start):
            yield as_examples(batch, self._picture, self._targets)

    def close(self) -> None:
        """Let the threads go."""
        self.loader.close()


class EvaluationFeed:
    """A split in its own order, as it is; each iteration begins anew."""

    def __init__(
        self, split: Split, picture: PictureInput, targets: Mapping[str, Slot], batch: int
    ):
        self.split, self._targets, self._picture = split, targets, picture.name
        self.loader = Loader(split, picture, batch=min(batch, EVALUATED), corrupt="skip")

    def __iter__(self) -> Iterator[Examples]:
        for batch in self.loader.epoch():
            if len(batch):
                yield as_examples(batch, self._picture, self._targets)

    def close(self) -> None:
        """Let the threads go."""
        self.loader.close()


def as_examples(batch: Batch, picture: str, targets: Mapping[str, Slot]) -> dict[str, Array]:
    """Pictures and targets by the graph's names, targets in the shape that the loss wants."""
    examples: dict[str, Array] = {picture: batch.images}
    for name, slot in targets.items():
        shape = (len(batch), *slot.shape[1:])
        given = batch.targets
        if given.dtype.kind != np.dtype(slot.type).kind or given.size != np.prod(shape):
            raise UsageError(
                f"the loss wants targets {_described(slot)}, and the data has "
                f"{given.dtype.name} {'x'.join(map(str, given.shape[1:])) or 'one each'}"
            )
        examples[name] = given.reshape(shape).astype(slot.type, copy=False)
    return examples


def _described(slot: Slot) -> str:
    return f"{slot.type} {'x'.join(map(str, slot.shape[1:])) or 'one each'}"
