"""Activations. Where the output says enough the rule reads that, so that the input can go.

At a corner the gradient is that of the left side, 0 for a relu, as in PyTorch.
"""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from cnndsl.autodiff.backward import Backward, Gradient, rule
from cnndsl.autodiff.rules.elementwise import to_input
from cnndsl.autodiff.rules.masks import above, below


@rule("Relu")
def relu(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """dX = dY where Y > 0."""
    return [back.op("Mul", *cotangents, above(back, node.outputs[0]))]


@rule("ThresholdedRelu")
def thresholded_relu(
    back: Backward, node: ir.Node, cotangents: Sequence[Gradient]
) -> Sequence[Gradient]:
    """dX = dY where X > alpha."""
    threshold = node.attributes.get_float("alpha", 1.0)
    return [back.op("Mul", *cotangents, above(back, node.inputs[0], threshold))]


@rule("Shrink")
def shrink(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """dX = dY where X < −lambd or X > lambd."""
    bound = node.attributes.get_float("lambd", 0.5)
    (x,) = node.inputs
    return [
        back.op("Mul", *cotangents, back.op("Max", above(back, x, bound), below(back, x, -bound)))
    ]


@rule("LeakyRelu")
def leaky_relu(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """dX = dY·max([X > 0], slope), and Y > 0 where X is; by a sum where the slope lies outside."""
    slope = node.attributes.get_float("alpha", 0.01)
    if 0 <= slope <= 1:
        factor = back.op("Max", above(back, node.outputs[0]), back.constant(slope, "float"))
    else:
        step = above(back, node.inputs[0])
        more = back.op("Mul", step, back.constant(1 - slope, "float"))
        factor = back.op("Add", more, back.constant(slope, "float"))
    return [back.op("Mul", *cotangents, factor)]


@rule("PRelu")
def prelu(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """dX = dY·(s + (1 − s)·[X > 0]), ds = Σ dY·min(X, 0)."""
    (dy,), (x, slope) = cotangents, node.inputs
    dx = ds = None
    if back.needs(x):
        rest = back.op("Sub", back.constant(1.0, "float"), slope)
        factor = back.op("Add", back.op("Mul", above(back, x), rest), slope)
        dx = back.op("Mul", dy, factor)
    if back.needs(slope):
        negative = back.op("Min", x, back.constant(0.0, "float"))
        ds = to_input(back, back.op("Mul", dy, negative), node, 1)
    return [dx, ds]


@rule("Elu", "Selu", "Celu")
def elu(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """y = g·x where x > 0, else g·a·(exp(x/c) − 1), with c = 1 but for Celu, where a = c.

    Left of 0 dX = dY·(y + g·a)/c, right of it dY·g; y tells the sides apart. Left and right are
    joined as min(y, 0)/c + g·a/c + (g − g·a/c)·[y > 0], the last term 0 where g = g·a/c.
    """
    (y,) = node.outputs
    alpha = node.attributes.get_float("alpha", 1.6732632423543772 if _is_selu(node) else 1.0)
    gain = node.attributes.get_float("gamma", 1.0507009873554805) if _is_selu(node) else 1.0
    length = alpha if node.op_type == "Celu" else 1.0
    left = gain * alpha / length
    low = back.op("Min", y, back.constant(0.0, "float"))
    if length != 1:
        low = back.op("Mul", low, back.constant(1 / length, "float"))
    factor = back.op("Add", low, back.constant(left, "float"))
    if left != gain:
        step = back.op("Mul", above(back, y), back.constant(gain - left, "float"))
        factor = back.op("Add", factor, step)
    return [back.op("Mul", *cotangents, factor)]


def _is_selu(node: ir.Node) -> bool:
    return node.op_type == "Selu"


@rule("Sigmoid")
def sigmoid(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """dX = dY·(Y − Y²)."""
    (y,) = node.outputs
    return [back.op("Mul", *cotangents, back.op("Sub", y, back.op("Mul", y, y)))]


@rule("Tanh")
def tanh(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """dX = dY·(1 − Y²)."""
    (y,) = node.outputs
    slope = back.op("Sub", back.constant(1.0, "float"), back.op("Mul", y, y))
    return [back.op("Mul", *cotangents, slope)]


@rule("HardSigmoid")
def hard_sigmoid(
    back: Backward, node: ir.Node, cotangents: Sequence[Gradient]
) -> Sequence[Gradient]:
    """dX = alpha·dY where 0 < Y < 1."""
    (dy,), (y,) = cotangents, node.outputs
    alpha = back.constant(node.attributes.get_float("alpha", 0.2), "float")
    inside = back.op("Mul", above(back, y), below(back, y, 1.0))
    return [back.op("Mul", back.op("Mul", dy, alpha), inside)]


@rule("HardSwish")
def hard_swish(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """y = x·h with h = max(0, min(1, x/6 + 1/2)): dX = dY·(h + x/6·[|x| < 3])."""
    (dy,), (x,) = cotangents, node.inputs
    h = back.op("HardSigmoid", x, alpha=1 / 6, beta=0.5)
    inside = below(back, back.op("Abs", x), 3.0)
    part = back.op("Mul", back.op("Mul", x, back.constant(1 / 6, "float")), inside)
    return [back.op("Mul", dy, back.op("Add", h, part))]


@rule("Softplus")
def softplus(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """dX = dY·sigmoid(X)."""
    return [back.op("Mul", *cotangents, back.op("Sigmoid", node.inputs[0]))]


@rule("Softsign")
def softsign(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """y = x/(1 + |x|): dX = dY/(1 + |x|)² = dY·(1 − |y|)²."""
    rest = back.op("Sub", back.constant(1.0, "float"), back.op("Abs", node.outputs[0]))
    return [back.op("Mul", *cotangents, back.op("Mul", rest, rest))]


@rule("Mish")
def mish(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """y = x·t with t = tanh(softplus(x)): dX = dY·(t + x·(1 − t²)·sigmoid(x))."""
    (dy,), (x,) = cotangents, node.inputs
    t = back.op("Tanh", back.op("Softplus", x))
    slope = back.op("Sub", back.constant(1.0, "float"), back.op("Mul", t, t))
    inner = back.op("Mul", back.op("Mul", x, slope), back.op("Sigmoid", x))
    return [back.op("Mul", dy, back.op("Add", t, inner))]
