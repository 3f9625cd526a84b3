"""What names stand for while a spec is elaborated, and where the elaboration is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from cnndsl.shape import Shape
from cnndsl.source import Span
from cnndsl.syntax import tree

LONGEST_QUOTE = 40


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


def quote(span: Span) -> str:
    """A stretch of the spec, in backticks, as messages show it."""
    text = " ".join(span.text.split())
    return f"`{text}`" if len(text) <= LONGEST_QUOTE else f"`{text[: LONGEST_QUOTE - 1]}…`"


def head_span(operation: tree.Operation) -> Span:
    """The op's own word, as it was written."""
    span, length = operation.span, len(operation.name)
    if not span.source.text.startswith(operation.name, span.start):  # a variable: `act`
        length = len(span.text.split(maxsplit=1)[0])
    return Span(span.source, span.start, span.start + length)


class Unknown(Exception):
    """Something depends on what an earlier, reported error left open; it stays silent."""


@dataclass(frozen=True, slots=True)
class RowFrame(Span):
    """A row of a `for`; `text` shows the loop over this row alone: `for n, k in (64, 2)`."""

    shown: str = ""

    @property
    def text(self) -> str:
        return self.shown


@dataclass(frozen=True, slots=True)
class CallFrame(Span):
    """A call of a block; `said` shows it with what its arguments stand for: `block 64 s=2`."""

    said: str = ""


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


@dataclass(frozen=True, slots=True)
class Context:
    """The place in the spec that is being elaborated.

    `variables` are the call's parameters, lets and loop variables; `entry` is the value at the
    block's entry, whose channels are `C`; `path` the scope of names; `frames` the calls and rows
    that led here, innermost first; `head` the training-only side chain, if in one; `inside` the
    blocks around it; `depth` the number of bodies around it, of blocks and of all else.
    """

    file: FileScope
    variables: dict[str, Meaning]
    entry: Value | None = None
    path: str = ""
    frames: tuple[Span, ...] = ()
    head: str | None = None
    inside: tuple[Definition, ...] = ()
    depth: int = 0

    def lookup(self, name: str) -> Meaning | None:
        """The variable of that name."""
        found = self.variables.get(name)
        return self.file.variables.get(name) if found is None else found

    def within(self, path: str) -> Context:
        """The same place with another scope of names."""
        return replace(self, path=path)

    def full(self, name: str) -> str:
        """A name in this scope as a dotted path."""
        return f"{self.path}.{name}" if self.path else name
