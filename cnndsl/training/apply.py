"""One step of the optimiser over all parameters, in the memory that they lie in.

A group is a stretch of the flat buffers whose parameters share learning rate and weight decay. On
the CPU a group is updated in pieces that stay in the cache over the dozen passes of an update,
which takes a third to a half of the time that passes over whole vectors take.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cnndsl.runtime.buffers import Binding, Buffer
from cnndsl.runtime.session import Session
from cnndsl.training.kernels import Kernel
from cnndsl.training.layout import Layout
from cnndsl.training.optimisers import Optimiser
from cnndsl.training.sessions import training_session

PIECE = 1 << 16  # values; four vectors of them fit into a core's second-level cache

SMALL = 1 << 19  # values; up to so many one thread is as fast as several


@dataclass(frozen=True, slots=True)
class Group:
    """`size` values from `offset` on, with what multiplies the learning rate, and weight decay.

    `since` is the first step that changes them: the optimiser's states are 0 before it.
    """

    offset: int
    size: int
    rate: float = 1.0
    decay: float = 0.0
    since: int = 0


class Runner:
    """A kernel bound to flat buffers of a device, by the names of its vectors."""

    def __init__(
        self,
        kernel: Kernel,
        buffers: Mapping[str, Buffer],
        *,
        offset: int = 0,
        size: int | None = None,
        threads: int | None = None,
        session: Session | None = None,
    ):
        kernel.check_in_place()
        any_buffer = next(iter(buffers.values()))
        if any_buffer.size <= SMALL:
            threads = 1
        self.session = session or training_session(kernel.model(), any_buffer.device, threads)
        self._scalars = {name: Buffer(1, device=any_buffer.device) for name in kernel.scalars}
        size = any_buffer.size if size is None else size
        piece = PIECE if any_buffer.device == "cpu" else max(size, 1)
        self._bindings: list[Binding] = []
        for start in range(offset, offset + size, piece):
            count = min(piece, offset + size - start)
            binding = Binding(self.session)
            for name in kernel.vectors:
                binding.input(name, buffers[name], [count], start)
            for name in kernel.changed:
                binding.output(f"next/{name}", buffers[name], [count], start)
            for name, scalar in self._scalars.items():
                binding.input(name, scalar, [])
            self._bindings.append(binding)

    def run(self, numbers: Mapping[str, float]) -> None:
        """Update all values; `numbers` are the kernel's scalars."""
        for name, scalar in self._scalars.items():
            scalar.set(numbers[name])
        for binding in self._bindings:
            binding.run()


class Update:
    """An optimiser bound to parameters, gradients and its states."""

    def __init__(
        self,
        optimiser: Optimiser,
        groups: Sequence[Group],
        parameters: Buffer,
        gradients: Buffer,
        *,
        scaled: bool = False,
        threads: int | None = None,
    ):
        self.optimiser, self.groups = optimiser, tuple(groups)
        size, device = parameters.size, parameters.device
        self.states = {name: Buffer(size, device=device) for name in optimiser.states}
        kernel = optimiser.kernel(scaled)
        buffers = {"parameter": parameters, "gradient": gradients, **self.states}
        self._runners: list[Runner] = []
        for group in self.groups:
            session = self._runners[0].session if self._runners else None
            runner = Runner(
                kernel,
                buffers,
                offset=group.offset,
                size=group.size,
                threads=threads,
                session=session,
            )
            self._runners.append(runner)

    def run(self, rate: float, step: int, scale: float = 1.0) -> None:
        """Do step number `step`, counted from 1; gradients are multiplied by `scale` first."""
        for group, runner in zip(self.groups, self._runners, strict=True):
            age = max(step - group.since, 1)  # steps may have been skipped before
            numbers = self.optimiser.numbers(rate * group.rate, group.decay, age)
            runner.run({**numbers, "scale": scale})

    def fresh(self, layout: Layout, steps: int) -> list[str]:
        """The parameters that are trained from the step after so many on."""
        begun = [g for g in self.groups if 0 < g.since == steps]
        return [
            name
            for name, place in layout.places.items()
            if any(g.offset <= place.offset < g.offset + g.size for g in begun)
        ]


def accumulation() -> Kernel:
    """total ← total + share·gradient."""
    kernel = Kernel("accumulation")
    part = kernel.op("Mul", kernel.vector("gradient"), kernel.scalar("share"))
    kernel.becomes("total", kernel.op("Add", kernel.vector("total"), part))
    return kernel


def averaging() -> Kernel:
    """average ← average + share·(value − average): an exponential moving average."""
    kernel = Kernel("averaging")
    average = kernel.vector("average")
    distance = kernel.op("Sub", kernel.vector("value"), average)
    change = kernel.op("Mul", distance, kernel.scalar("share"))
    kernel.becomes("average", kernel.op("Add", average, change))
    return kernel


class Norm:
    """The length of the vector of all gradients."""

    def __init__(self, gradients: Buffer, threads: int | None = None):
        kernel = Kernel("norm")
        vector = kernel.vector("gradient")
        row = kernel.op("Reshape", vector, kernel.constant([1, -1]))
        column = kernel.op("Reshape", vector, kernel.constant([-1, 1]))
        square = kernel.op("Reshape", kernel.op("MatMul", row, column), kernel.constant([]))
        kernel.becomes("square", square)
        threads = 1 if gradients.size <= SMALL else threads
        session = training_session(kernel.model(), gradients.device, threads)
        piece = PIECE if gradients.device == "cpu" else max(gradients.size, 1)
        self._squares: list[Buffer] = []
        self._bindings: list[Binding] = []
        for start in range(0, gradients.size, piece):
            binding, square_of_piece = Binding(session), Buffer(1)
            binding.input("gradient", gradients, [min(piece, gradients.size - start)], start)
            binding.output("next/square", square_of_piece, [])
            self._bindings.append(binding)
            self._squares.append(square_of_piece)

    def __call__(self) -> float:
        """The norm of the gradients as they are now."""
        for binding in self._bindings:
            binding.run()
        return sum(float(square.read()[0]) for square in self._squares) ** 0.5
