"""Arguments that are given by key: `s=n`, `p=(0,0,1,1)`, `alpha=1e-4`, `to=x`."""

from __future__ import annotations

from cnndsl.diagnostics import did_you_mean
from cnndsl.elaborate.context import LayerWord, Size, Unknown, Value, quote
from cnndsl.elaborate.reader import Reader
from cnndsl.layers.arguments import Argument
from cnndsl.layers.base import LAYERS
from cnndsl.syntax import tree


class KeyReader(Reader):
    """Reads keyed arguments."""

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
        raise self.fail(argument.span, "unknown-argument", message, self._key_help(argument, keys))

    def _key_help(self, argument: tree.Keyed, keys: list[str]) -> str:
        """What to write instead of an unknown key: `activation=relu` is the next layer."""
        match argument.value:
            case tree.Name(id=word) if word in LAYERS:
                return f"write `{word}` without a key: the layer that follows is a word by itself"
            case _:
                return did_you_mean(argument.key, keys, self.usage())

    def _keyed_value(self, argument: tree.Keyed, spec: Argument) -> object:
        match argument.value:
            case tree.Size():
                return self.size(argument.value)
            case tree.ShapeLiteral():
                return self._shape(argument.value)
            case tree.TupleValue():
                return tuple(self.evaluate.number(item) for item in argument.value.items)
            case tree.Name(id=word) if spec.positional == "word":
                return word
            case tree.Name(id=word) if word in spec.words:
                message = f"`{word}` is a word by itself, and no value of `{argument.key}=`"
                raise self.fail(argument.span, "not-a-number", message, f"write `{word}`")
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
        if isinstance(meaning, LayerWord) and self.build.forgotten.covers(meaning.name):
            raise Unknown
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
