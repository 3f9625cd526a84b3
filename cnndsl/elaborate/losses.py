"""The objective: a weighted sum of named losses over values of the net."""

from __future__ import annotations

from cnndsl.diagnostics import did_you_mean
from cnndsl.elaborate.construction import Construction
from cnndsl.elaborate.context import Context, Unknown, Value
from cnndsl.elaborate.expressions import Evaluator
from cnndsl.network import LossTerm
from cnndsl.syntax import tree

LOSSES = {"cross_entropy": 1, "bce": 2, "mse": 2, "l1": 2, "huber": 2, "kl": 2}
"""Every loss with the number of values it takes; cross_entropy's target comes with the data."""


def loss_terms(
    build: Construction, context: Context, expression: tree.Expression
) -> list[LossTerm]:
    """The terms of `cross_entropy(logits) + 0.3*cross_entropy(aux1)`; [] after an error."""
    try:
        return _terms(build, context, expression, 1.0)
    except Unknown:
        return []


def _terms(
    build: Construction, context: Context, node: tree.Expression, coefficient: float
) -> list[LossTerm]:
    evaluate = Evaluator(build, context)
    match node:
        case tree.Binary(operator="+" | "-"):
            sign = 1.0 if node.operator == "+" else -1.0
            left = _terms(build, context, node.left, coefficient)
            return left + _terms(build, context, node.right, sign * coefficient)
        case tree.Binary(operator="*"):
            factor, term = node.left, node.right
            if isinstance(node.left, tree.Call) and node.left.function in LOSSES:
                factor, term = term, factor
            return _terms(build, context, term, coefficient * evaluate.number(factor))
        case tree.Binary(operator="/"):
            return _terms(build, context, node.left, coefficient / evaluate.number(node.right))
        case tree.Call(function=function) if function in LOSSES:
            return [
                LossTerm(
                    coefficient=coefficient,
                    function=function,
                    arguments=_arguments(build, context, node),
                )
            ]
        case tree.Call():
            message = f"there is no loss `{node.function}`"
            help = did_you_mean(node.function, LOSSES, f"there are {', '.join(LOSSES)}")
            build.error(context, node.span, "unknown-loss", message, help)
        case _:
            message = "a loss is a sum of terms such as `0.3*cross_entropy(aux1)`"
            build.error(context, node.span, "bad-loss", message)
    raise Unknown


def _arguments(build: Construction, context: Context, call: tree.Call) -> tuple[str, ...]:
    count = LOSSES[call.function]
    if len(call.arguments) != count:
        message = f"`{call.function}` takes {count} value{'s' * (count > 1)} of the net"
        build.error(context, call.span, "wrong-arguments", message)
        raise Unknown
    names: list[str] = []
    for argument in call.arguments:
        value = Evaluator(build, context).meaning(argument)
        if not isinstance(value, Value):
            message = f"`{argument.span.text}` is no value of the net"
            build.error(context, argument.span, "unknown-value", message)
            raise Unknown
        names.append(value.name)
    return tuple(names)
