"""Values of expressions: exact, bounded, and with an error where people trip."""

from __future__ import annotations

import math
from collections.abc import Callable

from cnndsl.diagnostics import did_you_mean
from cnndsl.elaborate.arithmetic import (
    FUNCTIONS,
    LARGEST_EXPONENT,
    LARGEST_NUMBER,
    OPERATORS,
    normal,
)
from cnndsl.elaborate.construction import Construction
from cnndsl.elaborate.context import (
    UNKNOWN,
    Context,
    LayerWord,
    Meaning,
    Size,
    Unknown,
    Value,
    quote,
)
from cnndsl.elaborate.synonyms import FUNCTION_WORDS, suggestion
from cnndsl.layers import LAYERS
from cnndsl.layers.merge import Merge
from cnndsl.source import Span
from cnndsl.syntax import tree

MERGES = tuple(word for word, kind in LAYERS.items() if issubclass(kind, Merge))
FORMS = ("residual", *MERGES, "head", "reuse", "skip")
"""Words that look like layers, and are built into the language."""


class Evaluator:
    """Evaluates expressions at a place of the spec; raises Unknown where an error was reported."""

    def __init__(self, build: Construction, context: Context):
        self.build, self.context = build, context

    def number(self, node: tree.Expression) -> int | float:
        """A number; whole ones are ints whatever way they came about."""
        return self._as_number(self.meaning(node), node)

    def _as_number(self, meaning: Meaning, node: tree.Expression) -> int | float:
        if isinstance(meaning, int | float):
            return meaning
        if isinstance(meaning, LayerWord) and self.build.forgotten.covers(meaning.name):
            raise Unknown
        message = f"{quote(node.span)} is {_kind(meaning)}, not a number"
        raise self._fail(node.span, "not-a-number", message, "write a number or a variable")

    def integer(self, node: tree.Expression, what: str) -> int:
        """A whole number."""
        number = self.number(node)
        if isinstance(number, int):
            return number
        raise self._fail(
            node.span,
            "not-whole",
            f"{what} must be a whole number, but {quote(node.span)} is {number:g}",
            "`//` divides to a whole number, `round8(…)` rounds as MobileNet does",
        )

    def truth(self, node: tree.Expression) -> bool:
        """A condition: a number holds unless it is 0."""
        return self._as_truth(self.meaning(node), node)

    def _as_truth(self, meaning: Meaning, node: tree.Expression) -> bool:
        if isinstance(meaning, int | float):
            return bool(meaning)
        message = f"{quote(node.span)} is {_kind(meaning)}, not a condition"
        help = "compare it, as in `if act == relu`, or use a number: 0 drops the line"
        raise self._fail(node.span, "not-a-number", message, help)

    def text(self, node: tree.Name | tree.Template) -> str:
        """A name with its computed parts filled in."""
        if isinstance(node, tree.Name):
            return node.id
        name = ""
        for part in node.parts:
            if isinstance(part, str):
                name += part
                continue
            number = self.integer(part, "a part of a name")
            if number < 0:
                message = f"a part of a name can't be negative, but {quote(part.span)} is {number}"
                raise self._fail(part.span, "negative-part", message, "count from 0 or 1")
            name += str(number)
        self.build.check_length(self.context, name, node.span)
        return name

    def meaning(self, node: tree.Expression) -> Meaning:
        """Whatever the expression stands for: a number, a layer word, a size or a value."""
        self.build.work(self.context, node.span)
        match node:
            case tree.Number():
                return self._computed(node.span, lambda: node.value)
            case tree.Name() | tree.Template():
                return self._name(self.text(node), node.span)
            case tree.Applied():
                return self._applied_layer(node)
            case tree.Unary():
                return self._unary(node)
            case tree.Conditional():
                return self.meaning(node.yes if self.truth(node.test) else node.no)
            case tree.Call():
                return self._call(node)
            case tree.Binary():
                return self._binary(node)

    def known(self, name: str) -> Meaning | None:
        """What a name stands for, or None: a variable, a layer, a block, or a value above.

        A file's own names come before the prelude's. Raises Unknown where an earlier error left
        the name open.
        """
        found = self.context.lookup(name)
        if found is not None:
            if found == UNKNOWN:
                raise Unknown
            return found
        if name == "C":
            return self._channels()
        file = self.context.file
        if name in LAYERS or name in FORMS or name in file.definitions:
            return LayerWord(name)
        value = self.build.find(self.context, name)
        if value is None and file.definition(name):
            return LayerWord(name)
        return value

    def _channels(self) -> int | None:
        if self.context.entry is None:
            return None
        if self.context.entry.shape is None:
            raise Unknown
        return self.context.entry.shape.channels

    def _name(self, name: str, span: Span) -> Meaning:
        found = self.known(name)
        if found is not None:
            return found
        if name == "C":
            raise self.no_channels(span)
        if self.build.forgotten.covers(name):
            raise Unknown
        candidates = (*self.context.variables, *self.context.file.variables, *self.build.labels)
        help = suggestion(
            name,
            (*candidates, *LAYERS),
            "a name is a parameter, a `let`, a loop's variable, or a label above",
        )
        raise self._fail(span, "unknown-name", f"`{name}` doesn't stand for anything here", help)

    def _applied_layer(self, node: tree.Applied) -> Meaning:
        found = self._name(node.layer, node.span)
        if isinstance(found, LayerWord):
            return LayerWord(found.name, (*found.numbers, *(n.value for n in node.numbers)))
        message = f"`{node.layer}` is {_kind(found)}, so no number follows it"
        help = "a layer with its number is a value, as in `act=(leaky 0.1)`"
        raise self._fail(node.span, "not-a-layer", message, help)

    def no_channels(self, span: Span) -> Unknown:
        """The error for a `C` outside a block."""
        message = "`C`, the channels at a block's entry, has no meaning outside a `def`"
        return self._fail(span, "no-channels-here", message, "write the number")

    def _unary(self, node: tree.Unary) -> Meaning:
        if node.operator == "not":
            return int(not self.truth(node.operand))
        return -self.number(node.operand)

    def _call(self, node: tree.Call) -> Meaning:
        if node.function not in FUNCTIONS:
            help = FUNCTION_WORDS.get(node.function) or did_you_mean(
                node.function, FUNCTIONS, f"there are {', '.join(FUNCTIONS)}"
            )
            message = f"there is no function `{node.function}`"
            raise self._fail(node.span, "unknown-function", message, help)
        function, least, most = FUNCTIONS[node.function]
        if not least <= len(node.arguments) <= most:
            count = f"{least}" if least == most else f"{least} to {most}"
            wanted = f"{count} number{'s' * (most > 1)}"
            message = f"`{node.function}` takes {wanted}, not {len(node.arguments)}"
            help = f"write `{node.function}({', '.join('abcdefghi'[:least])})`"
            raise self._fail(node.span, "wrong-arguments", message, help)
        numbers: list[int | float] = []
        for argument in node.arguments:
            numbers.append(self.number(argument))
        return self._computed(node.span, lambda: function(*numbers))

    def _binary(self, node: tree.Binary) -> Meaning:
        """`a + b + c …` from the left, without going down once for each sign."""
        nodes = [node]
        while isinstance(nodes[-1].left, tree.Binary):
            nodes.append(nodes[-1].left)
        meaning = self.meaning(nodes[-1].left)
        for inner in reversed(nodes):
            meaning = self._applied(inner, meaning)
        return meaning

    def _applied(self, node: tree.Binary, meaning: Meaning) -> Meaning:
        """What an operator makes of its left side's meaning and of its right side."""
        if node.operator == "and":
            return int(self._as_truth(meaning, node.left) and self.truth(node.right))
        if node.operator == "or":
            return int(self._as_truth(meaning, node.left) or self.truth(node.right))
        if node.operator in ("==", "!="):
            equal = meaning == self.meaning(node.right)
            return int(equal == (node.operator == "=="))
        left, right = self._as_number(meaning, node.left), self.number(node.right)
        if node.operator == "**" and abs(right) > LARGEST_EXPONENT:
            message = f"an exponent of {right:,} is more than {LARGEST_EXPONENT}"
            help = "write the number itself"
            raise self._fail(node.right.span, "number-too-large", message, help)
        return self._computed(node.span, lambda: OPERATORS[node.operator](left, right))

    def _computed(self, span: Span, compute: Callable[[], int | float]) -> int | float:
        try:
            result = compute()
        except ZeroDivisionError:
            message, help = f"{quote(span)} divides by 0", "check the values that lead here"
            raise self._fail(span, "division-by-zero", message, help) from None
        except OverflowError:
            result = math.inf
        except ValueError:
            result = math.nan
        if isinstance(result, complex) or result != result:
            message = f"{quote(span)} is no number"
            help = "roots are taken of what is 0 or more, logarithms of what is more than 0"
            raise self._fail(span, "no-such-number", message, help)
        if abs(result) > LARGEST_NUMBER:
            message = f"this is more than {LARGEST_NUMBER:,}, up to which numbers are exact"
            help = "check the values that lead here"
            raise self._fail(span, "number-too-large", message, help)
        return normal(result)

    def _fail(self, span: Span, code: str, message: str, help: str = "") -> Unknown:
        self.build.error(self.context, span, code, message, help)
        return Unknown()


def _kind(meaning: Meaning) -> str:
    match meaning:
        case LayerWord():
            return "a layer"
        case Size():
            return "a size"
        case Value():
            return "a value of the net"
        case _:
            return "a number"
