"""Network → the forward pass of training: the batch is fixed, parameters and noise are inputs.

Nodes of the domain `cnndsl` (composites) may be among the nodes; `cnndsl.autodiff` gives them their
gradients and puts standard operators in their place.

A step with parameters runs in its training form where one of them is trained, and as at inference
where all are frozen: a frozen batch norm uses its running statistics and leaves them alone. A step
without parameters (dropout) runs as at inference where all that lies before it is frozen, so that
what no training changes gives the same values in every epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import onnx_ir as ir

from cnndsl.diagnostics import UsageError
from cnndsl.graphs.writer import FLOAT, OPSET
from cnndsl.layers.base import Parameter, ShapeError
from cnndsl.lower.builder import GraphBuilder, written
from cnndsl.network import Network, Step

DOMAIN = "cnndsl"
"""The operator domain of composites."""

NoiseKind = Literal["uniform", "normal"]


@dataclass(frozen=True, slots=True)
class Noise:
    """Random numbers that every training step takes anew: uniform on [0, 1) or standard normal."""

    kind: NoiseKind
    shape: tuple[int, ...]


@dataclass(slots=True)
class Forward:
    """The forward pass of training under construction.

    `parameters` has every parameter's graph input by its full name, `declared` what each of them
    is; `trained` names those that are to be trained; `statistics` has the new running averages,
    `noises` the random inputs; `values` finds a value by its name in the spec.
    """

    batch: int
    inputs: list[ir.Value]
    nodes: list[ir.Node] = field(default_factory=list[ir.Node])
    constants: dict[str, ir.Value] = field(default_factory=dict[str, ir.Value])
    parameters: dict[str, ir.Value] = field(default_factory=dict[str, ir.Value])
    declared: dict[str, Parameter] = field(default_factory=dict[str, Parameter])
    trained: list[str] = field(default_factory=list[str])
    statistics: dict[str, ir.Value] = field(default_factory=dict[str, ir.Value])
    noises: dict[str, Noise] = field(default_factory=dict[str, Noise])
    noise_inputs: list[ir.Value] = field(default_factory=list[ir.Value])
    values: dict[str, ir.Value] = field(default_factory=dict[str, ir.Value])
    opset: int = OPSET


def lower_training(network: Network, batch: int, trainable: Callable[[str], bool]) -> Forward:
    """The forward pass of a network of fixed sizes, heads included.

    `trainable` is asked about every parameter by its full name. Raises UsageError where a size is
    symbolic, or a layer can't train on this batch.
    """
    for entry in network.inputs:
        if not entry.shape.is_concrete:
            raise UsageError(
                f"training needs fixed sizes, but the input `{entry.name}` is {entry.shape}"
            )
    builder = TrainingGraphBuilder(network, batch, trainable)
    inputs = [builder.input(i.name, i.shape) for i in network.inputs]
    for step in network.steps:
        builder.lower(step)
    parameters = {name: builder.initializers.pop(name) for name in builder.parameters}
    return Forward(
        batch=batch,
        inputs=inputs,
        nodes=builder.nodes,
        constants=builder.initializers,
        parameters=parameters,
        declared=builder.parameters,
        trained=[n for n in parameters if builder.trains(n)],
        statistics=builder.statistics,
        noises=builder.noises,
        noise_inputs=builder.noise_inputs,
        values=builder.values,
    )


Past = Literal["nothing", "frozen", "trained"]
"""The parameters that a value depends on."""


class TrainingGraphBuilder(GraphBuilder):
    """Writes layers in their training forms."""

    def __init__(self, network: Network, batch: int, trainable: Callable[[str], bool]):
        super().__init__(network, batch)
        self.examples = batch
        self._trainable = trainable
        self.statistics: dict[str, ir.Value] = {}
        self.noises: dict[str, Noise] = {}
        self.noise_inputs: list[ir.Value] = []
        self._past: dict[str, Past] = {}

    def trains(self, name: str) -> bool:
        """Whether the parameter of that full name is trained."""
        return self.parameters[name].role != "statistic" and self._trainable(name)

    def lower(self, step: Step) -> None:
        """Add the nodes of one step in its training form; each says where the spec has it."""
        first = len(self.nodes)
        try:
            super().lower(step)
        except ShapeError as e:
            place = step.origin.span.place
            raise UsageError(
                f"`{step.name}` ({place}) can't train: {e.message}; {e.help}"
            ) from None
        for node in self.nodes[first:]:
            node.doc_string = node.doc_string or written(step)

    def write(self, step: Step, inputs: Sequence[ir.Value]) -> ir.Value:
        """The step's value."""
        layer = step.layer
        own = [
            f"{step.owner}.{p.name}"
            for p in layer.parameters(*self.inputs)
            if p.role != "statistic"
        ]
        pasts = {self._past.get(name, "nothing") for name in step.inputs}
        if own:
            trained = any(map(self._trainable, own))
            pasts.add("trained" if trained else "frozen")
        else:
            trained = "trained" in pasts or "frozen" not in pasts
        self._past[step.name] = next(p for p in _STRONGEST_FIRST if p in pasts)
        return layer.train(self, *inputs) if trained else layer.lower(self, *inputs)

    # What layers call

    def composite(
        self, kind: str, outputs: int, *inputs: ir.Value | None, **attributes: Any
    ) -> Sequence[ir.Value]:
        """Add a node of the compiler's own."""
        results = self.ops(kind, outputs, *inputs, **attributes)
        node = results[0].producer()
        assert node is not None
        node.domain = DOMAIN
        return results

    def noise(self, kind: NoiseKind, shape: Sequence[int]) -> ir.Value:
        """A graph input `STEP.noise`."""
        name = f"{self.step.name}.noise"
        self.noises[name] = Noise(kind, tuple(shape))
        value = ir.Value(name=name, shape=ir.Shape(shape), type=FLOAT)
        self.noise_inputs.append(value)
        return value

    def statistic(self, name: str, value: ir.Value, keep: float) -> None:
        """Of steps that share their weights each moves the average on."""
        full = f"{self.step.owner}.{name}"
        old = self.statistics.get(full) or self.parameter(name)
        kept = self.op("Mul", old, self.constant("keep", keep))
        share = self.op("Mul", value, self.constant("share", 1 - keep))
        self.statistics[full] = self.op("Add", kept, share)
        self.statistics[full].shape, self.statistics[full].type = old.shape, FLOAT


_STRONGEST_FIRST: tuple[Past, ...] = ("trained", "frozen", "nothing")
