"""From a data set to the batches that the graphs take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from cnndsl.data.augmentation import Augmentation
from cnndsl.data.dataset import Split
from cnndsl.data.loader import Loader
from cnndsl.data.targets import Target
from cnndsl.diagnostics import UsageError
from cnndsl.runtime.pictures import PictureInput
from cnndsl.runtime.session import Array
from cnndsl.training.evaluation import Examples
from cnndsl.training.graphs import Slot
from cnndsl.training.losses import TARGET

EVALUATED = 256
"""Examples at a time that are evaluated, at most: more save nothing, and take memory."""


NEGLIGIBLE = 0.01
"""A last step with a smaller part of the examples is left out: it would take a graph of its own."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """How examples are divided: into so many steps, the very last batch one of `rest` examples
    where that isn't 0. `left_out` examples wait for another epoch's order.
    """

    steps: int
    rest: int
    left_out: int


def plan_epoch(examples: int, batch: int, accumulate: int = 1) -> Epoch:
    """What doesn't fill a step makes a smaller one, unless that is negligible.

    A last batch of a single example is left out too: it has no statistics.
    """
    whole, over = divmod(examples, batch * accumulate)
    if over < NEGLIGIBLE * examples:
        return Epoch(whole, 0, over)
    batches, rest = divmod(examples, batch)
    if rest == 1:
        return Epoch(-(-batches // accumulate), 0, 1)
    return Epoch(whole + 1, rest, 0)


class TrainingFeed:
    """Shuffled, augmented batches; the last one of an epoch may be smaller (see `Epoch`)."""

    def __init__(
        self,
        split: Split,
        picture: PictureInput,
        target: Target,
        slots: Mapping[str, Slot],
        *,
        batch: int,
        seed: int,
        augmentation: Augmentation | None,
        accumulate: int = 1,
    ):
        self._target, self._slots, self._picture = target, slots, picture.name
        self.plan = plan_epoch(len(split), batch, accumulate)
        self.steps = self.plan.steps
        self.loader = Loader(
            split,
            picture,
            batch=batch,
            seed=seed,
            shuffle=True,
            last="short" if self.plan.rest else "drop",
            augmentation=augmentation,
            answer=_answer(target, slots),
        )

    def epoch(self, number: int, start: int) -> Iterator[Mapping[str, Array]]:
        for batch in self.loader.epoch(number, start):
            made = self._target.examples(batch, number)
            yield as_examples(*made, self._picture, self._slots)

    def close(self) -> None:
        """Let the threads go."""
        self.loader.close()


class EvaluationFeed:
    """A split in its own order, as it is; each iteration begins anew."""

    def __init__(
        self,
        split: Split,
        picture: PictureInput,
        target: Target,
        slots: Mapping[str, Slot],
        batch: int,
    ):
        self._target, self._slots, self._picture = target, slots, picture.name
        self.loader = Loader(
            split,
            picture,
            batch=min(batch, EVALUATED),
            corrupt="skip",
            answer=_answer(target, slots),
        )

    def __iter__(self) -> Iterator[Examples]:
        for batch in self.loader.epoch():
            if len(batch):
                yield as_examples(*self._target.examples(batch, 0), self._picture, self._slots)

    def close(self) -> None:
        """Let the threads go."""
        self.loader.close()


def _answer(target: Target, slots: Mapping[str, Slot]) -> PictureInput | None:
    """How pictures to answer with are prepared, where the graph takes any."""
    return target.answer_input(slots[TARGET].shape) if TARGET in slots else None


def as_examples(
    images: Array, given: Array, picture: str, slots: Mapping[str, Slot]
) -> dict[str, Array]:
    """Pictures and targets by the graph's names, targets in the shape that the loss wants."""
    examples: dict[str, Array] = {picture: images}
    for name, slot in slots.items():
        shape = (len(images), *slot.shape[1:])
        whole = given.dtype.kind == "i" and given.ndim > 1  # masks of two classes are 0 and 1
        kinds = (given.dtype.kind, "f") if whole else (given.dtype.kind,)
        if np.dtype(slot.type).kind not in kinds or given.size != np.prod(shape):
            raise UsageError(_unlike(slot, given, whole))
        examples[name] = given.reshape(shape).astype(slot.type, copy=False)
    return examples


def _unlike(slot: Slot, given: Array, masks: bool) -> str:
    """What is wrong where targets aren't as the loss wants them."""
    wanted, found = ("x".join(map(str, a.shape[1:])) for a in (slot, given))
    if np.dtype(slot.type).kind == "i":
        answers = f"maps of {wanted}" if wanted else "a class for each picture"
        numbers = f"{found} numbers for each"
    else:
        answers, numbers = f"{wanted or 'one'} numbers for each picture", found
    if masks:
        return f"the net answers with {answers}, and the masks are {found}"
    if given.dtype.kind == "f":
        return f"the net answers with {answers}, and the data has {numbers}"
    pairs = "; pictures to compare with lie in `targets/` beside `inputs/`" * (len(slot.shape) > 3)
    return f"the net answers with {answers}, and the data has a class for each picture{pairs}"
