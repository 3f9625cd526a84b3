"""From the arguments as written to a layer."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from cnndsl.elaborate.arguments import ArgumentReader, Bound
from cnndsl.elaborate.context import LayerWord, quote
from cnndsl.layers.arguments import Argument
from cnndsl.layers.base import Layer
from cnndsl.syntax import tree


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
        if "bias" in self.fields and "bias" not in self.bound.values:
            self.bound.values["bias"] = not self._is_normed(following)
        try:
            return kind(**self.bound.values), self.bound
        except ValidationError as e:
            for details in _one_per_field(e):
                self._invalid(details)
            return None

    def form(self, words: tuple[str, ...], example: str) -> Bound | None:
        """The option, if any, and the trailing words of a form such as `residual project relu:`."""
        self.fields = {"": Argument(words={w: w for w in words})}
        if not self.read():
            return None
        if self.bound.references:
            span = self.bound.reference_spans[0]
            message = f"{self.name} with a body takes no label, so {quote(span)} is one too many"
            self.fail(span, "unexpected-argument", message, example)
            return None
        return self.bound

    def _has_fields(self, kind: type[Layer]) -> bool:
        for name, info in kind.model_fields.items():
            if info.is_required() and name not in self.bound.values:
                message = f"{self.name} needs its {name}"
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
        span = self.bound.places.get(name, self.bound.places[""])
        value = self.bound.values.get(name)
        said = isinstance(value, int | float) and span.text.lstrip("(").rstrip(")") != str(value)
        shown = f"{quote(span)} is {value:g}, which" if said else quote(span)
        message = f"{shown} can't be the {name} of {self.name}: it must {_rule(details)}"
        self.fail(span, "invalid-argument", message, self._own_number(span))

    def _is_normed(self, following: tree.Operation | None) -> bool:
        """Whether the next chained layer is a batch norm, which takes the bias' place."""
        chained = self.bound.trailing[0] if self.bound.trailing else following
        if chained is None:
            return False
        return self.evaluate.known(chained.name) == LayerWord("bn")

    def _is_torn_size(self) -> bool:
        """`conv 3 x 3 64`: a size torn into words."""
        arguments = self.operation.arguments
        for a, x, b in zip(arguments, arguments[1:], arguments[2:], strict=False):
            values = isinstance(a, tree.Value) and isinstance(b, tree.Value)
            if values and isinstance(x, tree.Word) and x.span.text == "x":
                message = "a size is written without blanks"
                help = f"write `{a.span.text[:20]}x{b.span.text[:20]}`"
                self.fail(a.span.to(b.span), "split-size", message, help)
                return True
        return False


def _one_per_field(error: ValidationError) -> list[ErrorDetails]:
    """The last of each field's findings: for a choice of types it is the one with numbers."""
    return list({str(d["loc"][0]): d for d in error.errors(include_url=False)}.values())


def _rule(details: ErrorDetails) -> str:
    """What a value must be, in words."""
    limits: dict[str, Any] = details.get("ctx", {})
    match details["type"]:
        case "greater_than":
            return f"be more than {limits['gt']:,}"
        case "greater_than_equal":
            return f"be at least {limits['ge']:,}"
        case "less_than":
            return f"be less than {limits['lt']:,}"
        case "less_than_equal":
            return f"be at most {limits['le']:,}"
        case "int_type" | "int_from_float":
            return "be a whole number"
        case "float_type":
            return "be a number"
        case "bool_type":
            return "be said by a word"
        case "tuple_type":
            return "be a size or a number"
        case "too_long":
            return f"have at most {limits['max_length']:,} numbers"
        case "too_short":
            return f"have at least {limits['min_length']:,} numbers"
        case "literal_error":
            return f"be one of {limits['expected'].replace(chr(39), chr(96))}"
        case "value_error":
            return f"be otherwise: {limits['error']}"
        case _:
            return f"be otherwise: {details['msg']}"
