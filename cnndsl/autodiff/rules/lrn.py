"""LRN: local response normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import onnx_ir as ir

from cnndsl.autodiff.backward import Backward, Gradient, rule


@rule("LRN")
def lrn(back: Backward, node: ir.Node, received: Sequence[Gradient]) -> Sequence[Gradient]:
    """y = x·S^−β with S = k + α·A(x²), A the mean over the n channels around, zeros beyond them.

    xⱼ has a part in the S of every channel i whose window holds it: ∂Sᵢ/∂xⱼ = 2·α/n·xⱼ. These are
    the channels around j again, since n is odd, so

        dX = dY·S^−β − 2·α·β·X·A(dY·Y/S)

    The mean over channels is that over the rows of an image [batch, 1, channels, positions].
    """
    (dy,), (x,), (y,) = received, node.inputs, node.outputs
    assert x is not None
    shape = back.shape(x)
    size = node.attributes.get_int("size", 1)
    alpha, beta, k = (
        node.attributes.get_float(name, default)
        for name, default in (("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0))
    )
    image = back.constant([shape[0], 1, shape[1], prod(shape[2:])])

    def mean(value: ir.Value) -> ir.Value:
        averages = back.op(
            "AveragePool",
            back.op("Reshape", value, image),
            kernel_shape=[size, 1],
            pads=[size // 2, 0, size // 2, 0],
            count_include_pad=1,
        )
        return back.op("Reshape", averages, back.constant(list(shape)))

    squares = back.op("Mul", mean(back.op("Mul", x, x)), back.constant(alpha, "float"))
    s = back.op("Add", squares, back.constant(k, "float"))
    own = back.op("Mul", dy, _power(back, s, beta))
    others = mean(back.op("Div", back.op("Mul", dy, y), s))
    scaled = back.op("Mul", others, back.constant(2 * alpha * beta, "float"))
    return [back.op("Sub", own, back.op("Mul", x, scaled))]


def _power(back: Backward, s: ir.Value, beta: float) -> ir.Value:
    """S^−β; 3/4, which everybody takes, by roots: a power takes several times as long."""
    if abs(beta - 0.75) > 1e-6:
        return back.op("Pow", s, back.constant(-beta, "float"))
    root = back.op("Sqrt", s)
    return back.op("Reciprocal", back.op("Mul", root, back.op("Sqrt", root)))
