"""One training step: gradients, clipping, update; all in place on the device.

The gradient graph tells by its names what it is about: inputs that are no weights are the batch,
`NAME.noise` is noise, `grad/NAME` and `next/NAME` are what comes out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from cnndsl.diagnostics import UsageError
from cnndsl.runtime.buffers import Binding, Buffer
from cnndsl.runtime.model import NUMPY_TYPES
from cnndsl.runtime.session import Array, Node
from cnndsl.training.apply import Group, Norm, Runner, Update, accumulation
from cnndsl.training.losses import STEP, TARGET, TARGET_WEIGHT
from cnndsl.training.noise import NoiseKind, fill_noise
from cnndsl.training.optimisers import Optimiser
from cnndsl.training.scaling import LOSS_SCALE, LossScale
from cnndsl.training.sessions import training_session
from cnndsl.training.state import Tensors, Weights

GRADIENT, NEXT, NOISE = "grad/", "next/", ".noise"
CLIP_EPSILON = 1e-6  # as torch.nn.utils.clip_grad_norm_ has it


class NotFiniteError(Exception):
    """The loss is NaN or infinite; the weights are those before the step."""

    def __init__(self, loss: float, causes: Sequence[str]):
        self.loss, self.causes = loss, tuple(causes)
        super().__init__(f"the loss is {loss}")

    def at(self, number: int) -> str:
        """What happened at step `number`, counted from 0."""
        cause = f"; first in {self.causes[0]}" if self.causes else ""
        return f"the loss became {self.loss} at step {number + 1:,}{cause}"


@dataclass(frozen=True, slots=True)
class StepSettings:
    """How a step is done: `accumulate` batches make one, gradients are cut to the norm `clip`.

    `class_weights` are those of the loss, where it has any.
    """

    seed: int = 0
    accumulate: int = 1
    clip: float | None = None
    threads: int | None = None
    class_weights: Sequence[float] | None = None


class TrainStep:
    """Does steps of a training, on weights that lie on a device.

    `gradient` is the gradient graph as an ONNX model, `rest` the same one for the smaller batch
    that an epoch may end with; `noise` has a kind for each noise input.
    """

    def __init__(
        self,
        gradient: bytes,
        noise: Mapping[str, NoiseKind],
        weights: Weights,
        groups: Sequence[Group],
        optimiser: Optimiser,
        settings: StepSettings,
        rest: bytes | None = None,
    ):
        self.weights, self.settings = weights, settings
        self.device = weights.trained.device
        self.gradients = Tensors(weights.trained.layout, self.device)
        self._several = settings.accumulate > 1
        self._part = Tensors(weights.trained.layout, self.device) if self._several else None
        found = [
            _Graph(model, noise, weights, self.gradients, self._part, settings, rest is not None)
            for model in (gradient, rest)
            if model is not None
        ]
        self._graphs = {graph.examples: graph for graph in reversed(found)}
        self._usual = found[0]
        self.scale = LossScale() if self._usual.is_scaled else None
        """How gradients in float16 are scaled."""
        self.update = Update(
            optimiser,
            groups,
            weights.trained.buffer,
            self.gradients.buffer,
            scaled=self._several or self._is_measured,
            threads=settings.threads,
        )
        self._norm = Norm(self.gradients.buffer, settings.threads) if self._is_measured else None
        self._adding = (
            Runner(
                accumulation(),
                {"total": self.gradients.buffer, "gradient": self._part.buffer},
                threads=settings.threads,
            )
            if self._part
            else None
        )

    @property
    def _is_measured(self) -> bool:
        """Whether every step asks how long the vector of gradients is: to cut or to judge it."""
        return self.settings.clip is not None or self.scale is not None

    def step(
        self, batches: Sequence[Mapping[str, Array]], rate: float, number: int
    ) -> dict[str, float]:
        """Do step `number`, counted from 0, with as many batches as are accumulated, or fewer.

        All examples count alike, whatever batches they come in: gradients and losses are those of
        one large batch. Returns the graph's numbers: losses (`loss…`), the sum of counts; in
        float16 `skipped`, 1 where gradients overflowed and the weights are left as they were.
        Raises NotFiniteError where the loss isn't a number, with the weights left as they were.
        """
        totals: dict[str, float] = {}
        counts = [examples_in(batch) for batch in batches]
        weight = self._weight(batches)
        first = number * self.settings.accumulate
        for i, (batch, count) in enumerate(zip(batches, counts, strict=True)):
            share = count / sum(counts)
            graph = self._graphs.get(count, self._usual)
            factor = self.scale.factor if self.scale else 1.0
            numbers = {LOSS_SCALE: factor, TARGET_WEIGHT: weight * share, STEP: float(number)}
            graph.run(batch, self.weights.turn, first + i, i > 0, numbers)
            for name, buffer in graph.results.items():
                part = share if name.startswith("loss") else 1
                totals[name] = totals.get(name, 0.0) + float(buffer.read()[0]) * part
            if not np.isfinite(totals["loss"]):
                raise NotFiniteError(totals["loss"], self._causes(batch))
            self.weights.turn = 1 - self.weights.turn
            if i and self._adding:
                self._adding.run({"share": count / counts[0]})
        scale = self._scale_of_gradients(batches[-1], counts[0] / sum(counts), totals)
        if scale is not None:
            skipped = self.scale.skipped if self.scale else 0
            self.update.run(rate, number + 1 - skipped, scale)
        return totals

    def _weight(self, batches: Sequence[Mapping[str, Array]]) -> float:
        """The class weights of all targets that count together; infinite where none does, so that
        losses and gradients, which are divided by it, are 0.
        """
        weights = self.settings.class_weights
        if weights is None:
            return 1.0
        every = np.asarray(weights, np.float64)
        targets = (batch[TARGET].astype(np.int64, copy=False) for batch in batches)
        return sum(float(every[t[t >= 0]].sum()) for t in targets) or float("inf")

    def _scale_of_gradients(
        self, batch: Mapping[str, Array], share: float, totals: dict[str, float]
    ) -> float | None:
        """What gradients are multiplied by; None where one overflowed, so that the step is skipped.

        `share` is the first batch's of all examples, `batch` the last one. Adds to the totals.
        Raises NotFiniteError where no other loss scale would help.
        """
        scale = share / (self.scale.factor if self.scale else 1.0)
        if self._norm is None:
            return scale
        norm = self._norm() * scale
        is_finite = bool(np.isfinite(norm))
        if self.scale is not None:
            totals["skipped"] = float(not is_finite)
        if not is_finite:
            if self.scale is not None and self.scale.skip():
                return None
            raise NotFiniteError(norm, self._causes(batch))
        if self.scale is not None:
            self.scale.accept()
        if self.settings.clip is None:
            return scale
        totals["norm"] = norm
        return scale * min(1.0, self.settings.clip / (norm + CLIP_EPSILON))

    def _causes(self, batch: Mapping[str, Array]) -> list[str]:
        """Where the first values lie that are no numbers."""
        found = [
            f"the batch's `{name}`" for name, values in batch.items() if not _is_finite(values)
        ]
        found += [f"the weights `{name}`" for name in self.weights.trained.not_finite()]
        found += [f"the gradient of `{name}`" for name in self.gradients.not_finite()]
        return found


class _Graph:
    """A gradient graph for batches of one size, with everything in place.

    `results` are its numbers after a run: losses and counts.
    """

    def __init__(
        self,
        model: bytes,
        noise: Mapping[str, NoiseKind],
        weights: Weights,
        gradients: Tensors,
        part: Tensors | None,
        settings: StepSettings,
        is_one_of_several: bool,
    ):
        self._weights, self._device, self._seed = weights, weights.trained.device, settings.seed
        self._session = training_session(model, self._device, settings.threads, is_one_of_several)
        self._inputs = {node.name: node for node in self._session.get_inputs()}
        self._noise = {name: _Noise(self._inputs[name], kind) for name, kind in noise.items()}
        self._numbers = {
            name: Buffer(1, device=self._device)
            for name in (LOSS_SCALE, TARGET_WEIGHT, STEP)
            if name in self._inputs
        }
        others = {*weights.read(), *noise, *self._numbers}
        self._shapes = {n: _sizes(node) for n, node in self._inputs.items() if n not in others}
        self.examples = next(iter(self._shapes.values()))[0]
        self._batch = {
            name: Buffer(int(np.prod(shape)), _kind(self._inputs[name]), self._device)
            for name, shape in self._shapes.items()
        }
        self.results = {
            node.name: Buffer(1, _kind(node))
            for node in self._session.get_outputs()
            if not node.name.startswith((GRADIENT, NEXT))
        }
        targets = {False: gradients} | ({True: part} if part else {})
        self._bindings = {
            (turn, added): self._bind(turn, target)
            for turn, (added, target) in product((0, 1), targets.items())
        }

    @property
    def is_scaled(self) -> bool:
        """Whether the loss is multiplied before it is differentiated."""
        return LOSS_SCALE in self._numbers

    def run(
        self,
        batch: Mapping[str, Array],
        turn: int,
        number: int,
        added: bool,
        numbers: Mapping[str, float],
    ) -> None:
        """Take batch number `number`, counted from 0, and the statistics of that turn.

        The gradients go to the first tensors, or to those that are to be `added`. `numbers` are
        what losses are divided by (`TARGET_WEIGHT`) and multiplied by (`LOSS_SCALE`), and the
        number of steps before. Raises UsageError.
        """
        binding = self._bindings[turn, added]
        for name, shape in self._shapes.items():
            values = batch.get(name)
            if values is None or values.shape != shape:
                found = "missing" if values is None else f"of shape {values.shape}"
                raise UsageError(f"the batch's `{name}` is {found}, and {shape} is wanted")
            if self._device == "cpu" and values.flags.c_contiguous:
                binding.array(name, values.astype(self._batch[name].kind, copy=False))
            else:
                self._batch[name].write(values)
        for name, scalar in self._numbers.items():
            scalar.set(numbers[name])
        for name, noise in self._noise.items():
            noise.draw(self._seed, number, name)
        binding.run()

    def _bind(self, turn: int, target: Tensors) -> Binding:
        """Statistics are read in that turn, and gradients written to the target."""
        binding = Binding(self._session)
        weights = self._weights
        old, new = weights.statistics[turn], weights.statistics[1 - turn]
        for tensors in (weights.trained, weights.frozen, old):
            for name, place in tensors.layout.places.items():
                if name in self._inputs:
                    binding.input(name, tensors.buffer, place.shape, place.offset)
        for name, shape in self._shapes.items():
            binding.input(name, self._batch[name], shape)
        for name, noise in self._noise.items():
            noise.bind(binding, name, self._device)
        for name, number in self._numbers.items():
            binding.input(name, number, [])
        target.bind_outputs(binding, GRADIENT)
        new.bind_outputs(binding, NEXT)
        for name, buffer in self.results.items():
            binding.output(name, buffer, [])
        return binding


class _Noise:
    """A noise input and the memory it is drawn into."""

    def __init__(self, node: Node, kind: NoiseKind):
        self.kind: NoiseKind = kind
        self.shape = _sizes(node)
        self.values = np.zeros(self.shape, np.float32)
        self._buffer: Buffer | None = None

    def bind(self, binding: Binding, name: str, device: str) -> None:
        if device == "cpu":
            binding.array(name, self.values)
            return
        self._buffer = self._buffer or Buffer(self.values.size, device=device)
        binding.input(name, self._buffer, self.shape)

    def draw(self, seed: int, step: int, name: str) -> None:
        fill_noise(self.values, self.kind, seed, step, name.removesuffix(NOISE))
        if self._buffer is not None:
            self._buffer.write(self.values)


def examples_in(batch: Mapping[str, Array]) -> int:
    """How many examples a batch has."""
    return len(next(iter(batch.values())))


def _is_finite(values: Array) -> bool:
    return values.dtype.kind != "f" or bool(np.isfinite(values).all())


def _sizes(node: Node) -> tuple[int, ...]:
    sizes = tuple(node.shape)
    if not all(isinstance(size, int) for size in sizes):
        raise ValueError(f"`{node.name}` has no fixed shape")
    return tuple(int(size) for size in sizes if size is not None)


def _kind(node: Node) -> np.dtype[Any]:
    return np.dtype(NUMPY_TYPES[node.type])
