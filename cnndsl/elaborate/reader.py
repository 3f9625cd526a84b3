"""What reading one op's arguments needs: where they go, and how mistakes are reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cnndsl.elaborate.construction import Construction
from cnndsl.elaborate.context import Context, Unknown, Value, quote
from cnndsl.elaborate.expressions import Evaluator
from cnndsl.layers.arguments import Argument
from cnndsl.layers.base import Layer
from cnndsl.source import Span
from cnndsl.syntax import tree


@dataclass(slots=True)
class Bound:
    """What a line's arguments say: field values with their places ("" is the op's own), labels of
    values with theirs, trailing words.
    """

    values: dict[str, Any] = field(default_factory=dict[str, Any])
    places: dict[str, Span] = field(default_factory=dict[str, Span])
    references: list[Value] = field(default_factory=list[Value])
    reference_spans: list[Span] = field(default_factory=list[Span])
    trailing: list[tree.Operation] = field(default_factory=list[tree.Operation])


def head_span(operation: tree.Operation) -> Span:
    """The op's own word, as it was written."""
    span, length = operation.span, len(operation.name)
    if not span.source.text.startswith(operation.name, span.start):  # a variable: `act`
        length = len(span.text.split(maxsplit=1)[0])
    return Span(span.source, span.start, span.start + length)


class Reader:
    """The state of reading the arguments of one operation.

    `fields` are the arguments that a layer declares, by their names; a block or a form has none.
    """

    def __init__(self, build: Construction, context: Context, operation: tree.Operation):
        self.build, self.context, self.operation = build, context, operation
        self.evaluate = Evaluator(build, context)
        self.bound = Bound(places={"": head_span(operation)})
        self.failed = False
        self.fields: Mapping[str, Argument] = {}
        self.kind: type[Layer] | None = None
        self.example = ""  # of a block or form

    @property
    def name(self) -> str:
        """The op as messages show it."""
        return quote(self.bound.places[""])

    def usage(self) -> str:
        """An example of the layer."""
        if self.kind is None or not self.kind.examples:
            return self.example
        examples = [example.text for example in self.kind.examples]
        shown = next((text for text in examples if " " in text), examples[0])  # with arguments
        return f"for example `{shown}`; `cnndsl explain {self.kind.word}` lists its arguments"

    def fail(self, span: Span, code: str, message: str, help: str = "") -> Unknown:
        """Report an error; returns what to raise."""
        self.build.error(self.context, span, code, message, help)
        return Unknown()

    def size(self, size: tree.Size) -> tuple[int, ...]:
        """`3x{k}` as numbers."""
        return tuple(
            v if isinstance(v, int) else self.evaluate.integer(v, "a size") for v in size.values
        )

    def _shape(self, literal: tree.ShapeLiteral) -> tuple[int, ...]:
        sizes = literal.space if literal.channels is None else (literal.channels, *literal.space)
        result: list[int] = []
        for size in sizes:
            if isinstance(size, str):
                message = f"`{size}` is symbolic, but this shape must be fixed"
                help = f"write a number, or `{{{size}}}` for the value of a variable"
                raise self.fail(literal.span, "symbolic-argument", message, help)
            result.append(size if isinstance(size, int) else self.evaluate.integer(size, "a size"))
        return tuple(result)

    def _set(self, name: str, value: object, span: Span) -> None:
        if name in self.bound.values:
            first = quote(self.bound.places[name])
            said = f"{quote(span)} says again what {first} said"
            message = said if first != quote(span) else f"{first} is given twice"
            raise self.fail(span, "given-twice", message, "leave one of them out")
        self.bound.values[name] = value
        self.bound.places[name] = span
