"""Reading the arguments of one op: what each says, and what is wrong with it."""

from __future__ import annotations

from dataclasses import replace

from cnndsl.elaborate.context import LayerWord, Meaning, Size, Unknown, Value, quote
from cnndsl.elaborate.keys import KeyReader
from cnndsl.elaborate.synonyms import suggestion
from cnndsl.layers.arguments import Argument
from cnndsl.layers.base import LAYERS
from cnndsl.source import Span
from cnndsl.syntax import tree


class ArgumentReader(KeyReader):
    """Reads the arguments of one operation; every mistake is reported, the first per argument."""

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
        self.build.work(self.context, argument.span)
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
                opening = len(span.text) - len(span.text.lstrip("( "))
                span = replace(span, start=span.start + opening)
                arguments = meaning.arguments(span)
                operation = tree.Operation(name=meaning.name, arguments=arguments, span=span)
                self.bound.trailing.append(operation)
            case Size():
                self._positional("size", meaning.values, span)
            case Value():
                self.bound.references.append(meaning)
                self.bound.reference_spans.append(span)
            case int() | float():
                self._number(meaning, span)

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
        if self.build.forgotten.covers(span.text):  # a label that can't be called so
            raise Unknown
        message = f"{self.name} has no option `{letters}`"
        raise self.fail(span, "unknown-option", message, self.usage())

    def _number(self, value: int | float, span: Span) -> None:
        numbers = [f for f, a in self.fields.items() if a.positional == "number"]
        for name, argument in self.fields.items():
            if argument.positional == "numbers":
                self.bound.values.setdefault(name, []).append(value)
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

    def _free_word(self, name: str, span: Span) -> None:
        for field_name, spec in self.fields.items():
            if spec.positional == "word":
                return self._set(field_name, name, span)
        if name == "C":
            raise self.evaluate.no_channels(span)
        if self.build.forgotten.covers(name) or self.build.has_error("unknown-word", span):
            raise Unknown
        words = [w for a in self.fields.values() for w in a.words]
        variables = (*self.context.variables, *self.context.file.variables)
        blocks = self.context.file.definition_names()
        candidates = (*words, *LAYERS, *blocks, *variables, *self.build.labels)
        help = self._split_size(name) or suggestion(name, candidates, self.usage())
        message = f"`{name}` is no option of {self.name}, and no layer, variable or label"
        if self.kind is not None and self.kind.references[1] != 0:
            message = f"`{name}` is no value above, and no layer"
            help = self.build.suggest(name) or help
        raise self.fail(span, "unknown-word", message, help)

    def _split_size(self, name: str) -> str:
        """`conv 3 x3`: the rest of a size torn by a blank."""
        if name[:1] == "x" and name[1:].isdigit():
            return f"a size is written without blanks: `{name[1:]}x{name[1:]}`"
        return ""
