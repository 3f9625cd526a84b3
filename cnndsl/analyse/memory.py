"""Peak memory by liveness: a value is held from the step that makes it to the last that reads it.

Inference holds the weights and the values alive at the worst moment. Elementwise layers without
parameters, and sums, overwrite their input where nobody else reads it. Training holds weights,
gradients, optimiser state and all values that the backward pass reads again (each once), beside
the gradients in flight: at the worst moment of the backward pass, two neighbouring gradients.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from cnndsl.network import Network, Step

FLOAT_BYTES = 4
INDEX_BYTES = 8
MASK_BYTES = 1
OPTIMISER_COPIES = 2  # Adam: first and second moments

Sizes = Mapping[str, int]
"""Bytes of every value, by its name."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Bytes of what a net holds beside its values.

    `stored` is for inference, running statistics included; `heads` what training-only side chains
    add to that; `trained` the part of both that training changes.
    """

    stored: int
    heads: int
    trained: int


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes at one batch size.

    `alive` are the values held while each step of inference runs, in their order;
    `kept_activations` what the backward pass reads again.
    """

    batch: int
    weights: Weights
    alive: Mapping[str, int]
    kept_activations: int
    gradients_in_flight: int

    @property
    def peak_step(self) -> str:
        """The step at which the most is held."""
        return max(self.alive, key=self.alive.__getitem__, default="")

    @property
    def peak_activations(self) -> int:
        """The values alive at the worst moment of inference."""
        return max(self.alive.values(), default=0)

    @property
    def inference(self) -> int:
        """Weights and the activations of the worst moment."""
        return self.weights.stored + self.peak_activations

    @property
    def optimiser(self) -> int:
        """Adam's two moments of everything that trains."""
        return OPTIMISER_COPIES * self.weights.trained

    @property
    def training_weights(self) -> int:
        """Weights and running statistics, those of training-only heads included."""
        return self.weights.stored + self.weights.heads

    @property
    def training(self) -> int:
        """Everything a training step holds at once, with Adam."""
        return self._fixed(True) + self.kept_activations + self.gradients_in_flight

    def largest_batch(self, limit: int, training: bool) -> int:
        """The largest batch that fits into `limit` bytes; 0 where not even one example does."""
        held = self.peak_activations
        if training:
            held = self.kept_activations + self.gradients_in_flight
        return max(0, (limit - self._fixed(training)) * self.batch // max(held, 1))

    def _fixed(self, training: bool) -> int:
        """What doesn't grow with the batch."""
        if not training:
            return self.weights.stored
        gradients = self.weights.trained
        return self.training_weights + gradients + self.optimiser


def memory(network: Network, weights: Weights, batch: int) -> Memory | None:
    """Peak memory of a network; None where a size isn't fixed."""
    sizes: dict[str, int] = {}
    for name, shape in network.shapes.items():
        space = [size for size in shape.space if isinstance(size, int)]
        if len(space) < shape.rank:
            return None
        sizes[name] = FLOAT_BYTES * shape.channels * prod(space)
    alive = {name: batch * count for name, count in _alive(network, sizes).items()}
    kept = _kept(network, sizes)
    flight = max(
        (sizes[s.name] + max(sizes[i] for i in s.inputs) for s in network.steps), default=0
    )
    return Memory(batch, weights, alive, kept * batch, flight * batch)


def read(step: Step) -> tuple[str, ...]:
    """The values whose numbers a step reads: of an unpooling's pool the switches, not the maxima;
    of a crop's target nothing but the size.
    """
    if step.layer.word == "unpool":
        return step.inputs[0], switches(step.inputs[1])
    return step.inputs[: step.layer.reads]


def switches(pool: str) -> str:
    """What the places of a pool's maxima are called beside the values."""
    return f"{pool}/switches"


class _Buffers:
    """Which values lie in the same buffer, how large it is, and when it is read last."""

    def __init__(self, network: Network, sizes: Sizes, steps: tuple[Step, ...]):
        self.network, self.sizes = network, sizes
        self.last = {name: number for number, step in enumerate(steps) for name in read(step)}
        self.last.update(dict.fromkeys(network.outputs, len(steps)))
        self.of: dict[str, str] = {}
        self.size: dict[str, int] = {}
        self.death: dict[str, int] = {}
        for entry in network.inputs:
            self._new(entry.name, 0, sizes[entry.name])

    def _new(self, name: str, number: int, size: int) -> None:
        self.of[name] = name
        self.size[name] = size
        self.death[name] = self.last.get(name, number)

    def place(self, step: Step, number: int) -> bool:
        """Give a step's value a buffer at inference; True where a new one is needed."""
        if step.layer.is_identity:
            return self._share(step, number)
        return self.overwrite(step, number, set())

    def overwrite(self, step: Step, number: int, kept: set[str]) -> bool:
        """Give a step's value its input's buffer where that is free and not to be kept, else a new
        one; True where a new one is needed.
        """
        source = self.of[step.inputs[0]]
        free = self.death[source] == number and source not in kept
        fits = self.size[source] == self.sizes[step.name]
        if step.layer.in_place and free and fits and not self._has_parameters(step):
            return self._share(step, number)
        self._new(step.name, number, self.sizes[step.name])
        return True

    def place_switches(self, step: Step, number: int) -> int:
        """Bytes of a pool's switches, where an unpooling reads them."""
        name = switches(step.name)
        if name not in self.last:
            return 0
        self._new(name, number, INDEX_BYTES * (self.sizes[step.name] // FLOAT_BYTES))
        return self.size[name]

    def _share(self, step: Step, number: int) -> bool:
        source = self.of[step.name] = self.of[step.inputs[0]]
        self.death[source] = max(self.death[source], self.last.get(step.name, number))
        return False

    def _has_parameters(self, step: Step) -> bool:
        """Frameworks compute layers with parameters, such as batch norm, into a new value."""
        return bool(step.layer.parameters(*self.network.input_shapes(step)))


def _alive(network: Network, sizes: Sizes) -> dict[str, int]:
    """Bytes of the values held for one example while each step of inference runs."""
    steps = network.without_heads()
    buffers = _Buffers(network, sizes, steps)
    held = sum(buffers.size.values())
    alive: dict[str, int] = {}
    for number, step in enumerate(steps):
        if buffers.place(step, number):
            held += buffers.size[step.name]
        held += buffers.place_switches(step, number)
        alive[step.name] = held
        touched = {buffers.of[name] for name in (*read(step), step.name)}
        held -= sum(buffers.size[b] for b in touched if buffers.death[b] <= number)
    return alive


def _kept(network: Network, sizes: Sizes) -> int:
    """Bytes for one example that the backward pass reads again, every buffer once."""
    buffers = _Buffers(network, sizes, network.steps)
    kept: set[str] = set()
    extra = 0
    for number, step in enumerate(network.steps):
        keeps = step.layer.keeps
        if "input" in keeps:
            kept.update(buffers.of[name] for name in step.inputs)
        buffers.overwrite(step, number, kept)
        if "output" in keeps:
            kept.add(buffers.of[step.name])
        values = sizes[step.name] // FLOAT_BYTES
        extra += INDEX_BYTES * values * ("indices" in keeps)
        extra += MASK_BYTES * values * ("mask" in keeps)
    return extra + sum(buffers.size[b] for b in kept)
