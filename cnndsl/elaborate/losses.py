"""The objective: a weighted sum of named losses over values of the net."""

from __future__ import annotations

import math

from cnndsl.diagnostics import did_you_mean
from cnndsl.elaborate.arithmetic import FUNCTIONS, LARGEST_NUMBER
from cnndsl.elaborate.meanings import UnknownError, Value
from cnndsl.elaborate.scope import Scope, quote
from cnndsl.network import LossTerm
from cnndsl.shape import may_be_equal
from cnndsl.syntax import tree

LOSSES = {
    "cross_entropy": (1,),
    "focal": (1,),
    "dice": (1, 2),
    **dict.fromkeys(("bce", "mse", "l1", "huber", "ssim", "kl"), (2,)),
}
"""Every loss with the numbers of values it takes; a single one is compared with classes that come
with the data."""

COMPARING = ("dice", "bce", "mse", "l1", "huber", "ssim")
"""Losses between two values of which the second may come with the data."""

SETTINGS = {"focal": "gamma", "ssim": "window"}
"""What a loss can be told beside its values."""

RAMP = "ramp"
"""The setting of every loss: the epochs over which its weight grows from 0."""

MOST_EPOCHS, MOST_GAMMA, MOST_WINDOW = 1_000_000, 100, 999

TARGET = "target"
"""Names what comes with the data, for losses that compare with it: `bce(mask, target)`."""


def loss_terms(scope: Scope, node: tree.Expression, coefficient: float = 1.0) -> list[LossTerm]:
    """The terms of `cross_entropy(logits) + 0.3*cross_entropy(aux1)`, each times the coefficient;
    every mistake is reported, and those without are given.
    """
    try:
        return _terms(scope, node, coefficient)
    except UnknownError:
        return []


def _terms(scope: Scope, node: tree.Expression, coefficient: float) -> list[LossTerm]:
    match node:
        case tree.Binary(operator="+" | "-"):
            left = loss_terms(scope, node.left, coefficient)
            sign = 1.0 if node.operator == "+" else -1.0
            return left + loss_terms(scope, node.right, sign * coefficient)
        case tree.Unary(operator="-"):
            return loss_terms(scope, node.operand, -coefficient)
        case tree.Binary(operator="*") if _holds_loss(node.left) != _holds_loss(node.right):
            factor, term = node.left, node.right
            if _holds_loss(node.left):
                factor, term = term, factor
            weight = scope.number(factor)
            return loss_terms(scope, term, _times(scope, node, coefficient, weight))
        case tree.Binary(operator="/") if not _holds_loss(node.right):
            divisor = scope.number(node.right)
            if divisor == 0:
                message = f"{quote(node.span)} divides by 0"
                raise scope.fail(node.span, "division-by-zero", message, "divide by another number")
            return loss_terms(scope, node.left, _times(scope, node, coefficient, 1 / divisor))
        case tree.Call() if node.function in LOSSES:
            return [_term(scope, node, coefficient)]
        case tree.Call():
            message = f"there is no loss `{node.function}`"
            help = did_you_mean(node.function, LOSSES, f"there are {', '.join(LOSSES)}")
            raise scope.fail(node.span, "unknown-loss", message, help)
        case _:
            message = f"{quote(node.span)} is no term of a loss"
            help = "a loss is a sum of terms such as `0.3*cross_entropy(aux1)`"
            raise scope.fail(node.span, "bad-loss", message, help)


def _times(scope: Scope, node: tree.Expression, coefficient: float, factor: float) -> float:
    product = coefficient * factor
    if not math.isfinite(product) or abs(product) > LARGEST_NUMBER:
        message = f"this weight is more than {LARGEST_NUMBER:,}"
        help = "check the numbers that lead here"
        raise scope.fail(node.span, "number-too-large", message, help)
    return product


def _term(scope: Scope, call: tree.Call, coefficient: float) -> LossTerm:
    counts = LOSSES[call.function]
    count = counts[-1]
    if len(call.arguments) not in counts:
        wanted = f"{' or '.join(map(str, counts))} value{'s' * (count > 1)}"
        message = f"`{call.function}` takes {wanted} of the net, not {len(call.arguments)}"
        example = {"kl": "mu, logvar"}.get(call.function, "xhat, x" if count > 1 else "logits")
        help = f"write `{call.function}({example})`"
        raise scope.fail(call.span, "wrong-arguments", message, help)
    settings = dict(_setting(scope, call, setting) for setting in call.settings)
    arguments = call.arguments
    two = len(arguments) == 2 and call.function in COMPARING
    given = two and _is_target(scope, arguments[-1])
    if two and not given and _is_target(scope, arguments[0]):
        message = f"`{TARGET}` is the second value of `{call.function}`"
        help = f"write `{call.function}({arguments[1].span.text}, {TARGET})`"
        raise scope.fail(arguments[0].span, "wrong-arguments", message, help)
    values = [_value(scope, argument) for argument in (arguments[:-1] if given else arguments)]
    shapes = [v.shape for v in values if v.shape is not None]
    if len(shapes) == 2 and not may_be_equal(*shapes):
        both = " and ".join(map(str, shapes))
        message = f"`{call.function}` compares values of one shape, not {both}"
        help = "bring both to one shape, or name other values"
        raise scope.fail(call.span, "loss-shape-mismatch", message, help)
    names = (*(v.name for v in values), *[TARGET] * given)
    return LossTerm(
        coefficient=coefficient, function=call.function, arguments=names, settings=settings
    )


def _setting(scope: Scope, call: tree.Call, setting: tree.Keyed) -> tuple[str, int | float]:
    """A setting's key and number."""
    key, function = setting.key, call.function
    known = [k for k in (SETTINGS.get(function), RAMP) if k]
    if key not in known:
        message = f"`{function}` has no `{key}=`"
        help = did_you_mean(key, known, f"it has {' and '.join(f'`{k}=`' for k in known)}")
        raise scope.fail(setting.span, "unknown-argument", message, help)
    if sum(other.key == key for other in call.settings) > 1:
        message = f"`{key}=` stands here twice"
        raise scope.fail(call.span, "given-twice", message, "leave one of them out")
    assert not isinstance(setting.value, tree.Size | tree.ShapeLiteral | tree.TupleValue)
    number = scope.number(setting.value)
    fits, help = {
        "gamma": (0 <= number <= MOST_GAMMA, f"it is a number from 0 to {MOST_GAMMA}"),
        "window": (
            number in range(1, MOST_WINDOW + 1, 2),
            f"it is an odd number of pixels, {MOST_WINDOW} at most",
        ),
        RAMP: (0 <= number <= MOST_EPOCHS, f"it is a number of epochs, {MOST_EPOCHS:,} at most"),
    }[key]
    if not fits:
        message = f"`{key}` of `{function}` can't be {number:,}"
        raise scope.fail(setting.span, "invalid-argument", message, help)
    return key, number


def _is_target(scope: Scope, argument: tree.Expression) -> bool:
    """Whether an argument means what comes with the data: nothing in the net is called so."""
    named = isinstance(argument, tree.Name) and scope.text(argument) == TARGET
    return named and scope.known(TARGET) is None


def _value(scope: Scope, argument: tree.Expression) -> Value:
    value = scope.meaning(argument)
    if isinstance(value, Value):
        return value
    if scope.poisoned.covers(argument.span.text):
        raise UnknownError
    message = f"{quote(argument.span)} is no value of the net"
    help = "a loss takes labels, inputs and heads"
    raise scope.fail(argument.span, "not-a-value", message, help)


def _holds_loss(node: tree.Expression) -> bool:
    """Whether a loss is called somewhere in the expression."""
    match node:
        case tree.Call():
            return node.function not in FUNCTIONS
        case tree.Binary():
            return _holds_loss(node.left) or _holds_loss(node.right)
        case tree.Unary():
            return _holds_loss(node.operand)
        case _:
            return False
