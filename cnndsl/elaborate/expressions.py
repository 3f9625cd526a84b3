"""Values of expressions: exact, bounded, and with an error where people trip."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from cnndsl.diagnostics import did_you_mean
from cnndsl.elaborate.construction import LONGEST_NAME, Construction
from cnndsl.elaborate.context import Context, LayerWord, Meaning, Size, Unknown, Value
from cnndsl.layers.base import LAYERS
from cnndsl.source import Span
from cnndsl.syntax import tree

LARGEST_NUMBER = 1 << 53  # beyond it floats are no longer exact
FORMS = ("residual", "concat", "add", "mul", "head", "reuse", "skip")


def round8(x: float) -> int:
    """To the nearest multiple of 8, never below 90 % of x: MobileNet's rule for channels.

    Source: Sandler et al. 2018, the authors' make_divisible.
    """
    rounded = max(8, int(x + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * x else rounded


FUNCTIONS: dict[str, tuple[Callable[..., Any], int, int]] = {
    "round8": (round8, 1, 1),
    "min": (min, 2, 9),
    "max": (max, 2, 9),
    "floor": (math.floor, 1, 1),
    "ceil": (math.ceil, 1, 1),
    "round": (round, 1, 1),
    "int": (int, 1, 1),
    "sqrt": (math.sqrt, 1, 1),
    "abs": (abs, 1, 1),
    "log2": (math.log2, 1, 1),
}
"""What may be called, with the least and most number of arguments."""

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda a, b: a / b,
    "//": lambda a, b: a // b,
    "%": operator.mod,
    "**": lambda a, b: a**b,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Evaluator:
    """Evaluates expressions at a place of the spec; raises Unknown where an error was reported."""

    def __init__(self, build: Construction, context: Context):
        self.build, self.context = build, context

    def number(self, node: tree.Expression) -> int | float:
        """A number; whole ones are ints whatever way they came about."""
        meaning = self.meaning(node)
        if isinstance(meaning, int | float):
            return meaning
        kind = _kind(meaning)
        raise self._fail(node.span, "not-a-number", f"`{node.span.text}` is {kind}, not a number")

    def integer(self, node: tree.Expression, what: str) -> int:
        """A whole number."""
        number = self.number(node)
        if isinstance(number, int):
            return number
        raise self._fail(
            node.span,
            "not-whole",
            f"{what} must be a whole number, but `{node.span.text}` is {number:g}",
            "`//` divides to a whole number, `round8(…)` rounds as MobileNet does",
        )

    def truth(self, node: tree.Expression) -> bool:
        """A condition."""
        meaning = self.meaning(node)
        return bool(meaning) if isinstance(meaning, int | float) else True

    def text(self, node: tree.Name | tree.Template) -> str:
        """A name with its computed parts filled in."""
        if isinstance(node, tree.Name):
            return node.id
        parts = [
            part if isinstance(part, str) else str(self.integer(part, "a part of a name"))
            for part in node.parts
        ]
        name = "".join(parts)
        if len(name) > LONGEST_NAME:
            raise self._fail(node.span, "name-too-long", f"a name has over {LONGEST_NAME} letters")
        return name

    def meaning(self, node: tree.Expression) -> Meaning:
        """Whatever the expression stands for: a number, a layer word, a size or a value."""
        match node:
            case tree.Number():
                return self._computed(node.span, lambda: node.value)
            case tree.Name() | tree.Template():
                return self._name(self.text(node), node.span)
            case tree.Unary():
                return self._unary(node)
            case tree.Conditional():
                return self.meaning(node.yes if self.truth(node.test) else node.no)
            case tree.Call():
                return self._call(node)
            case tree.Binary():
                return self._binary(node)

    def known(self, name: str) -> Meaning | None:
        """What a name stands for, or None: a variable, a layer or block, or a value above."""
        found = self.context.lookup(name)
        if found is not None:
            return found
        if name == "C":
            return self._channels()
        if name in LAYERS or name in FORMS or self.context.file.definition(name):
            return LayerWord(name)
        return self.build.find(self.context, name)

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
            message = "`C`, the channels at a block's entry, has no meaning outside a `def`"
            raise self._fail(span, "no-channels-here", message, "write the number")
        candidates = (*self.context.variables, *self.context.file.variables, *self.build.labels)
        help = did_you_mean(name, (*candidates, *LAYERS))
        raise self._fail(span, "unknown-name", f"`{name}` doesn't stand for anything here", help)

    def _unary(self, node: tree.Unary) -> Meaning:
        if node.operator == "not":
            return int(not self.truth(node.operand))
        return -self.number(node.operand)

    def _call(self, node: tree.Call) -> Meaning:
        if node.function not in FUNCTIONS:
            help = did_you_mean(node.function, FUNCTIONS, f"there are {', '.join(FUNCTIONS)}")
            message = f"there is no function `{node.function}`"
            raise self._fail(node.span, "unknown-function", message, help)
        function, least, most = FUNCTIONS[node.function]
        if not least <= len(node.arguments) <= most:
            count = f"{least}" if least == most else f"{least} to {most}"
            message = f"`{node.function}` takes {count} numbers, not {len(node.arguments)}"
            raise self._fail(node.span, "wrong-arguments", message)
        numbers = [self.number(a) for a in node.arguments]
        return self._computed(node.span, lambda: function(*numbers))

    def _binary(self, node: tree.Binary) -> Meaning:
        if node.operator == "and":
            return int(self.truth(node.left) and self.truth(node.right))
        if node.operator == "or":
            return int(self.truth(node.left) or self.truth(node.right))
        if node.operator in ("==", "!="):
            equal = self.meaning(node.left) == self.meaning(node.right)
            return int(equal == (node.operator == "=="))
        left, right = self.number(node.left), self.number(node.right)
        if node.operator == "**" and (abs(right) > 64 or abs(left) > LARGEST_NUMBER):
            raise self._fail(node.span, "number-too-large", "the power is too large")
        return self._computed(node.span, lambda: _OPERATORS[node.operator](left, right))

    def _computed(self, span: Span, compute: Callable[[], int | float]) -> int | float:
        try:
            result = compute()
        except ZeroDivisionError:
            raise self._fail(span, "division-by-zero", "this divides by zero") from None
        except (ValueError, OverflowError):
            raise self._fail(span, "no-such-number", "this has no value") from None
        if isinstance(result, complex) or result != result or abs(result) > LARGEST_NUMBER:
            message = f"numbers go up to {LARGEST_NUMBER:,}"
            raise self._fail(span, "number-too-large", message)
        return _normal(result)

    def _fail(self, span: Span, code: str, message: str, help: str = "") -> Unknown:
        self.build.error(self.context, span, code, message, help)
        return Unknown()


def _normal(number: int | float) -> int | float:
    return int(number) if isinstance(number, bool) or number == int(number) else number


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
