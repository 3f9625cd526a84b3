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


@dataclass(frozen=True, slots=True)
class StepSettings:
    """How a step is done: `accumulate` batches make one, gradients are cut to the norm `clip`."""

    seed: int = 0
    accumulate: int = 1
    clip: float | None = None
    threads: int | None = None


class Stepper:
    """Does steps of a training, on weights that lie on a device.

    `gradient` is the gradient graph as an ONNX model; `noise` has a kind for each noise input.
    """

    def __init__(
        self,
        gradient: bytes,
        noise: Mapping[str, NoiseKind],
        weights: Weights,
        groups: Sequence[Group],
        optimiser: Optimiser,
        settings: StepSettings,
    ):
        self.weights, self.settings = weights, settings
        self.device = weights.trained.device
        self.gradients = Tensors(weights.trained.layout, self.device)
        self._several = settings.accumulate > 1
        self._part = Tensors(weights.trained.layout, self.device) if self._several else None
        self.session = training_session(gradient, self.device, settings.threads)
        self._inputs = {node.name: node for node in self.session.get_inputs()}
        weight_names = set(weights.read())
        self._noise = {name: _Noise(self._inputs[name], kind) for name, kind in noise.items()}
        self.batch = {
            name: _sizes(node)
            for name, node in self._inputs.items()
            if name not in weight_names and name not in noise and name != LOSS_SCALE
        }
        """Every input that a batch must have, with its shape."""
        self.scale = LossScale() if LOSS_SCALE in self._inputs else None
        """How gradients in float16 are scaled."""
        self._scale = Buffer(1, device=self.device)
        self._batch = {
            name: Buffer(int(np.prod(shape)), _kind(self._inputs[name]), self.device)
            for name, shape in self.batch.items()
        }
        self._results = {
            node.name: Buffer(1, _kind(node))
            for node in self.session.get_outputs()
            if not node.name.startswith((GRADIENT, NEXT))
        }
        self._bindings = {
            (turn, part): self._bind(turn, part)
            for turn, part in product((0, 1), (False, True) if self._several else (False,))
        }
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

    def _bind(self, turn: int, part: bool) -> Binding:
        """Everything in place, statistics read in that turn; `part` gradients are to be added."""
        binding = Binding(self.session)
        weights, inputs = self.weights, self._inputs
        old, new = weights.statistics[turn], weights.statistics[1 - turn]
        for tensors in (weights.trained, weights.frozen, old):
            for name, place in tensors.layout.places.items():
                if name in inputs:
                    binding.input(name, tensors.buffer, place.shape, place.offset)
        for name, shape in self.batch.items():
            binding.input(name, self._batch[name], shape)
        for name, noise in self._noise.items():
            noise.bind(binding, name, self.device)
        target = self._part if part else self.gradients
        assert target is not None
        target.bind_outputs(binding, GRADIENT)
        new.bind_outputs(binding, NEXT)
        for name, buffer in self._results.items():
            binding.output(name, buffer, [])
        if self.scale is not None:
            binding.input(LOSS_SCALE, self._scale, [])
        return binding

    def step(
        self, batches: Sequence[Mapping[str, Array]], rate: float, number: int
    ) -> dict[str, float]:
        """Do step `number`, counted from 0, with as many batches as are accumulated.

        Returns the graph's numbers: the mean of losses (`loss…`), the sum of counts; in float16
        `skipped`, 1 where gradients overflowed and the weights are left as they were. Raises
        NotFiniteError where the loss isn't a number, with the weights left as they were.
        """
        totals: dict[str, float] = {}
        for i, batch in enumerate(batches):
            self._run(batch, number * len(batches) + i, part=i > 0)
            for name, buffer in self._results.items():
                share = len(batches) if name.startswith("loss") else 1
                totals[name] = totals.get(name, 0.0) + float(buffer.read()[0]) / share
            if not np.isfinite(totals["loss"]):
                raise NotFiniteError(totals["loss"], self._causes(batch))
            self.weights.turn = 1 - self.weights.turn
            if i and self._adding:
                self._adding.run({})
        scale = self._scale_of_gradients(batches, totals)
        if scale is not None:
            skipped = self.scale.skipped if self.scale else 0
            self.update.run(rate, number + 1 - skipped, scale)
        return totals

    def _scale_of_gradients(
        self, batches: Sequence[Mapping[str, Array]], totals: dict[str, float]
    ) -> float | None:
        """What gradients are multiplied by; None where one overflowed, so that the step is skipped.

        Adds to the totals. Raises NotFiniteError where no other loss scale would help.
        """
        scale = 1 / len(batches) / (self.scale.factor if self.scale else 1.0)
        if self._norm is None:
            return scale
        norm = self._norm() * scale
        is_finite = bool(np.isfinite(norm))
        if self.scale is not None:
            totals["skipped"] = float(not is_finite)
        if not is_finite:
            if self.scale is not None and self.scale.skip():
                return None
            raise NotFiniteError(norm, self._causes(batches[-1]))
        if self.scale is not None:
            self.scale.accept()
        if self.settings.clip is None:
            return scale
        totals["norm"] = norm
        return scale * min(1.0, self.settings.clip / (norm + CLIP_EPSILON))

    def _run(self, batch: Mapping[str, Array], number: int, part: bool) -> None:
        binding = self._bindings[self.weights.turn, part]
        for name, shape in self.batch.items():
            values = batch.get(name)
            if values is None or values.shape != shape:
                found = "missing" if values is None else f"of shape {values.shape}"
                raise UsageError(f"the batch's `{name}` is {found}, and {shape} is wanted")
            if self.device == "cpu" and values.flags.c_contiguous:
                binding.array(name, values.astype(self._batch[name].kind, copy=False))
            else:
                self._batch[name].write(values)
        if self.scale is not None:
            self._scale.set(self.scale.factor)
        for name, noise in self._noise.items():
            noise.draw(self.settings.seed, number, name)
        binding.run()

    def _causes(self, batch: Mapping[str, Array]) -> list[str]:
        """Where the first values lie that are no numbers."""
        found = [
            f"the batch's `{name}`" for name, values in batch.items() if not _is_finite(values)
        ]
        found += [f"the weights `{name}`" for name in self.weights.trained.not_finite()]
        found += [f"the gradient of `{name}`" for name in self.gradients.not_finite()]
        return found


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


def _is_finite(values: Array) -> bool:
    return values.dtype.kind != "f" or bool(np.isfinite(values).all())


def _sizes(node: Node) -> tuple[int, ...]:
    sizes = tuple(node.shape)
    if not all(isinstance(size, int) for size in sizes):
        raise ValueError(f"`{node.name}` has no fixed shape")
    return tuple(int(size) for size in sizes if size is not None)


def _kind(node: Node) -> np.dtype[Any]:
    return np.dtype(NUMPY_TYPES[node.type])
