"""The network: steps in the order they run, every shape known, nothing left to look up.

Blocks, loops, branches and conditions of the language are gone here; what remains is a graph in
single-assignment form. A value is called like the input or the step that makes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

from pydantic import BaseModel, ConfigDict, InstanceOf

from cnndsl.layers.base import Layer
from cnndsl.printing import html_table
from cnndsl.shape import Condition, Shape
from cnndsl.source import Span


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """Where something was written and the calls it came through, innermost first.

    Any two origins are equal: two networks that say the same are the same network.
    """

    span: Span
    frames: tuple[Span, ...] = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Origin)

    def __hash__(self) -> int:
        return 0


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Input(_Frozen):
    """An input of the network; the batch is left out of its shape."""

    name: str
    shape: InstanceOf[Shape]
    origin: InstanceOf[Origin]


class Step(_Frozen):
    """One layer at its place.

    `inputs` are value names. `shares` names the step whose weights it uses instead of its own;
    `head` is the training-only side chain it belongs to.
    """

    name: str
    layer: InstanceOf[Layer]
    inputs: tuple[str, ...]
    output: InstanceOf[Shape]
    origin: InstanceOf[Origin]
    shares: str | None = None
    head: str | None = None

    @property
    def owner(self) -> str:
        """The step that its weights are named after."""
        return self.shares or self.name


class LossTerm(_Frozen):
    """`coefficient · function(values, settings)`."""

    coefficient: float
    function: str
    arguments: tuple[str, ...]
    settings: Mapping[str, int | float] = {}

    @property
    def takes_classes(self) -> bool:
        """Whether it compares class scores with classes that come with the data."""
        return len(self.arguments) == 1


class Network(_Frozen):
    """A whole net, ready to be counted and lowered.

    `settings` are the net's parameters with the values in force; `heads` are the values of the
    training-only side chains; `conditions` is what symbolic sizes must satisfy.
    """

    name: str
    settings: Mapping[str, int | float | str]
    inputs: tuple[Input, ...]
    steps: tuple[Step, ...]
    outputs: tuple[str, ...]
    heads: Mapping[str, str] = {}
    loss: tuple[LossTerm, ...] = ()
    conditions: tuple[Annotated[Condition, InstanceOf], ...] = ()

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """Every value's shape by its name."""
        shapes = {i.name: i.shape for i in self.inputs}
        shapes.update((s.name, s.output) for s in self.steps)
        return shapes

    @cached_property
    def by_name(self) -> dict[str, Step]:
        """Every step by its name."""
        return {s.name: s for s in self.steps}

    def input_shapes(self, step: Step) -> tuple[Shape, ...]:
        """Shapes of a step's inputs."""
        return tuple(self.shapes[name] for name in step.inputs)

    def without_heads(self) -> tuple[Step, ...]:
        """The steps that inference runs."""
        return tuple(s for s in self.steps if s.head is None)

    def __str__(self) -> str:
        taken = ", ".join(str(i.shape) for i in self.inputs)
        made = ", ".join(str(self.shapes[name]) for name in self.outputs)
        layers = len(self.without_heads())
        return f"{self.name}: {taken} → {made}, {layers:,} layer{'s' * (layers != 1)}"

    def _repr_html_(self) -> str:
        """What notebooks show."""
        rows = ((s.name, s.layer.word, ", ".join(s.inputs), str(s.output)) for s in self.steps)
        return html_table(str(self), ("name", "layer", "inputs", "output"), rows)
