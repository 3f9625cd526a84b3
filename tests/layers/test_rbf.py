"""LeNet-5's distances to fixed codes."""

from __future__ import annotations

import numpy as np
import pytest

from cnndsl.layers.base import ShapeError
from cnndsl.layers.rbf import RadialBasis
from cnndsl.shape import Shape
from tests.support.run_layer import run_layer


def test_is_minus_the_squared_distance() -> None:
    layer = RadialBasis(classes=10)
    codes = np.array(layer.codes(84))
    x = np.random.default_rng(0).standard_normal((3, 84))
    expected = -((x[:, None, :] - codes) ** 2).sum(-1)
    np.testing.assert_allclose(run_layer(layer, x), expected, rtol=1e-5)


def test_codes_lie_far_apart_and_find_themselves() -> None:
    layer = RadialBasis(classes=64)
    codes = np.array(layer.codes(84))
    distances = (codes[:, None] != codes).sum(-1) + 84 * np.eye(64)
    assert distances.min() >= 32
    assert (run_layer(layer, codes).argmax(1) == np.arange(64)).all()


@pytest.mark.parametrize(
    ("shape", "classes", "code"),
    [(Shape(6, (5, 5)), 10, "needs-vector"), (Shape(84), 65, "too-many-codes")],
)
def test_refuses(shape: Shape, classes: int, code: str) -> None:
    with pytest.raises(ShapeError) as caught:
        RadialBasis(classes=classes).shape(shape)
    assert caught.value.code == code
