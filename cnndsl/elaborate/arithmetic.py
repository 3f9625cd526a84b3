"""What expressions are computed with: functions, operators, and how large numbers may be."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

LARGEST_NUMBER = 1 << 53  # beyond it floats are no longer exact
LARGEST_EXPONENT = 64


def round8(x: float) -> int:
    """To the nearest multiple of 8, never below 90 % of x: MobileNet's rule for channels.

    Source: Sandler et al. 2018, the authors' make_divisible.
    """
    rounded = max(8, int(x + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * x else rounded


FUNCTIONS: dict[str, tuple[Callable[..., Any], int, int]] = {
    "round8": (round8, 1, 1),
    "min": (min, 2, 9),
    "max": (max, 2, 9),
    "floor": (math.floor, 1, 1),
    "ceil": (math.ceil, 1, 1),
    "round": (round, 1, 1),
    "int": (int, 1, 1),
    "sqrt": (math.sqrt, 1, 1),
    "abs": (abs, 1, 1),
    "log2": (math.log2, 1, 1),
}
"""What may be called, with the least and most number of arguments."""

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda a, b: a / b,
    "//": lambda a, b: a // b,
    "%": operator.mod,
    "**": lambda a, b: a**b,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def normal(number: int | float) -> int | float:
    """Whole numbers as ints, whatever way they came about."""
    return int(number) if isinstance(number, bool) or number == int(number) else number
