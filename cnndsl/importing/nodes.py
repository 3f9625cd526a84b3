"""A node of the model as the operators' readers see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, cast

import numpy as np

from cnndsl.diagnostics import UsageError
from cnndsl.importing.draft import Array
from cnndsl.importing.views import View


class MixedExamplesError(UsageError):
    """The examples of a batch depend on each other, which they never do in a net."""


Tensor = View | Array
"""What a name of the model stands for: a view of a value of the net, or a constant."""


def shortest(number: float | np.floating[Any]) -> float:
    """The shortest decimal that is the same in float32: 1e-05 and not 9.999999747378752e-06."""
    return float(np.format_float_scientific(np.float32(number)))


@dataclass(frozen=True, slots=True)
class Node:
    """An operator with its inputs, known by now, and its attributes.

    `outputs` counts those that are named; `opset` is the version of the operators' meaning.
    """

    kind: str
    name: str
    inputs: Sequence[Tensor | None]
    attributes: Mapping[str, Any]
    outputs: tuple[str, ...]
    opset: int

    def refuse(self, why: str) -> NoReturn:
        """Raise UsageError with the node's name and what is wrong with it."""
        raise UsageError(f"the model's {self.kind} `{self.name}` {why}")

    def has(self, index: int) -> bool:
        """Whether there is an input of that number."""
        return index < len(self.inputs) and self.inputs[index] is not None

    def tensor(self, index: int) -> Tensor:
        """The input of that number, of either kind."""
        found = self.inputs[index] if index < len(self.inputs) else None
        if found is None:
            self.refuse(f"lacks its input number {index + 1}: the model is damaged")
        return found

    def view(self, index: int = 0) -> View:
        """The input of that number, which must be a value of the net."""
        found = self.tensor(index)
        if not isinstance(found, View):
            self.refuse("has a constant where a layer takes the values that flow through the net")
        return found

    def array(self, index: int) -> Array:
        """The input of that number, which must be a constant."""
        found = self.tensor(index)
        if isinstance(found, View):
            self.refuse(
                "computes its weights or sizes from the net's input; a layer has them fixed"
            )
        return found

    def floats(self, index: int) -> Array:
        """As `array`, in float32."""
        return self.array(index).astype(np.float32, copy=False)

    def optional(self, index: int) -> Array | None:
        """As `array`; None where there is no such input."""
        return self.array(index) if self.has(index) else None

    def integer(self, name: str, default: int = 0) -> int:
        """An attribute."""
        value = self.attributes.get(name, default)
        if not isinstance(value, int):
            self.refuse(f"has `{name}` in a form that it can't have")
        return value

    def number(self, name: str, default: float) -> float:
        """An attribute."""
        value = self.attributes.get(name, default)
        if not isinstance(value, int | float):
            self.refuse(f"has `{name}` in a form that it can't have")
        return shortest(value)

    def integers(self, name: str) -> tuple[int, ...] | None:
        """An attribute; None where it is left out."""
        value = self.attributes.get(name)
        if value is None:
            return None
        if not isinstance(value, Sequence) or not all(
            isinstance(n, int) for n in cast("Sequence[object]", value)
        ):
            self.refuse(f"has `{name}` in a form that it can't have")
        return tuple(cast("Sequence[int]", value))

    def text(self, name: str, default: str) -> str:
        """An attribute."""
        value = self.attributes.get(name, default)
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

    def sizes(self, index: int, attribute: str) -> tuple[int, ...] | None:
        """Whole numbers that older versions have as an attribute, newer ones as an input."""
        if attribute in self.attributes:
            return self.integers(attribute)
        array = self.optional(index)
        if array is None:
            return None
        if array.ndim > 1 or array.size > 64:
            self.refuse(f"has its `{attribute}` in a form that it can't have")
        return tuple(int(n) for n in array.reshape(-1))

    def axis(self, name: str = "axis", default: int = 0, rank: int | None = None) -> int:
        """An attribute that counts axes, from 0."""
        return self.from_front(self.integer(name, default), rank)

    def from_front(self, axis: int, rank: int | None = None) -> int:
        """An axis counted from the front."""
        rank = len(self.view(0).dims) if rank is None else rank
        if not -rank <= axis < max(rank, 1):
            self.refuse(f"works on axis {axis} of a tensor that has {rank}")
        return axis % rank if rank else 0
