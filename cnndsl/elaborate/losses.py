"""The objective: a weighted sum of named losses over values of the net."""

from __future__ import annotations

import math

from cnndsl.diagnostics import did_you_mean
from cnndsl.elaborate.arithmetic import FUNCTIONS, LARGEST_NUMBER
from cnndsl.elaborate.construction import Construction
from cnndsl.elaborate.context import Context, Unknown, Value, quote
from cnndsl.elaborate.expressions import Evaluator
from cnndsl.network import LossTerm
from cnndsl.shape import Shape, equality
from cnndsl.syntax import tree

LOSSES = {"cross_entropy": 1, "bce": 2, "mse": 2, "l1": 2, "huber": 2, "kl": 2}
"""Every loss with the number of values it takes; cross_entropy's target comes with the data."""


def loss_terms(
    build: Construction, context: Context, expression: tree.Expression
) -> list[LossTerm]:
    """The terms of `cross_entropy(logits) + 0.3*cross_entropy(aux1)`; those without errors."""
    return _Terms(build, context).read(expression, 1.0)


class _Terms:
    def __init__(self, build: Construction, context: Context):
        self.build, self.context = build, context
        self.evaluate = Evaluator(build, context)

    def read(self, node: tree.Expression, coefficient: float) -> list[LossTerm]:
        """The terms of a sum, each times the coefficient; every mistake is reported."""
        try:
            return self._read(node, coefficient)
        except Unknown:
            return []

    def _read(self, node: tree.Expression, coefficient: float) -> list[LossTerm]:
        match node:
            case tree.Binary(operator="+" | "-"):
                left = self.read(node.left, coefficient)
                sign = 1.0 if node.operator == "+" else -1.0
                return left + self.read(node.right, sign * coefficient)
            case tree.Unary(operator="-"):
                return self.read(node.operand, -coefficient)
            case tree.Binary(operator="*") if _holds_loss(node.left) != _holds_loss(node.right):
                factor, term = node.left, node.right
                if _holds_loss(node.left):
                    factor, term = term, factor
                weight = self.evaluate.number(factor)
                return self.read(term, self._times(node, coefficient, weight))
            case tree.Binary(operator="/") if not _holds_loss(node.right):
                divisor = self.evaluate.number(node.right)
                if divisor == 0:
                    message = f"{quote(node.span)} divides by 0"
                    raise self._fail(node, "division-by-zero", message, "divide by another number")
                return self.read(node.left, self._times(node, coefficient, 1 / divisor))
            case tree.Call() if node.function in LOSSES:
                return [self._term(node, coefficient)]
            case tree.Call():
                message = f"there is no loss `{node.function}`"
                help = did_you_mean(node.function, LOSSES, f"there are {', '.join(LOSSES)}")
                raise self._fail(node, "unknown-loss", message, help)
            case _:
                message = f"{quote(node.span)} is no term of a loss"
                help = "a loss is a sum of terms such as `0.3*cross_entropy(aux1)`"
                raise self._fail(node, "bad-loss", message, help)

    def _times(self, node: tree.Expression, coefficient: float, factor: float) -> float:
        product = coefficient * factor
        if not math.isfinite(product) or abs(product) > LARGEST_NUMBER:
            message = f"this weight is more than {LARGEST_NUMBER:,}"
            help = "check the numbers that lead here"
            raise self._fail(node, "number-too-large", message, help)
        return product

    def _term(self, call: tree.Call, coefficient: float) -> LossTerm:
        count = LOSSES[call.function]
        if len(call.arguments) != count:
            wanted = f"{count} value{'s' * (count > 1)}"
            message = f"`{call.function}` takes {wanted} of the net, not {len(call.arguments)}"
            example = {"kl": "mu, logvar"}.get(call.function, "xhat, x" if count > 1 else "logits")
            help = f"write `{call.function}({example})`"
            raise self._fail(call, "wrong-arguments", message, help)
        values = [self._value(argument) for argument in call.arguments]
        shapes = [v.shape for v in values if v.shape is not None]
        if len(shapes) == 2 and not _may_be_equal(*shapes):
            both = " and ".join(map(str, shapes))
            message = f"`{call.function}` compares values of one shape, not {both}"
            help = "bring both to one shape, or name other values"
            raise self._fail(call, "loss-shape-mismatch", message, help)
        names = tuple(v.name for v in values)
        return LossTerm(coefficient=coefficient, function=call.function, arguments=names)

    def _value(self, argument: tree.Expression) -> Value:
        value = self.evaluate.meaning(argument)
        if isinstance(value, Value):
            return value
        if self.build.forgotten.covers(argument.span.text):
            raise Unknown
        message = f"{quote(argument.span)} is no value of the net"
        help = "a loss takes labels, inputs and heads"
        raise self._fail(argument, "not-a-value", message, help)

    def _fail(self, node: tree.Expression, code: str, message: str, help: str) -> Unknown:
        self.build.error(self.context, node.span, code, message, help)
        return Unknown()


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


def _may_be_equal(a: Shape, b: Shape) -> bool:
    """Whether the shapes are equal for some size at least."""
    return (
        a.channels == b.channels
        and a.rank == b.rank
        and all(equality(m, n) is not False for m, n in zip(a.space, b.space, strict=True))
    )
