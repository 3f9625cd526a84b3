import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnndsl.layers.base import ShapeError
from cnndsl.layers.resample import PixelShuffle, PixelUnshuffle, Upsample
from cnndsl.shape import Shape, Symbolic
from tests.support.peers import torch
from tests.support.run_layer import run_layer
from tests.support.symbolic import run_symbolic

LINEAR = ("linear", "bilinear", "trilinear")


def image(shape):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


@pytest.mark.torch
@settings(max_examples=40)
@given(data=st.data(), mode=st.sampled_from(("nearest", "linear")))
def test_upsample_equals_torch(data, mode):
    rank = data.draw(st.sampled_from((1, 2, 2, 3)))
    space = data.draw(st.tuples(*[st.integers(1, 7)] * rank))
    factors = data.draw(st.tuples(*[st.integers(1, 4)] * rank))
    x = image((2, 3, *space))
    t = torch()
    expected = t.nn.functional.interpolate(
        t.from_numpy(x),
        scale_factor=tuple(map(float, factors)),
        mode=mode if mode == "nearest" else LINEAR[rank - 1],
    ).numpy()
    layer = Upsample(factor=factors, mode=mode)
    for run in (run_layer, run_symbolic):
        np.testing.assert_allclose(run(layer, x), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.torch
@pytest.mark.parametrize("factor", [1, 2, 3])
def test_pixelshuffle_equals_torch(factor):
    x = image((2, 2 * factor**2, 4, 5))
    t = torch()
    expected = t.nn.functional.pixel_shuffle(t.from_numpy(x), factor).numpy()
    for run in (run_layer, run_symbolic):
        np.testing.assert_array_equal(run(PixelShuffle(factor=factor), x), expected)


@pytest.mark.torch
@pytest.mark.parametrize("factor", [1, 2, 3])
@pytest.mark.parametrize("channels", [1, 3])
def test_pixelunshuffle_equals_torch(factor, channels):
    x = image((2, channels, 4 * factor, 5 * factor))
    t = torch()
    expected = t.nn.functional.pixel_unshuffle(t.from_numpy(x), factor).numpy()
    for run in (run_layer, run_symbolic):
        np.testing.assert_array_equal(run(PixelUnshuffle(factor=factor), x), expected)


def test_squares_need_sizes_that_the_factor_divides():
    layer = PixelUnshuffle(factor=2)
    (condition,) = layer.conditions(Shape(1, (Symbolic("H"), 8)))
    assert str(condition) == "H must be divisible by 2"
    for size in (7, Symbolic("H", 2, 1)):
        with pytest.raises(ShapeError) as caught:
            layer.shape(Shape(1, (8, size)))
        assert caught.value.code == "windows-uneven"


@pytest.mark.parametrize(
    ("layer", "shape", "code"),
    [
        (Upsample(factor=2), Shape(8), "needs-space"),
        (Upsample(factor=(2, 2)), Shape(8, (4, 4, 4)), "wrong-axes"),
        (PixelShuffle(factor=2), Shape(6, (4, 4)), "groups-mismatch"),
        (PixelShuffle(factor=2), Shape(8, (4,)), "wrong-axes"),
        (PixelUnshuffle(factor=2), Shape(8, (4,)), "wrong-axes"),
    ],
)
def test_errors(layer, shape, code):
    with pytest.raises(ShapeError) as caught:
        layer.shape(shape)
    assert caught.value.code == code


def test_costs():
    x, y = Shape(4, (8, 8)), Shape(4, (16, 16))
    assert Upsample(factor=2).cost((x,), y).flops == 0
    assert Upsample(factor=2, mode="linear").cost((x,), y).flops == 7 * y.elements
    assert PixelShuffle(factor=2).cost((Shape(16, (8, 8)),), y).flops == 0


def test_reach_and_explanation():
    x, y = Shape(16, (8, 8)), Shape(16, (16, 8))
    nearest, linear = Upsample(factor=(2, 1)), Upsample(factor=(2, 1), mode="linear")
    (height, width) = nearest.reach((x,), y)
    assert (height.size, float(height.step), float(height.start)) == (1, 0.5, -0.25)
    assert (width.size, width.step, width.start) == (1, 1, 0)
    assert [r.size for r in linear.reach((x,), y)] == [2, 1]
    assert nearest.explain((x,), y) == ["height: 2·8 = 16", "width: 1·8 = 8"]
    shuffled = Shape(4, (16, 16))
    assert PixelShuffle(factor=2).reach((x,), shuffled)[0] == height
    assert PixelShuffle(factor=2).explain((x,), shuffled) == [
        "channels: 16/2² = 4",
        "height: 2·8 = 16",
        "width: 2·8 = 16",
    ]
    small = Shape(64, (8, 8))
    assert PixelUnshuffle(factor=2).cost((shuffled,), small).flops == 0
    (height, _) = PixelUnshuffle(factor=2).reach((x,), small)
    assert (height.size, height.step, height.start) == (2, 2, 0)
    assert PixelUnshuffle(factor=2).explain((x,), Shape(64, (4, 4))) == [
        "channels: 16·2² = 64",
        "height: 8/2 = 4",
        "width: 8/2 = 4",
    ]
