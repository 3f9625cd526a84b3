"""Stages: which parameters are trained from which epoch on, and with what learning rate.

A training begins with what `--freeze` leaves; each stage frees some more. A stage is a training of
its own as far as the learning rate goes: it runs through warm-up and schedule anew, times its
factor. What the optimiser keeps for a parameter goes on over the stages.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from cnndsl.diagnostics import UsageError
from cnndsl.training.blocks import Blocks, patterns_of
from cnndsl.training.patterns import check_pattern, is_trained

_ENTRY = re.compile(r"\s*(\d+)\s*:\s*([^@\s]+)\s*(?:@\s*(\S+))?\s*")


@dataclass(frozen=True, slots=True)
class Stage:
    """After `after` epochs what `patterns` match is trained too, and the learning rate is
    multiplied by `rate`; after 0 epochs: from the start.
    """

    after: int
    patterns: tuple[str, ...] = ()
    rate: float = 1.0

    def describe(self) -> str:
        """`after 5 epochs block5* (learning rate × 0.1)`."""
        epochs = f"after {self.after} epoch{'s' * (self.after != 1)}"
        rate = f" (learning rate × {self.rate:g})" if self.rate != 1 else ""
        return f"{epochs} {', '.join(self.patterns)}{rate}"


class Plan:
    """The stages of a training of the parameters `names`; the first begins with epoch 0.

    Raises UsageError for patterns that match nothing, or nothing that is frozen.
    """

    def __init__(self, freeze: Sequence[str], stages: Sequence[Stage], names: Collection[str]):
        self._freeze = tuple(freeze)
        for pattern in freeze:
            check_pattern("--freeze", pattern, names)
        self.stages = merged((Stage(0), *stages))
        for number, stage in enumerate(self.stages):
            frozen = [n for n in names if not is_trained(n, freeze)]
            if number:
                frozen = [n for n in frozen if not self.is_trained(n, number - 1)]
            for pattern in stage.patterns:
                _check(pattern, frozen, names)

    @property
    def firsts(self) -> tuple[tuple[int, float], ...]:
        """Each stage's first epoch, counted from 0, and what multiplies the learning rate in it."""
        return tuple((stage.after, stage.rate) for stage in self.stages)

    def number(self, epoch: int) -> int:
        """The stage that an epoch lies in, both counted from 0."""
        return sum(stage.after <= epoch for stage in self.stages) - 1

    def end(self, number: int) -> int | None:
        """How many epochs are over when the stage ends; None for the last one."""
        following = self.stages[number + 1 : number + 2]
        return following[0].after if following else None

    def is_trained(self, name: str, number: int) -> bool:
        """Whether a parameter is trained in a stage."""
        return self._freed(name) <= number

    def since(self, name: str) -> int:
        """The epoch from which on a parameter is trained, where it ever is."""
        return self.stages[min(self._freed(name), len(self.stages) - 1)].after

    def _freed(self, name: str) -> int:
        """The first stage that trains a parameter; as many as there are where none does."""
        if is_trained(name, self._freeze):
            return 0
        for number, stage in enumerate(self.stages):
            if not is_trained(name, stage.patterns):
                return number
        return len(self.stages)


def read_stages(texts: Sequence[str]) -> tuple[Stage, ...]:
    """`5:block5*,10:*@0.1` as stages: entries EPOCHS:PATTERN[@FACTOR], those of the same epoch are
    one stage. Raises UsageError.
    """
    found: list[Stage] = []
    for entry in (entry for text in texts for entry in text.split(",")):
        match = _ENTRY.fullmatch(entry)
        after, pattern, factor = match.groups() if match else ("0", "", "nothing")
        try:
            rate = float(factor or 1)
        except ValueError:
            rate = 0.0
        if not 0 < rate < float("inf"):
            raise UsageError(
                f"`--unfreeze {entry}` isn't written EPOCHS:PATTERN or EPOCHS:PATTERN@FACTOR, as "
                f"in 5:block5*,10:*@0.1"
            )
        found.append(Stage(int(after), (pattern,), rate))
    return merged(found)


def merged(stages: Iterable[Stage]) -> tuple[Stage, ...]:
    """In the order of their epochs, those of the same epoch in one; their factors multiply."""
    found: dict[int, Stage] = {}
    for stage in stages:
        known = found.get(stage.after, Stage(stage.after))
        patterns = tuple(dict.fromkeys((*known.patterns, *stage.patterns)))
        found[stage.after] = Stage(stage.after, patterns, known.rate * stage.rate)
    return tuple(found[after] for after in sorted(found))


def gradual(blocks: Blocks, every: int) -> tuple[Stage, ...]:
    """One block more every so many epochs, from the last one (the head) down to the first."""
    return tuple(
        Stage(number * every, patterns_of(block, names))
        for number, (block, names) in enumerate(reversed(blocks.items()))
    )


def _check(pattern: str, frozen: Collection[str], names: Collection[str]) -> None:
    check_pattern("--unfreeze", pattern, names)
    if all(is_trained(name, [pattern]) for name in frozen):
        raise UsageError(
            f"--unfreeze `{pattern}` matches nothing that is frozen then; `--freeze` says what is"
        )
