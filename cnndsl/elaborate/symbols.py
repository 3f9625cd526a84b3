"""Bounds on symbolic sizes: how hard they may be to follow, and what comparing them costs."""

from __future__ import annotations

from collections.abc import Sequence
from math import lcm

from cnndsl.layers.base import ShapeError
from cnndsl.shape import LARGEST_PERIOD, Condition, Dim, Shape, Symbolic

LARGEST_MODULUS = 1 << 16
LARGEST_DIVISOR = 1 << 20  # an input's side has no more pixels
LARGEST_FACTOR = 1 << 40
WORK_A_RESIDUE = 8  # beside reading a line


def too_complex(shape: Shape) -> bool:
    """Whether a size has been divided or multiplied so often that no input could need it."""
    return any(
        d.period > LARGEST_DIVISOR or max(d.scale, abs(d.offset)) > LARGEST_FACTOR
        for d in shape.space
        if isinstance(d, Symbolic)
    )


def equality_work(shapes: Sequence[Shape]) -> int:
    """What it takes to find out whether the shapes' sizes are equal."""
    if all(x.space == shapes[0].space for x in shapes):
        return 0
    return WORK_A_RESIDUE * sum(min(_period(d), LARGEST_PERIOD) for x in shapes for d in x.space)


def joined(before: Condition | None, condition: Condition) -> Condition:
    """Both at once; raises ShapeError where no size satisfies both."""
    if before is None or before == condition:
        return condition
    if lcm(before.modulus, condition.modulus) > LARGEST_MODULUS:
        message = f"what {condition.name} must satisfy here and above is too complex to follow"
        raise ShapeError("symbolic-too-complex", message, help="give the input a fixed size")
    both = before.joined(condition)
    if both is None:
        message = f"{condition} here, but from above: {before}"
        help = "no size satisfies both: pad with `half` or `p1`, or `crop`"
        raise ShapeError("impossible-size", message, help=help)
    return both


def _period(size: Dim) -> int:
    return size.period if isinstance(size, Symbolic) else 1
