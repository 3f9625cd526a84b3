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
def clip(back: Backward, node: ir.Node, received: Sequence[Gradient]) -> Sequence[Gradient]:
    """dX = dY where Y lies between the bounds, which Y tells apart; a bound gets the others'."""
    (dy,), (x, *bounds), (y,) = received, node.inputs, node.outputs
    dx, d_bounds = dy, list[Gradient]()
    one = back.constant(1.0, "float")
    for i, (bound, inside, comparison) in enumerate(
        zip(bounds, (above, below), ("Greater", "Less"), strict=False), start=1
    ):
        if bound is None:
            d_bounds.append(None)
            continue
        if bound.const_value is None:
            mask = back.op("Cast", back.op(comparison, y, bound), to=back.float_type)
        else:
            number = float(bound.const_value.numpy().reshape(()))
            if not isfinite(number) or abs(number) > LARGEST_BOUND:
                d_bounds.append(None)
                continue
            mask = inside(back, y, number)
        cut = back.op("Mul", dy, back.op("Sub", one, mask)) if back.needs(bound) else None
        d_bounds.append(to_input(back, cut, node, i) if cut is not None else None)
        dx = back.op("Mul", dx, mask)
    return [dx if back.needs(x) else None, *d_bounds]


@rule("Max", "Min")
def extremum(back: Backward, node: ir.Node, received: Sequence[Gradient]) -> Sequence[Gradient]:
    """dY goes to the operands that equal Y, in equal shares where several do."""
    (dy,), (y,) = received, node.outputs
    if len(node.inputs) == 1:
        return [dy]
    masks = [equal(back, x, y) for x in node.inputs]
    share = back.op("Div", dy, back.op("Sum", *masks))
    return [to_input(back, back.op("Mul", share, m), node, i) for i, m in enumerate(masks)]


@rule("Where")
def where(back: Backward, node: ir.Node, received: Sequence[Gradient]) -> Sequence[Gradient]:
    """dA = dY where the condition holds, dB = dY elsewhere."""
    (dy,), (condition, a, b) = received, node.inputs
    zero = back.constant(0.0, "float")
    da = db = None
    if back.needs(a):
        da = to_input(back, back.op("Where", condition, dy, zero), node, 1)
    if back.needs(b):
        db = to_input(back, back.op("Where", condition, zero, dy), node, 2)
    return [None, da, db]
