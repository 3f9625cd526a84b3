"""`exp`, `log`, `power` and `clamp` where random numbers won't do, against torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cnndsl.layers import LAYERS
from cnndsl.layers.base import ShapeError
from cnndsl.shape import Shape
from tests.support.against_torch import agrees_with_torch, random_array

SHAPE = Shape(3, (4, 5))


@pytest.mark.torch
@pytest.mark.parametrize(
    ("word", "fields", "function"),
    [
        ("exp", {}, lambda x: x.exp()),
        ("log", {}, lambda x: x.log()),
        *[("power", {"exponent": n}, lambda x, n=n: x**n) for n in (-1.0, 0.5, -0.5, 1 / 3, 0.0)],
        ("clamp", {"low": 1.0}, lambda x: x.clamp(1)),
        ("clamp", {"high": 1.0}, lambda x: x.clamp(max=1)),
    ],
)
def test_of_positive_numbers(
    word: str, fields: dict[str, Any], function: Callable[..., Any]
) -> None:
    x = np.abs(random_array(SHAPE)) + np.float32(0.1)
    agrees_with_torch(LAYERS[word](**fields), function, SHAPE, x=x)


def test_bounds() -> None:
    assert LAYERS["clamp"](low=0.0).cost((SHAPE,), SHAPE).flops == 60
    for fields in ({}, {"low": 1.0, "high": 0.5}):
        with pytest.raises(ShapeError) as caught:
            LAYERS["clamp"](**fields).shape(SHAPE)
        assert caught.value.code == "clamp-bounds"
