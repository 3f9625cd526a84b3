"""From the arguments as written to a layer."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from cnndsl.elaborate.arguments import ArgumentReader
from cnndsl.elaborate.context import LayerWord, quote
from cnndsl.elaborate.reader import Bound
from cnndsl.layers.arguments import Argument
from cnndsl.layers.base import Layer
from cnndsl.source import Span
from cnndsl.syntax import tree

WANTED = {
    "size": ", a size such as `3x3`",
    "number": ", a number",
    "shape": ", such as `64@7x7`",
}
"""What an argument is, by how it is written."""


class LayerBinder(ArgumentReader):
    """Binds the arguments of a layer, or the options of a form."""

    def layer(
        self, kind: type[Layer], following: tree.Operation | None
    ) -> tuple[Layer, Bound] | None:
        """The layer and what the line says besides; None after an error that was reported.

        `following` is the next op of the chain: before a `bn` the bias is left out.
        """
        self.fields, self.kind = kind.arguments(), kind
        if self._is_torn_size() or not self.read():
            return None
        if not (self._has_fields(kind) and self._has_references(kind)):
            return None
        values = self.bound.values
        for name in [n for n, a in self.fields.items() if a.positional == "numbers"]:
            if name in values:
                values[name] = tuple(values[name])
        try:
            layer = kind(**values)
        except ValidationError as e:
            for details in _one_per_field(e):
                self._invalid(details)
            return None
        if "bias" in self.fields and "bias" not in values and self._is_normed(following):
            layer = layer.without_bias()
        return layer, self.bound

    def form(self, words: tuple[str, ...], example: str) -> Bound | None:
        """The option, if any, and the trailing words of a form such as `residual project relu:`."""
        self.fields = {"option": Argument(words={w: w for w in words})}
        self.example = example
        if not self.read():
            return None
        if self.bound.references:
            span = self.bound.reference_spans[0]
            message = f"{self.name} with a body takes no label, so {quote(span)} is one too many"
            self.fail(span, "unexpected-argument", message, example)
            return None
        return self.bound

    def _has_fields(self, kind: type[Layer]) -> bool:
        for name in _required(kind):
            if name not in self.bound.values:
                what = WANTED.get(self.fields[name].positional or "", "")
                message = f"{self.name} needs its {name}{what}"
                self.fail(self.bound.places[""], "missing-argument", message, self.usage())
                return False
        return True

    def _has_references(self, kind: type[Layer]) -> bool:
        least, most = kind.references
        count = len(self.bound.references)
        if most is not None and count > most:
            span = self.bound.reference_spans[most]
            taken = f"only {most} label{'s' * (most > 1)}" if most else "no label"
            message = f"{self.name} takes {taken} of other values, so {quote(span)} is too many"
            help = f"a layer takes another input than the line above by `from {span.text[:40]}`"
            self.fail(span, "unexpected-argument", message, help)
            return False
        if count < least:
            what = f"the labels of {least} values above" if least > 1 else "the label of a value"
            message = f"{self.name} needs {what}"
            self.fail(self.bound.places[""], "missing-argument", message, self.usage())
            return False
        return True

    def _invalid(self, details: ErrorDetails) -> None:
        name = str(details["loc"][0])
        span, value = self.bound.places[name], self.bound.values[name]
        shown = quote(span)
        if isinstance(value, int | float) and not _says(span.text, value):
            shown += f" is {value:g}, which"
        rule = _rule(details, several=isinstance(value, tuple))
        message = f"{shown} can't be the {name} of {self.name}: {rule}"
        self.fail(span, "invalid-argument", message, self._own_number(span))

    def _is_normed(self, following: tree.Operation | None) -> bool:
        """Whether the next chained layer is a batch norm, which takes the bias' place."""
        chained = self.bound.trailing[0] if self.bound.trailing else following
        if chained is None:
            return False
        return self.evaluate.known(chained.name) == LayerWord("bn")

    def _is_torn_size(self) -> bool:
        """`conv 3 x 3 64` or `conv 3 3 64`: a size torn into words."""
        arguments = self.operation.arguments
        torn = self._torn_by_an_x(arguments) or self._torn_by_a_blank(arguments)
        if torn is None:
            return False
        a, b = torn
        help = f"write `{a.text[:20]}x{b.text[:20]}`"
        self.fail(a.to(b), "split-size", "a size is written without blanks", help)
        return True

    def _torn_by_an_x(self, arguments: tuple[tree.Argument, ...]) -> tuple[Span, Span] | None:
        if not any(isinstance(a, tree.Word) and a.span.text == "x" for a in arguments):
            return None
        for a, x, b in zip(arguments, arguments[1:], arguments[2:], strict=False):
            values = isinstance(a, tree.Value) and isinstance(b, tree.Value)
            if values and x.span.text == "x":
                return a.span, b.span
        return None

    def _torn_by_a_blank(self, arguments: tuple[tree.Argument, ...]) -> tuple[Span, Span] | None:
        """More numbers than there is place for, and no size."""
        numbers = [a for a in arguments if isinstance(a, tree.Value)]
        kinds = [argument.positional for argument in self.fields.values()]
        if len(numbers) < 2 + kinds.count("number") or "size" not in kinds or "numbers" in kinds:
            return None
        if any(self._may_be_size(argument) for argument in arguments):
            return None
        return numbers[0].span, numbers[1].span

    def _may_be_size(self, argument: tree.Argument) -> bool:
        match argument:
            case tree.Option(letters=key) | tree.Keyed(key=key):
                return any(
                    key in (n, a.letters) for n, a in self._items() if a.positional == "size"
                )
            case tree.Word(name=tree.Name(id=name)):
                return self.context.lookup(name) is not None
            case tree.Value():
                return False
            case _:
                return True


@cache
def _required(kind: type[Layer]) -> tuple[str, ...]:
    return tuple(name for name, info in kind.model_fields.items() if info.is_required())


def _one_per_field(error: ValidationError) -> list[ErrorDetails]:
    """The last of each field's findings: for a choice of types it is the one with numbers."""
    return list({str(d["loc"][0]): d for d in error.errors(include_url=False)}.values())


def _says(text: str, value: float) -> bool:
    """Whether an argument is the value itself, and no computation of it."""
    try:
        return float(text.rpartition("=")[2].strip("()")) == value
    except ValueError:
        return text.lstrip("skpdgo").isdigit()


def _rule(details: ErrorDetails, several: bool) -> str:
    """What a value must be, as a clause; `several` where it holds several numbers."""
    limits: dict[str, Any] = details.get("ctx", {})
    each = several and any(isinstance(part, int) for part in details["loc"])
    subject = "each of its numbers" if each else "it"
    match details["type"]:
        case "greater_than":
            return f"{subject} must be more than {_plain(limits['gt'])}"
        case "greater_than_equal":
            return f"{subject} must be at least {_plain(limits['ge'])}"
        case "less_than":
            return f"{subject} must be less than {_plain(limits['lt'])}"
        case "less_than_equal":
            return f"{subject} must be at most {_plain(limits['le'])}"
        case "int_type" | "float_type" if several and not each:
            return "it must be a single number"
        case "int_type" | "int_from_float":
            return f"{subject} must be a whole number"
        case "too_long":
            return f"it has more than {limits['max_length']:,} numbers"
        case "literal_error":
            return f"it must be one of {limits['expected'].replace(chr(39), chr(96))}"
        case "value_error":
            return str(limits["error"])
        case _:
            return details["msg"].lower()


def _plain(limit: float) -> str:
    return f"{int(limit):,}" if limit == int(limit) else f"{limit:g}"
