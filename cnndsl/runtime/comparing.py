"""Whether two models that should be the same give the same."""

from __future__ import annotations

import numpy as np

from cnndsl.runtime.session import Array

TOLERANCE, HALVES = 1e-3, 3e-2  # relative to an output's largest value; in float16


def difference(expected: Array, made: Array, half: bool = False) -> str:
    """What differs, in words; empty where nothing does.

    `half` says that one of both computes in 16 bits. Where the expected values are infinite or no
    numbers, nothing is compared.
    """
    if expected.size != made.size:
        return f"is {'x'.join(map(str, expected.shape))}, and not {'x'.join(map(str, made.shape))}"
    expected, made = expected.astype(np.float64).reshape(made.shape), made.astype(np.float64)
    known = np.isfinite(expected)
    if not known.any():
        return ""
    expected, made = expected[known], made[known]
    largest = np.abs(expected).max()
    error = np.abs(expected - made).max()
    if error <= (HALVES if half else TOLERANCE) * largest + 1e-6:
        return ""
    return f"differs by {error:.3g}, where its largest value is {largest:.3g}"
