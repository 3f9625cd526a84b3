"""What names can stand for: numbers, layers, sizes, values of the net, blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from cnndsl.layers import LAYERS
from cnndsl.layers.merge import Merge
from cnndsl.shape import Shape
from cnndsl.source import Span
from cnndsl.syntax import tree

MERGES = tuple(word for word, kind in LAYERS.items() if issubclass(kind, Merge))
FORMS = ("residual", *MERGES, "head", "reuse", "skip")
"""Words that look like layers, and are built into the language."""


@dataclass(frozen=True, slots=True)
class LayerWord:
    """A layer or block passed by its name, with numbers perhaps: `act=hswish`, `act=(leaky 0.1)`.

    The numbers don't count where two are compared.
    """

    name: str
    numbers: tuple[int | float, ...] = field(default=(), compare=False)

    @property
    def text(self) -> str:
        """As a spec says it."""
        return " ".join([self.name, *(f"{n:.15g}" for n in self.numbers)])

    def arguments(self, span: Span) -> tuple[tree.Argument, ...]:
        """The numbers as arguments, at a place of the text."""
        numbers = (tree.Number(value=n, span=span) for n in self.numbers)
        return tuple(tree.Value(expression=number, span=span) for number in numbers)


@dataclass(frozen=True, slots=True)
class Size:
    """A window passed as an argument: `3x3`."""

    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Value:
    """A value of the net: its name, and its shape, or None after an error that was reported."""

    name: str
    shape: Shape | None


Meaning = int | float | LayerWord | Size | Value

UNKNOWN = Value("?", None)
"""What a reported error left open: everything that depends on it stays silent."""


class UnknownError(Exception):
    """Something depends on what an earlier, reported error left open; it stays silent."""


@dataclass(frozen=True, slots=True, eq=False)
class Definition:
    """A `def` with the file whose names its body sees; `broken` after an error in its head."""

    node: tree.Def
    file: FileScope
    broken: bool = False


@dataclass(slots=True)
class FileScope:
    """The names a file's `def`s see: its own, those it uses, and the prelude's.

    `below` are the heads of the `def`s that are still to come; `incomplete` says that a file it
    uses couldn't be read, so that any block may be missing.
    """

    variables: dict[str, Meaning] = field(default_factory=dict[str, Meaning])
    definitions: dict[str, Definition] = field(default_factory=dict[str, Definition])
    parent: Callable[[], FileScope] | None = None  # the prelude: read only when it is needed
    below: dict[str, Span] = field(default_factory=dict[str, Span])
    incomplete: bool = False

    def definition(self, name: str) -> Definition | None:
        """The block of that name; the file's own come before the prelude's."""
        found = self.definitions.get(name)
        return found or (self.parent().definition(name) if self.parent else None)

    def definition_names(self) -> Iterator[str]:
        """Every block that can be called."""
        yield from self.definitions
        if self.parent:
            yield from self.parent().definition_names()
