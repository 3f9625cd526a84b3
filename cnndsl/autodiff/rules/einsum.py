"""Einsum without ellipsis and without a letter twice in one operand."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from cnndsl.autodiff.backward import Backward, Gradient, rule
from cnndsl.diagnostics import UsageError


@rule("Einsum")
def einsum(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """Y = Σ A·B·…: dA is the same sum with dY in the place of A.

    A letter that A alone has was summed away; there dA is the same for every index.
    """
    (dy,) = cotangents
    operands, result = _letters(node)
    gradients: list[Gradient] = []
    for i, (x, letters) in enumerate(zip(node.inputs, operands, strict=True)):
        if x is None or not back.needs(x):
            gradients.append(None)
            continue
        others = [
            (v, o) for j, (v, o) in enumerate(zip(node.inputs, operands, strict=True)) if j != i
        ]
        known = set(result).union(*(o for _, o in others))
        kept = "".join(c for c in letters if c in known)
        equation = ",".join([result, *(o for _, o in others)]) + "->" + kept
        dx = back.op("Einsum", dy, *(v for v, _ in others), equation=equation)
        if kept != letters:
            shape = list(back.shape(x))
            ones = [n if c in known else 1 for c, n in zip(letters, shape, strict=True)]
            dx = back.op(
                "Expand", back.op("Reshape", dx, back.constant(ones)), back.constant(shape)
            )
        gradients.append(dx)
    return gradients


def _letters(node: ir.Node) -> tuple[list[str], str]:
    """Of every operand and of the result; left out, the result has those that occur once."""
    equation = node.attributes.get_string("equation", "").replace(" ", "")
    left, arrow, result = equation.partition("->")
    operands = left.split(",")
    if "." in equation or any(len(set(o)) < len(o) for o in operands):
        raise UsageError(f"there is no gradient of `{equation}`")
    if not arrow:
        every = "".join(operands)
        result = "".join(sorted(c for c in set(every) if every.count(c) == 1))
    return operands, result
