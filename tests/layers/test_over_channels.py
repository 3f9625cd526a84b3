"""`gap channels` and `gmp channels`."""

from __future__ import annotations

import numpy as np
import pytest

from cnndsl.layers.base import ShapeError
from cnndsl.layers.globalpool import GlobalAverage, GlobalMaximum
from cnndsl.shape import Shape
from tests.support.against_torch import random_array
from tests.support.run_layer import run_layer
from tests.support.symbolic import run_symbolic


@pytest.mark.parametrize("space", [(), (7,), (4, 5), (2, 3, 4)])
def test_over_the_channels(space: tuple[int, ...]) -> None:
    shape = Shape(6, space)
    x = random_array(shape)
    mean, maximum = GlobalAverage(channels=True), GlobalMaximum(channels=True)
    for run in (run_layer, run_symbolic) if space else (run_layer,):
        np.testing.assert_allclose(run(mean, x), x.mean(1, keepdims=True), rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(run(maximum, x), x.max(1, keepdims=True))
    assert mean.receptive_field((shape,), mean.shape(shape)) == ()
    assert mean.cost((shape,), mean.shape(shape)).flops == shape.elements
    assert maximum.cost((shape,), maximum.shape(shape)).flops == 5 * shape.elements // 6
    assert mean.explain((shape,), mean.shape(shape)) == ["at every position over 6 channels"]


def test_over_the_channels_there_is_no_size() -> None:
    with pytest.raises(ShapeError) as caught:
        GlobalAverage(channels=True, output=(2, 2)).shape(Shape(6, (4, 4)))
    assert caught.value.field == "output"
