"""Any convolution, for the tests of its gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.autodiff.check import Array

Case = tuple[list[Array], dict[str, Any]]
"""The inputs of a node, and its attributes."""


@st.composite
def convolutions(draw: st.DrawFn) -> Case:
    rank = draw(st.sampled_from([1, 2, 2, 2, 3]))

    def each(low: int, high: int) -> list[int]:
        return [draw(st.integers(low, high)) for _ in range(rank)]

    kernel, strides, dilations = each(1, 4), each(1, 3), each(1, 2)
    pads = each(0, 3) + each(0, 3) if draw(st.booleans()) else [0] * 2 * rank
    group = draw(st.sampled_from([1, 1, 2, 3]))
    inner, outer = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    more = draw(st.integers(0, 6))
    sizes = [
        max(d * (k - 1) + 1 - pads[i] - pads[i + rank] + more, 1)
        for i, (k, d) in enumerate(zip(kernel, dilations, strict=True))
    ]
    random = np.random.default_rng(draw(st.integers(0, 9)))
    x = random.standard_normal((draw(st.integers(1, 3)), group * inner, *sizes))
    arrays = [x, random.standard_normal((group * outer, inner, *kernel))]
    if draw(st.booleans()):
        arrays.append(random.standard_normal(group * outer))
    attributes = {"strides": strides, "dilations": dilations, "pads": pads, "group": group}
    return arrays, attributes
