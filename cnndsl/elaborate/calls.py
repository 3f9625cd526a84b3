"""From the arguments of a call to the parameters of a block."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from cnndsl.diagnostics import did_you_mean
from cnndsl.elaborate.arguments import ArgumentReader
from cnndsl.elaborate.context import CallFrame, Definition, LayerWord, Meaning, Size, Unknown, quote
from cnndsl.elaborate.reader import Bound
from cnndsl.source import Span
from cnndsl.syntax import tree


def call_frame(
    operation: tree.Operation, definition: Definition, given: Mapping[str, Meaning]
) -> CallFrame:
    """The call as it was written, or with values in the place of names and what is computed."""
    span = operation.span
    said = " ".join(span.text.split())
    if not all(map(_is_plain, operation.arguments)):
        names = [parameter.name for parameter in definition.node.parameters]
        words = [
            _shown(value)
            if name == positional and not isinstance(value, LayerWord)
            else f"{name}={_shown(value)}"
            for (name, value), positional in zip(given.items(), names, strict=False)
        ]
        said = " ".join([operation.name, *words])
    return CallFrame(span.source, span.start, span.end, said)


def _is_plain(argument: tree.Argument) -> bool:
    match argument:
        case tree.Value(expression=value) | tree.Keyed(value=value):
            return isinstance(value, tree.Number)
        case tree.Option():
            return True
        case _:
            return False


def _shown(meaning: Meaning) -> str:
    match meaning:
        case int() | float():
            return f"{meaning:.6g}" if isinstance(meaning, float) else str(meaning)
        case Size():
            return "x".join(map(str, meaning.values))
        case LayerWord():
            return f"({meaning.text})" if meaning.numbers else meaning.name
        case _:
            return meaning.name or "…"


class CallBinder(ArgumentReader):
    """Binds a call's arguments: by position, by `key=`, or as a short option (`s2` gives `s`)."""

    def call(self, definition: Definition) -> tuple[dict[str, Meaning], Bound] | None:
        """A block's parameters by name, and the trailing words; None after a reported error."""
        parameters = definition.node.parameters
        names = [p.name for p in parameters]
        self.example = _head(definition)
        given: dict[str, Meaning] = {}

        def give(name: str, value: Meaning, span: Span) -> None:
            if name not in names:
                has = f"it has {', '.join(f'`{n}`' for n in names)}" if names else "it has none"
                message = f"the block {self.name} has no parameter `{name}`"
                raise self.fail(span, "unknown-argument", message, did_you_mean(name, names, has))
            if name in given:
                message = f"the parameter `{name}` has a value already when {quote(span)} is read"
                raise self.fail(span, "given-twice", message, "leave one of them out")
            given[name] = value

        by_position = iter(names)
        keyed = ""  # the key of a layer just before, which numbers behind it may belong to

        def give_next(value: Meaning, span: Span) -> None:
            name = next(by_position, None)
            layer = given.get(keyed)
            if isinstance(layer, LayerWord) and (name is None or name in given):
                message = f"{quote(span)} belongs to {self.name}, which has no place for it"
                help = f"a layer takes its number along in parentheses: `{keyed}=({layer.name} "
                raise self.fail(span, "unexpected-argument", message, f"{help}{span.text[:20]})`")
            if name is not None:
                return give(name, value, span)
            count = f"{len(names)} argument{'s' * (len(names) != 1)}" if names else "no arguments"
            message = f"the block {self.name} takes {count}, so {quote(span)} is one too many"
            raise self.fail(span, "unexpected-argument", message, _head(definition))

        for argument in self.operation.arguments:
            if not isinstance(argument, tree.Value):
                keyed = argument.key if isinstance(argument, tree.Keyed) else ""
            try:
                match argument:
                    case tree.Value():
                        give_next(self.evaluate.meaning(argument.expression), argument.span)
                    case tree.Size() if definition.file.parent is None:  # the prelude's
                        message = (
                            f"{self.name} takes no size, so {quote(argument.span)} is too many"
                        )
                        raise self.fail(argument.span, "unexpected-argument", message, self.example)
                    case tree.Size():
                        give_next(Size(self.size(argument)), argument.span)
                    case tree.Option():
                        values = argument.values
                        value = values[0] if len(values) == 1 else Size(values)
                        give(argument.letters, value, argument.span)
                    case tree.Keyed(value=tree.Size() as size):
                        give(argument.key, Size(self.size(size)), argument.span)
                    case tree.Keyed(value=tree.TupleValue() | tree.ShapeLiteral()):
                        message = f"`{argument.key}=` of a block takes one number, size or word"
                        help = "pass the numbers one by one"
                        raise self.fail(argument.span, "not-a-number", message, help)
                    case tree.Keyed():
                        value = self.evaluate.meaning(cast(tree.Expression, argument.value))
                        give(argument.key, value, argument.span)
                    case tree.Word():
                        meaning = self.evaluate.known(self.evaluate.text(argument.name))
                        if meaning is None or isinstance(meaning, LayerWord):
                            self.word(argument)
                        else:
                            give_next(meaning, argument.span)
                    case tree.ShapeLiteral():
                        message = f"the block {self.name} takes no shape"
                        help = _head(definition)
                        raise self.fail(argument.span, "unexpected-argument", message, help)
            except Unknown:
                self.failed = True
        if self.failed:
            return None
        for parameter in parameters:
            if parameter.name not in given and parameter.default is None:
                self.build.error(
                    self.context,
                    self.bound.places[""],
                    "missing-argument",
                    f"the block {self.name} needs `{parameter.name}`",
                    _head(definition),
                )
                return None
        return given, self.bound


def _head(definition: Definition) -> str:
    span = definition.node.span
    return f"it is {quote(span)} at {span.place}"
