"""Scores of the weights as they are, on data that isn't trained on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from cnndsl.data.targets import Scorer
from cnndsl.runtime.buffers import Binding, Buffer
from cnndsl.runtime.model import NUMPY_TYPES
from cnndsl.runtime.session import Array, Node
from cnndsl.training.averaging import Average
from cnndsl.training.graphs import Slot
from cnndsl.training.progress import RunningMetrics, Scores
from cnndsl.training.sessions import training_session
from cnndsl.training.state import Weights

Examples = Mapping[str, Array]
"""Inputs and targets of some examples by their names, the examples along the first axis."""


class Evaluator:
    """An evaluation graph bound to weights on their device.

    The graph takes any number of examples at a time; of weights and statistics it reads the
    averaged ones where there are.
    """

    def __init__(
        self,
        model: bytes,
        weights: Weights,
        average: Average | None = None,
        threads: int | None = None,
    ):
        self._weights, self._average = weights, average
        self.session = training_session(model, weights.trained.device, threads)
        self._inputs = {node.name: node for node in self.session.get_inputs()}
        self._outputs = {node.name: node for node in self.session.get_outputs()}

    def scores(
        self, batches: Iterable[Examples], scorer: Scorer | None = None, answer: str = ""
    ) -> Scores:
        """Losses and parts of right answers over all batches, and what `scorer` says of the output
        `answer`; empty where there are none.
        """
        names = [n for n in self._outputs if n.startswith("loss") or n in ("correct", "correct5")]
        asked = [*names, answer] if scorer else names
        running_metrics = RunningMetrics()
        for batch, results in self._run(batches, asked):
            if scorer:
                scorer.add(results[answer], batch)
            numbers = {name: float(results[name]) for name in names}
            count = _counting(batch)
            running_metrics.add(numbers, count, count)
        if not running_metrics.examples:
            return {}
        return running_metrics.scores() | (scorer.scores() if scorer else {})

    def slots(self, *names: str) -> dict[str, Slot]:
        """Those of its inputs that have these names; open sizes are 1."""
        return {
            name: Slot(
                tuple(size if isinstance(size, int) else 1 for size in node.shape),
                NUMPY_TYPES[node.type],
            )
            for name in names
            if (node := self._inputs.get(name))
        }

    def values(self, batches: Iterable[Examples], name: str) -> Iterator[tuple[Examples, Array]]:
        """Each batch with an output's values for it."""
        for batch, results in self._run(batches, [name]):
            yield batch, results[name]

    def classifier(self, classes: int) -> str | None:
        """The first output with a number for each class; None where there is none."""
        for name, node in self._outputs.items():
            if len(node.shape) > 1 and node.shape[1] == classes:
                return name
        return None

    def _run(
        self, batches: Iterable[Examples], names: list[str]
    ) -> Iterator[tuple[Examples, dict[str, Array]]]:
        trained, frozen, statistics = self._weights.parts()
        binding = Binding(self.session)
        if self._average:
            trained, statistics = self._average.trained, self._average.statistics
        for tensors in (trained, frozen, statistics):
            for name, place in tensors.layout.places.items():
                if name in self._inputs:
                    binding.input(name, tensors.buffer, place.shape, place.offset)
        for batch in batches:
            for name, values in batch.items():
                self._feed(binding, name, values)
            count = len(next(iter(batch.values())))
            results = {name: _room(self._outputs[name], count) for name in names}
            for name, (buffer, shape) in results.items():
                binding.output(name, buffer, shape)
            binding.run()
            yield batch, {name: b.read().reshape(shape) for name, (b, shape) in results.items()}

    def _feed(self, binding: Binding, name: str, values: Array) -> None:
        if name not in self._inputs:
            return
        values = np.ascontiguousarray(values, NUMPY_TYPES[self._inputs[name].type])
        if self._weights.trained.device == "cpu":
            binding.array(name, values)
        else:
            buffer = Buffer(values.size, values.dtype, self._weights.trained.device)
            buffer.write(values)
            binding.input(name, buffer, values.shape)


def _counting(batch: Examples) -> int:
    """The targets of a batch that count: losses are means over them."""
    target = batch.get("target")
    if target is None or target.dtype.kind != "i":
        return len(next(iter(batch.values())))
    return int((target >= 0).sum())


def _room(node: Node, count: int) -> tuple[Buffer, tuple[int, ...]]:
    """Memory for an output with that many examples; sizes that are open are the examples'."""
    shape = tuple(size if isinstance(size, int) else count for size in node.shape)
    return Buffer(int(np.prod(shape)), NUMPY_TYPES[node.type]), shape
