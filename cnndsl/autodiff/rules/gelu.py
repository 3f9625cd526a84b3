"""Gelu, an operator since opset 20."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi, sqrt

import onnx_ir as ir

from cnndsl.autodiff.backward import Backward, Gradient, rule


@rule("Gelu")
def gelu(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """y = x·Φ(x): dX = dY·(Φ(x) + x·φ(x)), Φ(x) = (1 + erf(x/√2))/2, φ(x) = exp(−x²/2)/√(2π)."""
    (dy,), (x,) = cotangents, node.inputs
    if node.attributes.get_string("approximate", "none") == "tanh":
        return [back.op("Mul", dy, _by_tanh(back, x))]
    half = back.constant(0.5, "float")
    erf = back.op("Erf", back.op("Mul", x, back.constant(sqrt(0.5), "float")))
    distribution = back.op("Add", back.op("Mul", erf, half), half)
    square = back.op("Mul", x, x)
    bell = back.op("Exp", back.op("Mul", square, back.constant(-0.5, "float")))
    density = back.op("Mul", bell, back.constant(1 / sqrt(2 * pi), "float"))
    return [back.op("Mul", dy, back.op("Add", distribution, back.op("Mul", x, density)))]


def _by_tanh(back: Backward, x: ir.Value | None) -> ir.Value:
    """y = x/2·(1 + t) with t = tanh u, u = r·(x + k·x³), r = √(2/π), k = 0.044715.

    So the slope is (1 + t)/2 + x/2·(1 − t²)·r·(1 + 3·k·x²).
    """
    r, k = sqrt(2 / pi), 0.044715
    one, half = back.constant(1.0, "float"), back.constant(0.5, "float")
    square = back.op("Mul", x, x)
    bent = back.op("Add", back.op("Mul", square, back.constant(k, "float")), one)
    u = back.op("Mul", back.op("Mul", x, bent), back.constant(r, "float"))
    t = back.op("Tanh", u)
    first = back.op("Mul", back.op("Add", t, one), half)
    inner = back.op(
        "Add",
        back.op("Mul", square, back.constant(3 * k * r / 2, "float")),
        back.constant(r / 2, "float"),
    )
    slope = back.op("Sub", one, back.op("Mul", t, t))
    second = back.op("Mul", back.op("Mul", x, slope), inner)
    return back.op("Add", first, second)
