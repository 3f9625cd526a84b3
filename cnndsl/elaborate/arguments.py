"""Reading the arguments of one op: what each says, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cnndsl.elaborate.construction import Construction
from cnndsl.elaborate.context import (
    Context,
    LayerWord,
    Meaning,
    Size,
    Unknown,
    Value,
    quote,
)
from cnndsl.elaborate.expressions import Evaluator
from cnndsl.elaborate.synonyms import suggestion
from cnndsl.layers.arguments import Argument
from cnndsl.layers.base import LAYERS, Layer
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
    start = operation.span.start
    word = operation.span.text.split(maxsplit=1)[0]
    return Span(operation.span.source, start, start + len(word))


class ArgumentReader:
    """Reads the arguments of one operation; every mistake is reported, the first per argument.

    `fields` are the arguments that a layer declares, by their names; a block or a form has none.
    """

    def __init__(self, build: Construction, context: Context, operation: tree.Operation):
        self.build, self.context, self.operation = build, context, operation
        self.evaluate = Evaluator(build, context)
        self.bound = Bound(places={"": head_span(operation)})
        self.failed = False
        self.fields: Mapping[str, Argument] = {}
        self.kind: type[Layer] | None = None

    @property
    def name(self) -> str:
        """The op as messages show it."""
        return quote(self.bound.places[""])

    def usage(self) -> str:
        """An example of the layer."""
        if self.kind is None or not self.kind.examples:
            return ""
        shown = self.kind.examples[0].text
        return f"for example `{shown}`; `cnndsl explain {self.kind.word}` lists its arguments"

    def fail(self, span: Span, code: str, message: str, help: str = "") -> Unknown:
        """Report an error; returns what to raise."""
        self.build.error(self.context, span, code, message, help)
        return Unknown()

    def read(self) -> bool:
        """Read all arguments; False where one of them was wrong."""
        wrong_word = False  # `stride 2`: the number after it is no mistake of its own
        for argument in self.operation.arguments:
            if wrong_word and isinstance(argument, tree.Value):
                continue
            wrong_word = False
            try:
                self.argument(argument)
            except Unknown:
                self.failed = True
                wrong_word = isinstance(argument, tree.Word)
        return not self.failed

    def argument(self, argument: tree.Argument) -> None:
        """Read one argument; raises Unknown after a reported error."""
        match argument:
            case tree.Size():
                self._positional("size", self.size(argument), argument.span)
            case tree.ShapeLiteral():
                self._positional("shape", self._shape(argument), argument.span)
            case tree.Option():
                value = argument.values[0] if len(argument.values) == 1 else argument.values
                self._option(argument.letters, value, argument.span)
            case tree.Value():
                self._meant(self.evaluate.meaning(argument.expression), argument.span)
            case tree.Keyed():
                self._keyed(argument)
            case tree.Word():
                self.word(argument)

    def size(self, size: tree.Size) -> tuple[int, ...]:
        """`3x{k}` as numbers."""
        return tuple(
            v if isinstance(v, int) else self.evaluate.integer(v, "a size") for v in size.values
        )

    def word(self, argument: tree.Word) -> None:
        """An option's word, a variable, a trailing layer, or the label of a value."""
        name = self.evaluate.text(argument.name)
        for field_name, spec in self.fields.items():
            if name in spec.words:
                return self._set(field_name, spec.words[name], argument.span)
        meaning = self.evaluate.known(name)
        if meaning is None:
            return self._free_word(name, argument.span)
        return self._meant(meaning, argument.span)

    def _meant(self, meaning: Meaning, span: Span) -> None:
        """What a bare word or a computed value stands for."""
        match meaning:
            case LayerWord():
                operation = tree.Operation(name=meaning.name, span=span)
                self.bound.trailing.append(operation)
            case Size():
                self._positional("size", meaning.values, span)
            case Value():
                self.bound.references.append(meaning)
                self.bound.reference_spans.append(span)
            case int() | float():
                self._number(meaning, span)

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

    def _positional(self, positional: str, value: object, span: Span) -> None:
        for name, argument in self.fields.items():
            if argument.positional == positional:
                return self._set(name, value, span)
        message = f"{self.name} takes no {positional}, so {quote(span)} is one too many"
        raise self.fail(span, "unexpected-argument", message, self._own_number(span))

    def _option(self, letters: str, value: object, span: Span) -> None:
        for name, argument in self.fields.items():
            if argument.letters == letters:
                return self._set(name, value, span)
        message = f"{self.name} has no option `{letters}`"
        raise self.fail(span, "unknown-option", message, self.usage())

    def _number(self, value: int | float, span: Span) -> None:
        numbers = [f for f, a in self.fields.items() if a.positional == "number"]
        for name, argument in self.fields.items():
            if argument.positional == "numbers":
                self.bound.values[name] = (*self.bound.values.get(name, ()), value)
                self.bound.places.setdefault(name, span)
                return
        for name in numbers:
            if name not in self.bound.values:
                return self._set(name, value, span)
        taken = f"only {len(numbers)} number{'s' * (len(numbers) > 1)}" if numbers else "no number"
        message = f"{self.name} takes {taken}, so {quote(span)} is one too many"
        help = self._own_number(span)
        sized = any(a.positional == "size" and n not in self.bound.values for n, a in self._items())
        if sized and not self.bound.trailing:
            size = self.bound.values[numbers[0]] if numbers else value
            help = f"a size is written `{size}x{size}`, or `k{size}` for every axis"
        raise self.fail(span, "unexpected-argument", message, help)

    def _items(self) -> list[tuple[str, Argument]]:
        return list(self.fields.items())

    def _own_number(self, span: Span) -> str:
        """Advice on a number behind a trailing word; else an example."""
        before = [o for o in self.bound.trailing if o.span.start < span.start]
        if not before:
            return self.usage()
        name = before[-1].name
        return f"an argument of `{name}` is written behind an arrow: `-> {name} {span.text[:20]}`"

    def _keyed(self, argument: tree.Keyed) -> None:
        if self.kind is not None and argument.key in self.kind.refused:
            message = f"`{argument.key}=` isn't used here"
            help = self.kind.refused[argument.key]
            raise self.fail(argument.span, "refused-argument", message, help)
        if self.kind is not None and argument.key == self.kind.reference_key:
            self.bound.references.append(self._reference(argument))
            self.bound.reference_spans.append(argument.span)
            return
        for name, spec in self.fields.items():
            if name and argument.key in (name, spec.letters):
                return self._set(name, self._keyed_value(argument, spec), argument.span)
        keys = [k for n, a in self.fields.items() for k in (n, a.letters) if k]
        message = f"{self.name} has no `{argument.key}=`"
        help = suggestion(argument.key, keys, self.usage())
        raise self.fail(argument.span, "unknown-argument", message, help)

    def _keyed_value(self, argument: tree.Keyed, spec: Argument) -> object:
        match argument.value:
            case tree.Size():
                return self.size(argument.value)
            case tree.ShapeLiteral():
                return self._shape(argument.value)
            case tree.TupleValue():
                return tuple(self.evaluate.number(item) for item in argument.value.items)
            case tree.Name(id=word) if word in spec.words or spec.positional == "word":
                return spec.words.get(word, word)
            case _ if spec.words and not spec.letters:
                words = " or ".join(f"`{word}`" for word in spec.words)
                message = f"`{argument.key}` of {self.name} is said by a word"
                raise self.fail(argument.span, "not-a-number", message, f"write {words}")
            case expression:
                meaning = self.evaluate.meaning(expression)
        if isinstance(meaning, Size):
            return meaning.values
        if isinstance(meaning, int | float):
            return meaning
        message = f"`{argument.key}=` takes a number, not {quote(argument.value.span)}"
        raise self.fail(argument.span, "not-a-number", message, self.usage())

    def _reference(self, argument: tree.Keyed) -> Value:
        value = argument.value
        if isinstance(value, tree.Name | tree.Template):
            name = self.evaluate.text(value)
            found = self.evaluate.known(name)
            if isinstance(found, Value):
                return found
            if found is None:
                return self.build.resolve(self.context, name, value.span)
        message = f"`{argument.key}=` takes the label of a value above, not {quote(value.span)}"
        help = f"put a label before a line, `x: …`, and write `{argument.key}=x` here"
        raise self.fail(argument.span, "not-a-value", message, help)

    def _free_word(self, name: str, span: Span) -> None:
        for field_name, spec in self.fields.items():
            if spec.positional == "word":
                return self._set(field_name, name, span)
        if name == "C":
            raise self.evaluate.no_channels(span)
        if self.build.forgotten.covers(name):
            raise Unknown
        words = [w for a in self.fields.values() for w in a.words]
        variables = (*self.context.variables, *self.context.file.variables)
        blocks = self.context.file.definition_names()
        candidates = (*words, *LAYERS, *blocks, *variables, *self.build.labels)
        what = "no option of {}, and no layer, variable or label"
        if self.kind is not None and self.kind.references[1] != 0:
            what = "no value above, and no layer"
        help = self._split_size(name) or suggestion(name, candidates, self.usage())
        message = f"`{name}` is {what.format(self.name)}"
        raise self.fail(span, "unknown-word", message, help)

    def _split_size(self, name: str) -> str:
        """`conv 3 x3`: the rest of a size torn by a blank."""
        if name[:1] == "x" and name[1:].isdigit():
            return f"a size is written without blanks: `{name[1:]}x{name[1:]}`"
        return ""

    def _set(self, name: str, value: object, span: Span) -> None:
        if name in self.bound.values:
            first = quote(self.bound.places[name])
            said = f"{quote(span)} says again what {first} said"
            message = said if first != quote(span) else f"{first} is given twice"
            raise self.fail(span, "given-twice", message, "leave one of them out")
        self.bound.values[name] = value
        self.bound.places[name] = span
