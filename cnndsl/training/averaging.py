"""Averaged weights: smoother than the last ones, and mostly better in the middle of a training.

After each step `average ← decay·average + (1 − decay)·weight`; the first takes the weights as they
are. Running statistics aren't averaged twice: the net's own go with the averaged weights.
"""

from __future__ import annotations

from cnndsl.training.apply import Runner, averaging
from cnndsl.training.state import Tensors, Weights


class Average:
    """An exponential moving average of the trained weights, on their device."""

    def __init__(self, weights: Weights, decay: float, threads: int | None = None):
        self._weights, self._share = weights, 1 - decay
        self.tensors = Tensors(weights.trained.layout, weights.trained.device)
        buffers = {"average": self.tensors.buffer, "value": weights.trained.buffer}
        self._runner = Runner(averaging(), buffers, threads=threads)

    def update(self, number: int) -> None:
        """Take in the weights after step `number`, counted from 0."""
        self._runner.run({"share": self._share if number else 1.0})
