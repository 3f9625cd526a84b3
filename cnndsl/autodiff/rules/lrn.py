"""LRN: local response normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import onnx_ir as ir

from cnndsl.autodiff.backward import Backward, Gradient, rule
from cnndsl.graphs.writer import Writer


@rule("LRN")
def lrn(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """y = x/S^β with S = k + α·A(x²), A the mean over the n channels around, zeros beyond them.

    xⱼ has a part in the S of every channel i whose window holds it: ∂Sᵢ/∂xⱼ = 2·α/n·xⱼ. These are
    the channels around j again, since n is odd, so

        dX = dY/S^β − 2·α·β·X·A(dY·Y/S)
    """
    (dy,), (x,), (y,) = cotangents, node.inputs, node.outputs
    assert x is not None
    s, divisor = local_scale(back, node, x)
    others = _mean(back, node, x, back.op("Div", back.op("Mul", dy, y), s))
    factor = 2 * node.attributes.get_float("alpha", 1e-4) * node.attributes.get_float("beta", 0.75)
    scaled = back.op("Mul", others, back.constant(factor, "float"))
    return [back.op("Sub", back.op("Div", dy, divisor), back.op("Mul", x, scaled))]


def local_scale(write: Writer, node: ir.Node, x: ir.Value) -> tuple[ir.Value, ir.Value]:
    """S and S^β; for 3/4, which everybody takes, by roots: a power takes several times as long."""
    alpha, beta, k = (
        node.attributes.get_float(name, default)
        for name, default in (("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0))
    )
    squares = _mean(write, node, x, write.op("Mul", x, x))
    scaled = write.op("Mul", squares, write.constant(alpha, "float"))
    s = write.op("Add", scaled, write.constant(k, "float"))
    if abs(beta - 0.75) > 1e-6:
        return s, write.op("Pow", s, write.constant(beta, "float"))
    root = write.op("Sqrt", s)
    return s, write.op("Mul", root, write.op("Sqrt", root))


def _mean(write: Writer, node: ir.Node, x: ir.Value, value: ir.Value) -> ir.Value:
    """Over channels, as over the rows of an image [batch, 1, channels, positions]; any batch."""
    assert x.shape is not None
    rest = [n for n in list(x.shape)[1:] if isinstance(n, int)]
    size = node.attributes.get_int("size", 1)
    same = 0  # as it is
    image = write.constant([same, 1, rest[0], prod(rest[1:])])
    averages = write.op(
        "AveragePool",
        write.op("Reshape", value, image),
        kernel_shape=[size, 1],
        pads=[size // 2, 0, size // 2, 0],
        count_include_pad=1,
    )
    return write.op("Reshape", averages, write.constant([same, *rest]))
