"""Which learning rate suits: it grows from step to step, and the loss tells (Smith 2017,
arXiv:1506.01186).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count, islice

import numpy as np

from cnndsl.diagnostics import UsageError
from cnndsl.runtime.session import Array
from cnndsl.training.assembly import Training
from cnndsl.training.train_step import NotFiniteError

LOWEST, HIGHEST = 1e-6, 10.0
SMOOTHING = 0.9
DIVERGED = 4.0
"""The test ends where the loss is so many times the smallest one."""

_SETTLED = 10  # steps until the smoothed loss means something


@dataclass(frozen=True, slots=True)
class RangeTest:
    """Learning rates with the smoothed losses after a step at each.

    `steepest` is where the loss falls fastest, a good peak for a schedule; `lowest` where it is
    smallest, already too much.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    steepest: float
    lowest: float


def range_test(
    training: Training, steps: int, lowest: float = LOWEST, highest: float = HIGHEST
) -> Iterator[tuple[float, float]]:
    """Rate and smoothed loss after each step; the weights are spoilt afterwards.

    Ends early where the loss explodes.
    """
    smoothed, best = 0.0, float("inf")
    batches = _batches(training)
    for step in range(steps):
        rate = lowest * (highest / lowest) ** (step / max(steps - 1, 1))
        group = list(islice(batches, training.config.training.accumulate))
        try:
            loss = training.train_step.step(group, rate, step)["loss"]
        except NotFiniteError:
            return
        smoothed = SMOOTHING * smoothed + (1 - SMOOTHING) * loss
        value = smoothed / (1 - SMOOTHING ** (step + 1))
        if step >= _SETTLED and value > DIVERGED * best:
            return
        best = min(best, value)
        yield rate, value


def judged(curve: list[tuple[float, float]]) -> RangeTest:
    """What the curve says. Raises UsageError where it is too short."""
    if len(curve) < 2 * _SETTLED:
        raise UsageError("the loss explodes at once; begin with a lower rate: --from 1e-8")
    rates, losses = np.array(curve).T
    lowest = int(losses[_SETTLED:].argmin()) + _SETTLED
    slope = np.gradient(losses, np.log(rates))
    steepest = int(slope[_SETTLED : lowest + 1].argmin()) + _SETTLED
    return RangeTest(
        tuple(rates.tolist()), tuple(losses.tolist()), float(rates[steepest]), float(rates[lowest])
    )


def _batches(training: Training) -> Iterator[Mapping[str, Array]]:
    for epoch in count():
        yield from training.feed.epoch(epoch, 0)
