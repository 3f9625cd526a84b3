"""Peak memory by liveness: a value is held from the step that makes it to the last that reads it.

Inference holds the weights and the values alive at the worst moment. Elementwise layers overwrite
their input where nobody else reads it. Training holds weights, gradients, optimiser state and all
values that the backward pass reads again (each once), beside the gradients in flight: at the worst
moment of the backward pass, two neighbouring gradients.
"""

from __future__ import annotations

from dataclasses import dataclass

from cnndsl.network import Network, Step
from cnndsl.shape import Shape

FLOAT_BYTES = 4
INDEX_BYTES = 8
MASK_BYTES = 1
OPTIMISER_COPIES = 2  # Adam: first and second moments


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes at one batch size; `weights` are those of inference, running statistics included.

    `training` is weights, gradients and Adam's two moments of all that trains, kept activations,
    and the largest pair of gradients in flight.
    """

    batch: int
    weights: int
    peak_activations: int
    peak_step: str
    kept_activations: int
    gradients_in_flight: int
    trained: int

    @property
    def inference(self) -> int:
        """Weights and the activations of the worst moment."""
        return self.weights + self.peak_activations

    @property
    def training(self) -> int:
        """Everything a training step holds at once, with Adam."""
        fixed = self.weights + self.trained * (1 + OPTIMISER_COPIES)
        return fixed + self.kept_activations + self.gradients_in_flight

    def largest_batch(self, limit: int, training: bool) -> int:
        """The largest batch that fits into `limit` bytes; 0 where not even one example does."""
        if training:
            fixed = self.weights + self.trained * (1 + OPTIMISER_COPIES)
            each = (self.kept_activations + self.gradients_in_flight) // self.batch
        else:
            fixed, each = self.weights, self.peak_activations // self.batch
        return max(0, (limit - fixed) // max(each, 1))


def memory(network: Network, weights: int, trained: int, batch: int) -> Memory | None:
    """Peak memory of a network; None where a size isn't fixed."""
    if not all(shape.is_concrete for shape in network.shapes.values()):
        return None
    peak, at = _inference_peak(network)
    kept = _kept(network)
    flight = max((_bytes(s.output) + _input_bytes(network, s) for s in network.steps), default=0)
    return Memory(batch, weights, peak * batch, at, kept * batch, flight * batch, trained)


def _bytes(shape: Shape) -> int:
    return FLOAT_BYTES * shape.elements


def _input_bytes(network: Network, step: Step) -> int:
    return max((_bytes(x) for x in network.input_shapes(step)), default=0)


class _Buffers:
    """Which values lie in the same buffer, how large it is, and when it is read last."""

    def __init__(self, network: Network, steps: tuple[Step, ...]):
        self.last = {name: number for number, step in enumerate(steps) for name in step.inputs}
        self.last.update(dict.fromkeys(network.outputs, len(steps)))
        self.of: dict[str, str] = {}
        self.size: dict[str, int] = {}
        self.death: dict[str, int] = {}
        for entry in network.inputs:
            self._new(entry.name, entry.shape, 0)

    def _new(self, name: str, shape: Shape, number: int) -> None:
        self.of[name] = name
        self.size[name] = _bytes(shape)
        self.death[name] = self.last.get(name, number)

    def place(self, step: Step, number: int, kept: set[str]) -> bool:
        """Give a step's value a buffer; True where a new one is needed."""
        source = self.of[step.inputs[0]]
        free = self.death[source] == number and source not in kept
        fits = self.size[source] == _bytes(step.output)
        if step.layer.is_identity or (step.layer.in_place and free and fits):
            self.of[step.name] = source
            self.death[source] = max(self.death[source], self.last.get(step.name, number))
            return False
        self._new(step.name, step.output, number)
        return True


def _inference_peak(network: Network) -> tuple[int, str]:
    """The most bytes alive at once for one example, and the step at which they are."""
    steps = network.without_heads()
    buffers = _Buffers(network, steps)
    alive = sum(buffers.size.values())
    peak, at = alive, "input"
    for number, step in enumerate(steps):
        if buffers.place(step, number, set()):
            alive += buffers.size[step.name]
        if alive > peak:
            peak, at = alive, step.name
        touched = {buffers.of[name] for name in (*step.inputs, step.name)}
        alive -= sum(buffers.size[b] for b in touched if buffers.death[b] <= number)
    return peak, at


def _kept(network: Network) -> int:
    """Bytes for one example that the backward pass reads again, every buffer once."""
    buffers = _Buffers(network, network.steps)
    kept: set[str] = set()
    extra = 0
    for number, step in enumerate(network.steps):
        keeps = step.layer.keeps
        if "input" in keeps:
            kept.update(buffers.of[name] for name in step.inputs)
        buffers.place(step, number, kept)
        if "output" in keeps:
            kept.add(buffers.of[step.name])
        extra += INDEX_BYTES * step.output.elements * ("indices" in keeps)
        extra += MASK_BYTES * step.output.elements * ("mask" in keeps)
    return extra + sum(buffers.size[b] for b in kept)
