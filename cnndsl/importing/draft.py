"""The net as it is read from a model: layers in the order of the file, without a text yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnndsl.layers.base import Layer
from cnndsl.shape import Shape

Float = NDArray[np.float32]
Array = NDArray[Any]


@dataclass(eq=False, slots=True)
class Source:
    """An input of the net; its shape leaves the batch out, and `last` says whether the model has
    its channels last.
    """

    name: str
    output: Shape
    last: bool = False


@dataclass(eq=False, slots=True)
class Step:
    """A layer at its place, with the values of its parameters and the file's name for it.

    `roots` name the file's constants that the values come from; `shares` is an earlier step whose
    weights these are.
    """

    layer: Layer
    inputs: list[Value]
    output: Shape
    values: dict[str, Float] = field(default_factory=dict[str, Float])
    hint: str = ""
    roots: frozenset[str] = frozenset()
    shares: Step | None = None

    @property
    def word(self) -> str:
        """The layer's word."""
        return self.layer.word

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shapes of its inputs."""
        return tuple(value.output for value in self.inputs)


Value = Source | Step


@dataclass(slots=True)
class Draft:
    """A whole net: inputs, steps in an order that can be run, outputs by the file's names.

    `last` names the outputs whose channels the model has last; `swaps` counts where axes had to
    change places.
    """

    name: str
    inputs: list[Source] = field(default_factory=list[Source])
    steps: list[Step] = field(default_factory=list[Step])
    outputs: list[tuple[str, Value]] = field(default_factory=list[tuple[str, Value]])
    last: set[str] = field(default_factory=set[str])
    swaps: int = 0
    notes: list[str] = field(default_factory=list[str])

    def users(self) -> dict[Value, list[Step]]:
        """The steps that take each value, in their order, once each."""
        users: dict[Value, list[Step]] = {value: [] for value in (*self.inputs, *self.steps)}
        for step in self.steps:
            for value in dict.fromkeys(step.inputs):
                users[value].append(step)
        return users

    def ends(self) -> set[Value]:
        """The values that are outputs."""
        return {value for _, value in self.outputs}

    def replace(self, others: Mapping[Value, Value]) -> None:
        """Let every user of these values take others."""

        def last(value: Value) -> Value:
            while value in others:
                value = others[value]
            return value

        for step in self.steps:
            step.inputs = [last(value) for value in step.inputs]
        self.outputs = [(name, last(value)) for name, value in self.outputs]

    def tidy(self) -> None:
        """Leave out what no output needs, and bring the steps into an order that can be run."""
        needed: set[Value] = set()
        todo: list[Value] = [value for _, value in self.outputs]
        while todo:
            value = todo.pop()
            if value not in needed:
                needed.add(value)
                todo.extend(value.inputs if isinstance(value, Step) else ())
        waiting = [step for step in self.steps if step in needed]
        self.steps = list(_in_order(waiting, set(self.inputs)))


def _in_order(steps: Iterable[Step], known: set[Value]) -> Iterator[Step]:
    """Each step after its inputs, otherwise as they come."""
    for first in steps:
        stack = [first]
        while stack:
            step = stack[-1]
            missing = [v for v in step.inputs if v not in known]
            if missing:
                stack.extend(v for v in reversed(missing) if isinstance(v, Step))
                continue
            stack.pop()
            if step not in known:
                known.add(step)
                yield step
