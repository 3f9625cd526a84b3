"""Normalisations by lengths that a model writes as arithmetic: `l2norm` and `grn`."""

from __future__ import annotations

from math import prod
from typing import Literal

from cnndsl.importing.draft import Draft, Float, Step, Value
from cnndsl.importing.nodes import shortest
from cnndsl.layers.arithmetic import Add, Div, Mul
from cnndsl.layers.base import Layer
from cnndsl.layers.functions import Clamp, Power
from cnndsl.layers.globalpool import GlobalAverage
from cnndsl.layers.lengths import GlobalResponse, UnitLength
from cnndsl.layers.scale import Scale

LEAST_EPS = 1e-12

Found = tuple[Layer, Value, dict[str, Float]]


def find_lengths(draft: Draft) -> None:
    """Put `l2norm` and `grn` in the place of their parts."""
    for step in draft.steps:
        found = _unit_length(step) or _response(step)
        if found is not None:
            step.layer, x, step.values = found
            step.inputs = [x]
    draft.tidy()


def _unit_length(step: Step) -> Found | None:
    """x over its length, which has a least value perhaps: or times the inverse root of a sum."""
    for x, other in (step.inputs, step.inputs[::-1]) if len(step.inputs) == 2 else ():
        match step.layer, other:
            case Div(), Step() if x is step.inputs[0]:
                length, eps = _bounded(other)
                if _length(length) == (x, "channels"):
                    return UnitLength(eps=eps), x, {}
            case Mul(), Step(layer=Power(exponent=-0.5)):
                squares, eps = _bounded(other.inputs[0])
                if _sum_of_squares(squares) == (x, "channels"):
                    eps = shortest(eps**0.5)
                    return UnitLength(eps=eps), x, {}
            case _:
                pass
    return None


def _bounded(value: Value) -> tuple[Value, float]:
    """A value and the least that it may be."""
    match value:
        case Step(layer=Clamp(low=float(low), high=None)) if 0 <= low <= 1:
            return value.inputs[0], low
        case _:
            return value, 0.0


def _response(step: Step) -> Found | None:
    """x + weight·x·g/(mean of g + eps) + bias."""
    if not isinstance(step.layer, Add) or len(step.inputs) != 2:
        return None
    for x, scaled in (step.inputs, step.inputs[::-1]):
        match scaled:
            case Step(layer=Scale(bias=True, shared=False) as scale, inputs=[Step() as product]):
                if scale.is_fixed or not isinstance(product.layer, Mul):
                    continue
                others = [v for v in product.inputs if v is not x]
                eps = _share(others[0], x) if len(others) == 1 else None
                if eps is not None:
                    return GlobalResponse(eps=eps), x, scaled.values
            case _:
                pass
    return None


def _share(value: Value, x: Value) -> float | None:
    """The eps of g/(mean of g + eps) where g are the lengths of the channels of x."""
    match value:
        case Step(
            layer=Div(),
            inputs=[
                lengths,
                Step(
                    layer=Scale(factor=None, offset=float(eps)),
                    inputs=[Step(layer=GlobalAverage(channels=True), inputs=[again])],
                ),
            ],
        ) if again is lengths and LEAST_EPS <= eps <= 1 and _length(lengths) == (x, "space"):
            return eps
        case _:
            return None


def _length(value: Value) -> tuple[Value, Literal["channels", "space"]] | None:
    match value:
        case Step(layer=Power(exponent=0.5), inputs=[squares]):
            return _sum_of_squares(squares)
        case _:
            return None


def _sum_of_squares(value: Value) -> tuple[Value, Literal["channels", "space"]] | None:
    """What is squared, and what the sum goes over."""
    count = 1.0
    match value:
        case Step(layer=Scale(factor=float(factor), offset=None), inputs=[mean]):
            value, count = mean, factor
        case _:
            pass
    match value:
        case Step(layer=GlobalAverage(output=None) as pool, inputs=[Step() as squares]):
            x = squares.inputs[0]
        case _:
            return None
    squared = isinstance(squares.layer, Power) and squares.layer.exponent == 2
    if not squared and not (isinstance(squares.layer, Mul) and squares.inputs == [x, x]):
        return None
    shape = x.output
    if pool.channels:
        return (x, "channels") if count == shape.channels else None
    return (x, "space") if shape.is_concrete and count == prod(shape.sizes) else None
