import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnndsl.layers.base import MOST_VIEWS, ShapeError
from cnndsl.layers.borders import Pad
from cnndsl.layers.resample import PixelShuffle, PixelUnshuffle, Upsample
from cnndsl.shape import Shape, Symbolic
from tests.support.peers import torch
from tests.support.run_layer import one_layer, run_layer, run_network
from tests.support.symbolic import run_symbolic

LINEAR = ("linear", "bilinear", "trilinear")


def image(shape):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


RANK = st.sampled_from((1, 2, 2, 3))
LINEAR_COORDINATES = {None: False, "half_pixel": False, "align_corners": True}


def interpolated(x, layer, rank, **fields):
    """What torch makes of it."""
    t = torch()
    if layer.mode == "linear":
        fields |= {"align_corners": LINEAR_COORDINATES[layer.coordinates]}
        mode = LINEAR[rank - 1]
    else:
        mode = "nearest-exact" if layer.coordinates == "half_pixel" else "nearest"
    return t.nn.functional.interpolate(t.from_numpy(x), mode=mode, **fields).numpy()


@st.composite
def upsamples(draw, **fields):
    mode = draw(st.sampled_from(("nearest", "linear")))
    choices = list(LINEAR_COORDINATES) if mode == "linear" else [None, "half_pixel"]
    return Upsample(mode=mode, coordinates=draw(st.sampled_from(choices)), **fields)


@pytest.mark.torch
@settings(max_examples=40)
@given(data=st.data())
def test_upsample_by_factors_equals_torch(data):
    rank = data.draw(RANK)
    space = data.draw(st.tuples(*[st.integers(1, 7)] * rank))
    factors = data.draw(st.tuples(*[st.integers(1, 4)] * rank))
    layer, x = data.draw(upsamples(factor=factors)), image((2, 3, *space))
    expected = interpolated(x, layer, rank, scale_factor=tuple(map(float, factors)))
    for run in (run_layer, run_symbolic):
        np.testing.assert_allclose(run(layer, x), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.torch
@settings(max_examples=40)
@given(data=st.data())
def test_upsample_by_fractions_equals_torch(data):
    rank = data.draw(RANK)
    space = data.draw(st.tuples(*[st.integers(4, 9)] * rank))
    factors = data.draw(st.tuples(*[st.sampled_from((0.25, 0.5, 0.75, 1.25, 1.5, 2))] * rank))
    layer, x = data.draw(upsamples(factor=factors)), image((2, 3, *space))
    expected = interpolated(x, layer, rank, scale_factor=tuple(map(float, factors)))
    for run in (run_layer, run_symbolic):
        np.testing.assert_allclose(run(layer, x), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.torch
@settings(max_examples=60)
@given(data=st.data())
def test_upsample_to_a_size_equals_torch(data):
    """Of another value, or its own: larger and smaller."""
    rank = data.draw(RANK)
    space, wanted = (data.draw(st.tuples(*[st.integers(1, 13)] * rank)) for _ in range(2))
    x, other = image((2, 3, *space)), image((2, 1, *wanted))
    layer = data.draw(upsamples())
    expected = interpolated(x, layer, rank, size=wanted)
    np.testing.assert_allclose(run_layer(layer, x, other), expected, rtol=1e-5, atol=1e-5)
    sized = Upsample(mode=layer.mode, coordinates=layer.coordinates, size=wanted)
    np.testing.assert_allclose(run_layer(sized, x), expected, rtol=1e-5, atol=1e-5)


def test_upsample_to_a_size_that_is_open():
    x, other = image((2, 3, 4, 5)), image((2, 1, 7, 11))
    layer = Upsample(mode="linear", coordinates="align_corners")
    open_sizes = Shape(3, (Symbolic("h"), Symbolic("w"))), Shape(1, (Symbolic("H"), Symbolic("W")))
    (found,) = run_network(one_layer(layer, *open_sizes), {"x0": x, "x1": other}, {})
    np.testing.assert_allclose(found, run_layer(layer, x, other), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("mode", "coordinates"), [("linear", "asymmetric"), ("nearest", None)])
def test_places_without_half_a_pixel(mode, coordinates):
    """As TensorFlow 1 and Caffe's successors resize: output i lies at i/f."""
    x = np.asarray([[[0.0, 10.0, 40.0]]], np.float32)
    layer = Upsample(factor=2, mode=mode, coordinates=coordinates)
    expected = [0, 5, 10, 25, 40, 40] if mode == "linear" else [0, 0, 10, 10, 40, 40]
    np.testing.assert_allclose(run_layer(layer, x)[0, 0], expected)


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
        (Upsample(), Shape(8, (4, 4)), "upsample-how"),
        (Upsample(factor=2, size=3), Shape(8, (4, 4)), "upsample-how"),
        (Upsample(factor=0.1), Shape(8, (4, 4)), "nothing-left"),
        (Upsample(size=(2, 2)), Shape(8, (4,)), "wrong-axes"),
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
    (height, width) = nearest.receptive_field((x,), y)
    assert (height.views, height.advance) == (((0, 0), (0, 0)), 1)
    assert (width.size, width.step, width.start) == (1, 1, 0)
    assert [r.size for r in linear.receptive_field((x,), y)] == [2, 1]
    assert nearest.explain((x,), y) == ["height: 2·8 = 16", "width: 1·8 = 8"]
    half = Upsample(factor=(0.5, 1.5))
    assert half.explain((x,), half.shape(x)) == ["height: ⌊0.5·8⌋ = 4", "width: ⌊1.5·8⌋ = 12"]
    (rows, _) = half.receptive_field((x,), half.shape(x))
    assert (rows.size, rows.step, rows.start) == (1, 2, 0)
    corners = Upsample(size=15, mode="linear", coordinates="align_corners")
    (rows, _) = corners.receptive_field((x,), corners.shape(x))
    assert (rows.views, rows.advance) == (((0, 0), (0, 1)), 1)
    assert corners.explain((x,), corners.shape(x))[0] == "height: 8 becomes 15, the size given"
    shuffled = Shape(4, (16, 16))
    assert PixelShuffle(factor=2).receptive_field((x,), shuffled)[0] == height
    assert PixelShuffle(factor=2).explain((x,), shuffled) == [
        "channels: 16/2² = 4",
        "height: 2·8 = 16",
        "width: 2·8 = 16",
    ]
    small = Shape(64, (8, 8))
    assert PixelUnshuffle(factor=2).cost((shuffled,), small).flops == 0
    (height, _) = PixelUnshuffle(factor=2).receptive_field((x,), small)
    assert (height.size, height.step, height.start) == (2, 2, 0)
    assert PixelUnshuffle(factor=2).explain((x,), Shape(64, (4, 4))) == [
        "channels: 16·2² = 64",
        "height: 8/2 = 4",
        "width: 8/2 = 4",
    ]


@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_reach_of_the_largest_factors(mode):
    """Where more positions than are told apart see alike, nearly as many do."""
    x, factor = Shape(1, (4,)), 1_000_000
    for layer in (Upsample(factor=factor, mode=mode), Upsample(size=factor, mode=mode)):
        (reach,) = layer.receptive_field((x,), layer.shape(x))
        assert (len(reach.views), reach.advance) == (MOST_VIEWS, 1)
    assert len(PixelShuffle(factor=factor).receptive_field((x,), x)[0].views) == MOST_VIEWS


def test_a_factor_of_symbolic_sizes_is_a_short_fraction():
    """Another one gives a size that no expression says."""
    symbolic = Shape(1, (Symbolic("H"),))
    assert str(Upsample(factor=1 / 3).shape(symbolic)) == "1@H//3"
    assert str(Upsample(factor=1.7).shape(symbolic)) == "1@(17*H)//10"
    with pytest.raises(ShapeError) as caught:
        Upsample(factor=1.23456).shape(symbolic)
    assert (caught.value.code, caught.value.field) == ("upsample-how", "factor")
    assert Upsample(factor=1.23456).shape(Shape(1, (100,))) == Shape(1, (123,))


@pytest.mark.parametrize(
    ("layer", "advice"),
    [
        (Upsample(size=(3, 3, 3)), "`size=3`"),
        (Upsample(factor=(0.5, 0.5, 0.5)), "`k=0.5`"),
        (Upsample(factor=(2, 2, 2)), "`k2`"),
        (Pad(width=(1, 1, 1)), "`p1`"),
    ],
)
def test_advice_names_the_key(layer, advice):
    with pytest.raises(ShapeError) as caught:
        layer.shape(Shape(8, (4, 4)))
    assert caught.value.help == f"write {advice} for every axis, or 2 numbers"
