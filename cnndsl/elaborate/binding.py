"""From the arguments as written to a layer, or to the parameters of a block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from cnndsl.diagnostics import did_you_mean
from cnndsl.elaborate.construction import Construction
from cnndsl.elaborate.context import Context, LayerWord, Size, Unknown, Value
from cnndsl.elaborate.expressions import Evaluator
from cnndsl.layers.arguments import Argument
from cnndsl.layers.base import LAYERS, Layer
from cnndsl.source import Span
from cnndsl.syntax import tree


@dataclass(slots=True)
class Bound:
    """What a line's arguments say: field values with their places, references, trailing words."""

    values: dict[str, Any] = field(default_factory=dict[str, Any])
    places: dict[str, Span] = field(default_factory=dict[str, Span])
    references: list[Value] = field(default_factory=list[Value])
    trailing: list[tree.Operation] = field(default_factory=list[tree.Operation])


def head_span(operation: tree.Operation) -> Span:
    """The op's own word."""
    start = operation.span.start
    return Span(operation.span.source, start, start + len(operation.name))


class Binder:
    """Binds the arguments of one operation; every mistake is reported, the first per argument."""

    def __init__(self, build: Construction, context: Context, operation: tree.Operation):
        self.build, self.context, self.operation = build, context, operation
        self.evaluate = Evaluator(build, context)
        self.bound = Bound(places={"": head_span(operation)})
        self.failed = False
        self.fields: Mapping[str, Argument] = {}
        self.kind: type[Layer] | None = None
        self._numbers: list[str] = []

    # Layers

    def layer(
        self, kind: type[Layer], following: tree.Operation | None
    ) -> tuple[Layer, Bound] | None:
        """The layer and what the line says besides; None after an error that was reported.

        `following` is the next op of the chain: before a `bn` the bias is left out.
        """
        self.fields, self.kind = kind.arguments(), kind
        self._numbers = [f for f, a in self.fields.items() if a.positional == "number"]
        if self._is_split_size():
            return None
        for argument in self.operation.arguments:
            self._try(argument)
        if self.failed or not self._complete(kind):
            return None
        if "bias" in self.fields and "bias" not in self.bound.values:
            self.bound.values["bias"] = not self._is_normed(following)
        try:
            return kind(**self.bound.values), self.bound
        except ValidationError as e:
            for details in _one_per_field(e):
                self._invalid(details)
            return None

    def form(self, words: tuple[str, ...]) -> Bound | None:
        """Options and trailing words of a form such as `residual project relu:`."""
        self.fields = {"": Argument(words={w: w for w in words})}
        for argument in self.operation.arguments:
            self._try(argument)
        return None if self.failed else self.bound

    def _try(self, argument: tree.Argument) -> None:
        try:
            self._argument(argument)
        except Unknown:
            self.failed = True

    def _argument(self, argument: tree.Argument) -> None:
        match argument:
            case tree.Size():
                self._positional("size", self.size(argument), argument.span)
            case tree.ShapeLiteral():
                self._positional("shape", self._shape(argument), argument.span)
            case tree.Option():
                value = argument.values[0] if len(argument.values) == 1 else argument.values
                self._option(argument.letters, value, argument.span)
            case tree.Value():
                self._number(self.evaluate.number(argument.expression), argument.span)
            case tree.Keyed():
                self._keyed(argument)
            case tree.Word():
                self.word(argument)

    def size(self, size: tree.Size) -> tuple[int, ...]:
        return tuple(
            v if isinstance(v, int) else self.evaluate.integer(v, "a size") for v in size.values
        )

    def _shape(self, literal: tree.ShapeLiteral) -> tuple[int, ...]:
        sizes = literal.space if literal.channels is None else (literal.channels, *literal.space)
        result: list[int] = []
        for size in sizes:
            if isinstance(size, str):
                raise self.fail(
                    literal.span,
                    "symbolic-argument",
                    f"`{size}` is symbolic, but this shape must be fixed",
                    "write a number, or `{…}` for a computed one",
                )
            result.append(size if isinstance(size, int) else self.evaluate.integer(size, "a size"))
        return tuple(result)

    def _positional(self, positional: str, value: object, span: Span) -> None:
        for name, argument in self.fields.items():
            if argument.positional == positional:
                return self._set(name, value, span)
        message = f"{self.name} takes no {positional}"
        raise self.fail(span, "unexpected-argument", message, self._usage())

    def _option(self, letters: str, value: object, span: Span) -> None:
        for name, argument in self.fields.items():
            if argument.letters == letters:
                return self._set(name, value, span)
        raise self.fail(
            span, "unknown-option", f"{self.name} has no option `{letters}`", self._usage()
        )

    def _number(self, value: int | float, span: Span) -> None:
        for name, argument in self.fields.items():
            if argument.positional == "numbers":
                self.bound.values[name] = (*self.bound.values.get(name, ()), value)
                self.bound.places.setdefault(name, span)
                return
        for name in self._numbers:
            if name not in self.bound.values:
                return self._set(name, value, span)
        taken = len(self._numbers)
        count = f"only {taken} number{'s' * (taken > 1)}" if taken else "no number"
        raise self.fail(
            span,
            "unexpected-argument",
            f"{self.name} takes {count}, so `{span.text}` is one too many",
            self._usage(),
        )

    def _keyed(self, argument: tree.Keyed) -> None:
        if self.kind is not None and argument.key in self.kind.refused:
            raise self.fail(
                argument.span,
                "refused-argument",
                f"`{argument.key}=` isn't used here: {self.kind.refused[argument.key]}",
            )
        if self.kind is not None and argument.key == self.kind.reference_key:
            self.bound.references.append(self._reference(argument))
            return
        for name, spec in self.fields.items():
            if name and argument.key in (name, spec.letters):
                return self._set(name, self._keyed_value(argument), argument.span)
        keys = [k for n, a in self.fields.items() for k in (n, a.letters) if k]
        raise self.fail(
            argument.span,
            "unknown-argument",
            f"{self.name} has no `{argument.key}=`",
            did_you_mean(argument.key, keys, self._usage()),
        )

    def _keyed_value(self, argument: tree.Keyed) -> object:
        match argument.value:
            case tree.Size():
                return self.size(argument.value)
            case tree.ShapeLiteral():
                return self._shape(argument.value)
            case tree.TupleValue():
                return tuple(self.evaluate.number(item) for item in argument.value.items)
            case _:
                expression = argument.value
                meaning = self.evaluate.meaning(expression)
                if isinstance(meaning, Size):
                    return meaning.values
                if isinstance(meaning, int | float):
                    return meaning
                raise self.fail(
                    argument.span,
                    "not-a-number",
                    f"`{argument.key}=` takes a number, not `{expression.span.text}`",
                )

    def _reference(self, argument: tree.Keyed) -> Value:
        if isinstance(argument.value, tree.Name | tree.Template):
            name = self.evaluate.text(argument.value)
            found = self.evaluate.known(name)
            if isinstance(found, Value):
                return found
        raise self.fail(
            argument.span,
            "unknown-value",
            f"`{argument.key}=` takes the label of a value above",
            "put a label before a line (`x: conv …`) and use it here",
        )

    def word(self, argument: tree.Word) -> None:
        name = self.evaluate.text(argument.name)
        for field_name, spec in self.fields.items():
            if name in spec.words:
                return self._set(field_name, spec.words[name], argument.span)
        meaning = self.evaluate.known(name)
        match meaning:
            case LayerWord():
                self.bound.trailing.append(
                    tree.Operation(name=meaning.name, arguments=(), body=None, span=argument.span)
                )
            case Size():
                self._positional("size", meaning.values, argument.span)
            case Value():
                self.bound.references.append(meaning)
            case int() | float():
                self._number(meaning, argument.span)
            case None:
                self._free_word(name, argument.span)

    def _free_word(self, name: str, span: Span) -> None:
        for field_name, spec in self.fields.items():
            if spec.positional == "word":
                return self._set(field_name, name, span)
        words = [w for a in self.fields.values() for w in a.words]
        candidates = (*words, *LAYERS, *self.context.file.definition_names(), *self._variables())
        labels = self.build.labels
        help = did_you_mean(name, (*candidates, *labels), self._usage())
        raise self.fail(
            span, "unknown-word", f"`{name}` is no option of {self.name}, and no layer", help
        )

    def _variables(self) -> list[str]:
        return [*self.context.variables, *self.context.file.variables]

    def _set(self, name: str, value: object, span: Span) -> None:
        if name in self.bound.values:
            first = self.bound.places[name].text
            raise self.fail(
                span,
                "given-twice",
                f"`{span.text}` says again what `{first}` said"
                if first != span.text
                else f"`{first}` is given twice",
                "leave one of them out",
            )
        self.bound.values[name] = value
        self.bound.places[name] = span

    def _complete(self, kind: type[Layer]) -> bool:
        for name, info in kind.model_fields.items():
            if info.is_required() and name not in self.bound.values:
                self.build.error(
                    self.context,
                    self.bound.places[""],
                    "missing-argument",
                    f"{self.name} needs its {name}",
                    self._usage(),
                )
                return False
        least, most = kind.references
        count = len(self.bound.references)
        if count and (most is not None and count > most):
            self.build.error(
                self.context,
                self.bound.places[""],
                "unexpected-argument",
                f"{self.name} takes {most or 'no'} value{'s' * (most != 1)} beside the current",
                "a layer takes another input than the line above by `from x`",
            )
            return False
        if count < least:
            self.build.error(
                self.context,
                self.bound.places[""],
                "missing-argument",
                f"{self.name} needs {least} label{'s' * (least > 1)} of values above",
                self._usage(),
            )
            return False
        return True

    def _invalid(self, details: ErrorDetails) -> None:
        name = str(details["loc"][0])
        span = self.bound.places.get(name, self.bound.places[""])
        message = details["msg"].replace("Input should be", "it must be")
        self.build.error(
            self.context,
            span,
            "invalid-argument",
            f"`{span.text}` can't be the {name} of {self.name}: {message[0].lower()}{message[1:]}",
            self._usage(),
        )

    def _is_normed(self, following: tree.Operation | None) -> bool:
        """Whether the next chained layer is a batch norm, which takes the bias' place."""
        chained = self.bound.trailing[0] if self.bound.trailing else following
        if chained is None:
            return False
        return self.evaluate.known(chained.name) == LayerWord("bn")

    def _is_split_size(self) -> bool:
        """`conv 3 x 3 64`: a size torn into words."""
        arguments = self.operation.arguments
        for a, x, b in zip(arguments, arguments[1:], arguments[2:], strict=False):
            if isinstance(x, tree.Word) and x.span.text == "x" and isinstance(b, tree.Value):
                self.build.error(
                    self.context,
                    a.span.to(b.span),
                    "split-size",
                    "a size is written without blanks",
                    f"write `{a.span.text}x{b.span.text}`",
                )
                return True
        return False

    @property
    def name(self) -> str:
        return f"`{self.operation.name}`"

    def _usage(self) -> str:
        if self.kind is None or not self.kind.examples:
            return ""
        shown = self.kind.examples[0].text
        return f"for example `{shown}`; `cnndsl explain {self.kind.word}` lists its arguments"

    def fail(self, span: Span, code: str, message: str, help: str = "") -> Unknown:
        self.build.error(self.context, span, code, message, help)
        return Unknown()


def _one_per_field(error: ValidationError) -> list[ErrorDetails]:
    """The last of each field's findings: for a choice of types it is the one with numbers."""
    return list({str(d["loc"][0]): d for d in error.errors(include_url=False)}.values())
