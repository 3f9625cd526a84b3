"""Values chosen from several: Clip, Min, Max, Where."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import onnx_ir as ir

from cnndsl.autodiff.backward import Backward, Gradient, rule
from cnndsl.autodiff.rules.elementwise import to_input
from cnndsl.autodiff.rules.masks import above, below, equal

LARGEST_BOUND = 1e37  # exporters write the largest number there is for none


@rule("Clip")
def clip(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """dX = dY where Y lies between the bounds, which Y tells apart; a bound gets the others'.

    Where the lower bound isn't below the upper one, Y is the upper one everywhere.
    """
    (dy,), (x, *bounds), (y,) = cotangents, node.inputs, node.outputs
    one = back.constant(1.0, "float")
    low, high = (_within(back, y, bound, i) for i, bound in enumerate((*bounds, None, None)[:2]))
    d_bounds = list[Gradient]()
    for i, (bound, mask) in enumerate(zip(bounds, (low, high), strict=False)):
        cut: Gradient = None
        if mask is not None and back.needs(bound):
            cut = back.op("Mul", dy, back.op("Sub", one, mask))
            if i == 0 and high is not None:
                cut = back.op("Mul", cut, high)
            cut = to_input(back, cut, node, i + 1)
        d_bounds.append(cut)
    dx = dy
    for mask in (low, high):
        dx = dx if mask is None or dx is None else back.op("Mul", dx, mask)
    return [dx if back.needs(x) else None, *d_bounds]


def _within(back: Backward, y: ir.Value, bound: ir.Value | None, index: int) -> Gradient:
    """1 where Y lies within the lower bound (0) or the upper one (1), else 0; None for no bound."""
    if bound is None:
        return None
    if bound.const_value is None:
        return back.op(
            "Cast", back.op("Less" if index else "Greater", y, bound), to=back.float_type
        )
    number = float(bound.const_value.numpy().reshape(()))
    if not isfinite(number) or abs(number) > LARGEST_BOUND:
        return None
    return (below if index else above)(back, y, number)


@rule("Max", "Min")
def extremum(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """dY goes to the operands that equal Y, in equal shares where several do."""
    (dy,), (y,) = cotangents, node.outputs
    if len(node.inputs) == 1:
        return [dy]
    masks = [equal(back, x, y) for x in node.inputs]
    share = back.op("Div", dy, back.op("Sum", *masks))
    return [to_input(back, back.op("Mul", share, m), node, i) for i, m in enumerate(masks)]


@rule("Where")
def where(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """dA = dY where the condition holds, dB = dY elsewhere."""
    (dy,), (condition, a, b) = cotangents, node.inputs
    zero = back.constant(0.0, "float")
    da = db = None
    if back.needs(a):
        da = to_input(back, back.op("Where", condition, dy, zero), node, 1)
    if back.needs(b):
        db = to_input(back, back.op("Where", condition, zero, dy), node, 2)
    return [None, da, db]
