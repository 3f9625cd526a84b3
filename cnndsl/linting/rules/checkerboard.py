"""Patterns that transposed convolutions leave."""

from __future__ import annotations

from collections.abc import Iterator

from cnndsl.layers.windows import broadcast
from cnndsl.linting.rule import Finding, Rule
from cnndsl.linting.spec import Spec


class Checkerboard(Rule):
    """The window of a transposed convolution isn't a multiple of its stride, so windows overlap
    more at some pixels than at others, and pictures get a checkerboard pattern (Odena, Dumoulin,
    Olah 2016, Deconvolution and Checkerboard Artifacts, distill.pub). A multiple, such as `4x4 s2`,
    or `upsample 2` and a convolution don't.
    """

    code = "checkerboard-pattern"
    wrong = """
        cnndsl 1
        net N
        input code 64@8x8
        deconv 3x3 32 s2 relu
        xhat: conv 3x3 3 p1 sigmoid
        output xhat
        """
    right = """
        cnndsl 1
        net N
        input code 64@8x8
        deconv 4x4 32 s2 p1 relu
        xhat: conv 3x3 3 p1 sigmoid
        output xhat
        """

    def find(self, spec: Spec) -> Iterator[Finding]:
        for step in spec.network.steps:
            if step.layer.word != "deconv":
                continue
            (x,) = spec.network.input_shapes(step)
            sizes, strides = (
                broadcast(getattr(step.layer, field), x, field) for field in ("kernel", "stride")
            )
            uneven = [(k, s) for k, s in zip(sizes, strides, strict=True) if k % s]
            if uneven:
                k, s = uneven[0]
                message = f"windows of {k} at stride {s} overlap unevenly: pictures get a pattern"
                help = f"use a window of {(k // s + 1) * s}, or `upsample {s}` and a convolution"
                yield Finding(step.origin, message, help)
