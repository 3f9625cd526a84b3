"""Values of expressions: exact, bounded, and with an error where people trip.

Every function evaluates at a place of the spec, and raises Unknown where an error was reported.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from cnndsl.diagnostics import did_you_mean
from cnndsl.elaborate.meanings import LayerWord, Meaning, Size, Unknown, Value
from cnndsl.elaborate.scope import Scope, quote
from cnndsl.elaborate.synonyms import FUNCTION_WORDS, suggestion
from cnndsl.layers.base import LAYERS
from cnndsl.source import Span
from cnndsl.syntax import tree

LARGEST_NUMBER = 1 << 53  # beyond it floats are no longer exact
LARGEST_EXPONENT = 64


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

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda a, b: a / b,
    "//": lambda a, b: a // b,
    "%": operator.mod,
    "**": lambda a, b: a**b,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def number(scope: Scope, node: tree.Expression) -> int | float:
    """A number; whole ones are ints whatever way they came about."""
    return _as_number(scope, meaning(scope, node), node)


def _as_number(scope: Scope, found: Meaning, node: tree.Expression) -> int | float:
    if isinstance(found, int | float):
        return found
    if isinstance(found, LayerWord) and scope.build.forgotten.covers(found.name):
        raise Unknown
    message = f"{quote(node.span)} is {_kind(found)}, not a number"
    raise scope.fail(node.span, "not-a-number", message, "write a number or a variable")


def integer(scope: Scope, node: tree.Expression, what: str) -> int:
    """A whole number."""
    found = number(scope, node)
    if isinstance(found, int):
        return found
    message = f"{what} must be a whole number, but {quote(node.span)} is {found:g}"
    help = "`//` divides to a whole number, `round8(…)` rounds as MobileNet does"
    raise scope.fail(node.span, "not-whole", message, help)


def truth(scope: Scope, node: tree.Expression) -> bool:
    """A condition: a number holds unless it is 0."""
    return _as_truth(scope, meaning(scope, node), node)


def _as_truth(scope: Scope, found: Meaning, node: tree.Expression) -> bool:
    if isinstance(found, int | float):
        return bool(found)
    message = f"{quote(node.span)} is {_kind(found)}, not a condition"
    help = "compare it, as in `if act == relu`, or use a number: 0 drops the line"
    raise scope.fail(node.span, "not-a-number", message, help)


def text(scope: Scope, node: tree.Name | tree.Template) -> str:
    """A name with its computed parts filled in."""
    if isinstance(node, tree.Name):
        return node.id
    name = ""
    for part in node.parts:
        if isinstance(part, str):
            name += part
            continue
        count = integer(scope, part, "a part of a name")
        if count < 0:
            message = f"a part of a name can't be negative, but {quote(part.span)} is {count}"
            raise scope.fail(part.span, "negative-part", message, "count from 0 or 1")
        name += str(count)
    scope.check_length(name, node.span)
    return name


def meaning(scope: Scope, node: tree.Expression) -> Meaning:
    """Whatever the expression stands for: a number, a layer word, a size or a value."""
    scope.work(node.span)
    match node:
        case tree.Number():
            return _computed(scope, node.span, lambda: node.value)
        case tree.Name() | tree.Template():
            return _named(scope, text(scope, node), node.span)
        case tree.Applied():
            return _applied_layer(scope, node)
        case tree.Unary(operator="not"):
            return int(not truth(scope, node.operand))
        case tree.Unary():
            return -number(scope, node.operand)
        case tree.Conditional():
            return meaning(scope, node.yes if truth(scope, node.test) else node.no)
        case tree.Call():
            return _call(scope, node)
        case tree.Binary():
            return _binary(scope, node)


def _named(scope: Scope, name: str, span: Span) -> Meaning:
    found = scope.known(name)
    if found is not None:
        return found
    if name == "C":
        raise no_channels(scope, span)
    if scope.build.forgotten.covers(name):
        raise Unknown
    candidates = (*scope.variables, *scope.file.variables, *scope.build.labels, *LAYERS)
    help = "a name is a parameter, a `let`, a loop's variable, or a label above"
    message = f"`{name}` doesn't stand for anything here"
    raise scope.fail(span, "unknown-name", message, suggestion(name, candidates, help))


def no_channels(scope: Scope, span: Span) -> Unknown:
    """The error for a `C` outside a block."""
    message = "`C`, the channels at a block's entry, has no meaning outside a `def`"
    return scope.fail(span, "no-channels-here", message, "write the number")


def _applied_layer(scope: Scope, node: tree.Applied) -> Meaning:
    found = _named(scope, node.layer, node.span)
    if isinstance(found, LayerWord):
        return LayerWord(found.name, (*found.numbers, *(n.value for n in node.numbers)))
    message = f"`{node.layer}` is {_kind(found)}, so no number follows it"
    help = "a layer with its number is a value, as in `act=(leaky 0.1)`"
    raise scope.fail(node.span, "not-a-layer", message, help)


def _call(scope: Scope, node: tree.Call) -> Meaning:
    name = node.function
    if name not in FUNCTIONS:
        listed = f"there are {', '.join(FUNCTIONS)}"
        help = FUNCTION_WORDS.get(name) or did_you_mean(name, FUNCTIONS, listed)
        raise scope.fail(node.span, "unknown-function", f"there is no function `{name}`", help)
    function, least, most = FUNCTIONS[name]
    if not least <= len(node.arguments) <= most:
        count = f"{least}" if least == most else f"{least} to {most}"
        message = f"`{name}` takes {count} number{'s' * (most > 1)}, not {len(node.arguments)}"
        help = f"write `{name}({', '.join('abcdefghi'[:least])})`"
        raise scope.fail(node.span, "wrong-arguments", message, help)
    numbers: list[int | float] = []
    for argument in node.arguments:
        numbers.append(number(scope, argument))
    return _computed(scope, node.span, lambda: function(*numbers))


def _binary(scope: Scope, node: tree.Binary) -> Meaning:
    """`a + b + c …` from the left, without going down once for each sign."""
    nodes = [node]
    while isinstance(nodes[-1].left, tree.Binary):
        nodes.append(nodes[-1].left)
    found = meaning(scope, nodes[-1].left)
    for inner in reversed(nodes):
        found = _applied(scope, inner, found)
    return found


def _applied(scope: Scope, node: tree.Binary, before: Meaning) -> Meaning:
    """What an operator makes of its left side's meaning and of its right side."""
    if node.operator == "and":
        return int(_as_truth(scope, before, node.left) and truth(scope, node.right))
    if node.operator == "or":
        return int(_as_truth(scope, before, node.left) or truth(scope, node.right))
    if node.operator in ("==", "!="):
        equal = before == meaning(scope, node.right)
        return int(equal == (node.operator == "=="))
    left, right = _as_number(scope, before, node.left), number(scope, node.right)
    if node.operator == "**" and abs(right) > LARGEST_EXPONENT:
        message = f"an exponent of {right:,} is more than {LARGEST_EXPONENT}"
        raise scope.fail(node.right.span, "number-too-large", message, "write the number itself")
    return _computed(scope, node.span, lambda: OPERATORS[node.operator](left, right))


def _computed(scope: Scope, span: Span, compute: Callable[[], int | float]) -> int | float:
    try:
        result = compute()
    except ZeroDivisionError:
        message, help = f"{quote(span)} divides by 0", "check the values that lead here"
        raise scope.fail(span, "division-by-zero", message, help) from None
    except OverflowError:
        result = math.inf
    except ValueError:
        result = math.nan
    if isinstance(result, complex) or result != result:
        message = f"{quote(span)} is no number"
        help = "roots are taken of what is 0 or more, logarithms of what is more than 0"
        raise scope.fail(span, "no-such-number", message, help)
    if abs(result) > LARGEST_NUMBER:
        message = f"this is more than {LARGEST_NUMBER:,}, up to which numbers are exact"
        raise scope.fail(span, "number-too-large", message, "check the values that lead here")
    return normal(result)


def normal(number: int | float) -> int | float:
    """Whole numbers as ints, whatever way they came about."""
    return int(number) if isinstance(number, bool) or number == int(number) else number


def _kind(found: Meaning) -> str:
    match found:
        case LayerWord():
            return "a layer"
        case Size():
            return "a size"
        case Value():
            return "a value of the net"
        case _:
            return "a number"
