"""Averaged weights: smoother than the last ones, and mostly better in the middle of a training.

After each step `average ← decay·average + (1 − decay)·weight`; the first takes the weights as they
are. Running statistics of batch norms are averaged alike: those of the last weights would not be
the averaged ones' own. It is what PyTorch's `AveragedModel(use_buffers=True)` does.
"""

from __future__ import annotations

from collections.abc import Mapping

from cnndsl.runtime.session import Session
from cnndsl.training.apply import Runner, averaging
from cnndsl.training.layout import Float
from cnndsl.training.state import Tensors, Weights


class Average:
    """An exponential moving average of trained weights and running statistics, on their device."""

    def __init__(self, weights: Weights, decay: float, threads: int | None = None):
        self._weights, self._share, self._threads = weights, 1 - decay, threads
        device = weights.trained.device
        self.trained = Tensors(weights.trained.layout, device)
        self.statistics = Tensors(weights.statistics[0].layout, device)
        self._runner = self._averaging(self.trained, weights.trained)
        self._of_statistics = [
            self._averaging(self.statistics, turn, self._runner.session)
            for turn in weights.statistics
        ]

    def update(self, number: int) -> None:
        """Take in the weights after step `number`, counted from 0."""
        share = {"share": self._share if number else 1.0}
        self._runner.run(share)
        self._of_statistics[self._weights.turn].run(share)

    def read(self) -> dict[str, Float]:
        """The averages by name; on the CPU views that follow the training."""
        return self.trained.read() | self.statistics.read()

    def write(self, values: Mapping[str, Float]) -> None:
        """Replace every average. Raises UsageError where one is missing or of another shape."""
        self.trained.write(values)
        self.statistics.write(values)

    def _averaging(
        self, average: Tensors, value: Tensors, session: Session | None = None
    ) -> Runner:
        buffers = {"average": average.buffer, "value": value.buffer}
        return Runner(averaging(), buffers, threads=self._threads, session=session)
