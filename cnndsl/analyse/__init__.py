"""Network → analysis: what every layer costs, holds and sees, and what the whole needs.

Conventions, the same everywhere:

- A **parameter** is a trained number; each tensor counts once however often it is used. Running
  statistics of batch norm are stored but not counted.
- **MACs** are the multiply-adds of convolutions and dense layers alone, for one example, as the
  papers and torchvision count them. **FLOPs** count everything by the rules in each layer's
  documentation, 2 for a multiply-add.
- Bytes are for float32. Activations are for one example unless a batch is named.
- What depends on a size that isn't fixed is None, never 0.
- `head … train` parts are listed, but are no part of the totals.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from cnndsl.analyse.memory import FLOAT_BYTES, Memory, Weights, memory
from cnndsl.analyse.receptive import ReceptiveField, receptive_fields
from cnndsl.layers.base import Layer, Parameter
from cnndsl.network import Network, Step
from cnndsl.printing import html_table
from cnndsl.shape import Shape


@dataclass(frozen=True, slots=True)
class Row:
    """One layer's figures; None where they depend on a size that isn't fixed.

    `params` counts trained numbers by role (weights, biases, norm); `statistics` what is stored
    besides. A layer that shares another's weights has none of its own.
    """

    step: Step
    inputs: tuple[Shape, ...]
    weights: int
    biases: int
    norm: int
    statistics: int
    macs: int | None
    flops: int | None
    activation_bytes: int | None
    receptive_field: ReceptiveField | None

    @property
    def name(self) -> str:
        """The step's name."""
        return self.step.name

    @property
    def layer(self) -> Layer:
        """The layer with its arguments."""
        return self.step.layer

    @property
    def output(self) -> Shape:
        """The output shape."""
        return self.step.output

    @property
    def params(self) -> int:
        """All trained numbers."""
        return self.weights + self.biases + self.norm

    @property
    def weight_bytes(self) -> int:
        """What the file and the memory hold for it, running statistics included."""
        return FLOAT_BYTES * (self.params + self.statistics)


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the layers that inference runs; `head_…` over what training adds.

    `activation_bytes` is the sum of all outputs; how much is alive at once is a Memory's matter.
    """

    params: int
    statistics: int
    macs: int | None
    flops: int | None
    activation_bytes: int | None
    head_params: int
    head_statistics: int

    @property
    def weight_bytes(self) -> int:
        """What file and memory hold for the inference graph, running statistics included."""
        return FLOAT_BYTES * (self.params + self.statistics)

    @property
    def weights(self) -> Weights:
        """As memory counts them."""
        return Weights(
            stored=self.weight_bytes,
            heads=FLOAT_BYTES * (self.head_params + self.head_statistics),
            trained=FLOAT_BYTES * (self.params + self.head_params),
        )


@dataclass(frozen=True, slots=True)
class Analysis:
    """Everything a report shows."""

    network: Network
    rows: tuple[Row, ...]
    totals: Totals

    def memory(self, batch: int = 1) -> Memory | None:
        """Peak memory at a batch size; None where sizes aren't fixed."""
        return memory(self.network, self.totals.weights, batch)

    def row(self, name: str) -> Row | None:
        """The row of that name."""
        return next((r for r in self.rows if r.name == name), None)

    def to_pandas(self) -> Any:
        """A pandas DataFrame with a layer a row: names, shapes, and figures of one example.

        Sizes are texts such as `64@56x56`; what isn't known is None. Raises ImportError without
        pandas.
        """
        rows = [dict(zip(_COLUMNS, _cells(row), strict=True)) for row in self.rows]
        return import_module("pandas").DataFrame(rows)

    def __str__(self) -> str:
        macs = "unknown" if self.totals.macs is None else f"{self.totals.macs:,}"
        return f"{self.network}, {self.totals.params:,} parameters, {macs} MACs"

    def _repr_html_(self) -> str:
        """What notebooks show."""
        return html_table(str(self), _COLUMNS, map(_cells, self.rows))


_COLUMNS = (
    "name",
    "layer",
    "output",
    "params",
    "macs",
    "flops",
    "activation_bytes",
    "receptive_field",
)


def _cells(row: Row) -> tuple[str | int | None, ...]:
    field = str(row.receptive_field) if row.receptive_field else None
    sizes = row.params, row.macs, row.flops, row.activation_bytes
    return row.name, row.layer.word, str(row.output), *sizes, field


def analyse(network: Network) -> Analysis:
    """Count parameters, work, memory and receptive fields, layer by layer.

    Takes time linear in the number of layers; raises nothing.
    """
    fields = receptive_fields(network)
    rows = tuple(_row(network, step, fields.get(step.name)) for step in network.steps)
    return Analysis(network, rows, _totals(rows))


def parameters_of(network: Network, step: Step) -> tuple[Parameter, ...]:
    """The tensors a step owns; none where it shares another's."""
    if step.shares is not None:
        return ()
    return step.layer.parameters(*network.input_shapes(step))


def _row(network: Network, step: Step, field: ReceptiveField | None) -> Row:
    inputs = network.input_shapes(step)
    sizes = {"weight": 0, "bias": 0, "norm": 0, "statistic": 0}
    for parameter in parameters_of(network, step):
        sizes[parameter.role] += parameter.size
    concrete = step.output.is_concrete and all(x.is_concrete for x in inputs)
    cost = step.layer.cost(inputs, step.output) if concrete else None
    return Row(
        step=step,
        inputs=inputs,
        weights=sizes["weight"],
        biases=sizes["bias"],
        norm=sizes["norm"],
        statistics=sizes["statistic"],
        macs=cost.macs if cost else None,
        flops=cost.flops if cost else None,
        activation_bytes=FLOAT_BYTES * step.output.elements if concrete else None,
        receptive_field=field,
    )


def _totals(rows: tuple[Row, ...]) -> Totals:
    main = [r for r in rows if r.step.head is None]
    heads = [r for r in rows if r.step.head is not None]
    return Totals(
        params=sum(r.params for r in main),
        statistics=sum(r.statistics for r in main),
        macs=_sum([r.macs for r in main]),
        flops=_sum([r.flops for r in main]),
        activation_bytes=_sum([r.activation_bytes for r in main]),
        head_params=sum(r.params for r in heads),
        head_statistics=sum(r.statistics for r in heads),
    )


def _sum(figures: list[int | None]) -> int | None:
    known = [f for f in figures if f is not None]
    return sum(known) if len(known) == len(figures) else None


__all__ = ["Analysis", "Memory", "ReceptiveField", "Row", "Totals", "analyse", "parameters_of"]
