import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnndsl.layers.base import ShapeError
from cnndsl.layers.pool import AvgPool, Pool
from cnndsl.shape import Shape
from tests.support.peers import torch
from tests.support.run_layer import run_layer
from tests.support.symbolic import run_symbolic


def image(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@st.composite
def cases(draw, most_dilation):
    """Options that torch takes too, and an input's space."""
    rank = draw(st.sampled_from((1, 2, 2, 3)))
    kernel = draw(st.integers(1, 4))
    dilation = draw(st.integers(1, most_dilation))
    extent = dilation * (kernel - 1) + 1
    options = {
        "kernel": kernel,
        "stride": draw(st.none() | st.integers(1, 5)),
        "padding": draw(st.integers(0, kernel // 2)),
        "ceil": draw(st.booleans()),
    }
    space = draw(st.tuples(*[st.integers(max(extent, 2), 12)] * rank))
    return options, dilation, space


@pytest.mark.torch
@settings(max_examples=60)
@given(case=cases(most_dilation=3))
def test_maximum_equals_torch(case):
    options, dilation, space = case
    layer, x = Pool(**options, dilation=dilation), image((2, 3, *space))
    try:
        layer.shape(Shape(3, space))
    except ShapeError as error:  # torch gives −∞ there
        assert error.code == "padding-too-large"
        return
    t = torch()
    pool = (t.nn.MaxPool1d, t.nn.MaxPool2d, t.nn.MaxPool3d)[len(space) - 1]
    peer = pool(
        layer.kernel[0],
        options["stride"],
        options["padding"],
        dilation,
        ceil_mode=options["ceil"],
    )
    np.testing.assert_array_equal(run_layer(layer, x), peer(t.from_numpy(x)).numpy())


@pytest.mark.torch
@settings(max_examples=60)
@given(case=cases(most_dilation=1), countpad=st.booleans())
def test_mean_equals_torch(case, countpad):
    options, _, space = case
    layer, x = AvgPool(**options, countpad=countpad), image((2, 3, *space))
    t = torch()
    pool = (t.nn.AvgPool1d, t.nn.AvgPool2d, t.nn.AvgPool3d)[len(space) - 1]
    peer = pool(layer.kernel[0], options["stride"], options["padding"], options["ceil"], countpad)
    expected = peer(t.from_numpy(x)).numpy()
    np.testing.assert_allclose(run_layer(layer, x), expected, rtol=1e-5, atol=1e-6)


def by_hand(x, layer, reduce, empty):
    """Pool one axis after another over an explicitly padded map."""
    window = layer.window(Shape(x.shape[1], x.shape[2:]))
    sizes = layer.shape(Shape(x.shape[1], x.shape[2:])).space
    for axis, ((before, after), k, s, d, m) in enumerate(
        zip(window.pads, window.kernel, window.stride, window.dilation, sizes, strict=True), 2
    ):
        margins = [(0, 0)] * x.ndim
        margins[axis] = (before, after + s * m)
        x = np.pad(x, margins, constant_values=empty)
        taps = [x.take(range(i * d, i * d + s * m, s), axis) for i in range(k)]
        x = reduce(np.stack(taps), 0)
    return x


@pytest.mark.parametrize("ceil", [False, True])
@pytest.mark.parametrize("padding", ["same", "half", (0, 1, 2, 0), (1, 2)])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), ((5, 4), (1, 3)), (3, 3)])
def test_paddings(padding, kernel, stride, ceil):
    x = image((2, 3, 11, 8))
    layer = Pool(kernel=kernel, stride=stride, padding=padding, ceil=ceil)
    np.testing.assert_array_equal(run_layer(layer, x), by_hand(x, layer, np.max, -np.inf))
    layer = AvgPool(kernel=kernel, stride=stride, padding=padding, ceil=ceil)
    sums, counts = (by_hand(v, layer, np.sum, 0) for v in (x, np.ones_like(x)))
    np.testing.assert_allclose(run_layer(layer, x), sums / counts, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("padding", ["same", 3, (4, 0, 1, 3)])
def test_a_dilated_window_may_be_padded_by_more_than_its_size(padding):
    x = image((2, 3, 9, 8))
    for options in ({"stride": 1}, {"stride": 4, "ceil": True}):
        layer = Pool(kernel=3, dilation=3, padding=padding, **options)
        np.testing.assert_array_equal(run_layer(layer, x), by_hand(x, layer, np.max, -np.inf))


@pytest.mark.parametrize("size", [10, 11, 12, 13])
@pytest.mark.parametrize(
    "options",
    [
        {"kernel": 2},
        {"kernel": 3, "stride": 2, "ceil": True},
        {"kernel": 1, "stride": 2, "ceil": True},
        {"kernel": 2, "stride": 3, "padding": 1, "ceil": True},
        {"kernel": 3, "stride": 1, "padding": "same"},
    ],
)
def test_a_graph_for_symbolic_sizes_gives_the_same(options, size):
    x = image((2, 3, size, 9))
    for layer in (Pool(**options), AvgPool(**options), AvgPool(**options, countpad=True)):
        np.testing.assert_allclose(run_symbolic(layer, x), run_layer(layer, x), rtol=1e-6)


@pytest.mark.parametrize(
    ("layer", "shape", "code"),
    [
        (Pool(kernel=2), Shape(8), "needs-space"),
        (Pool(kernel=3), Shape(8, (2, 2)), "window-too-large"),
        (Pool(kernel=2, padding=2), Shape(8, (8, 8)), "padding-too-large"),
        (AvgPool(kernel=1, padding=(0, 1)), Shape(8, (8, 8)), "padding-too-large"),
        (Pool(kernel=2, padding=2, dilation=4), Shape(8, (1, 8)), "padding-too-large"),
        (Pool(kernel=(2, 2)), Shape(8, (8,)), "wrong-axes"),
    ],
)
def test_errors(layer, shape, code):
    with pytest.raises(ShapeError) as caught:
        layer.shape(shape)
    assert caught.value.code == code


def test_costs():
    x = Shape(4, (8, 8))
    for layer, flops in ((Pool(kernel=2), 4 * 16 * 3), (AvgPool(kernel=2), 4 * 16 * 4)):
        cost = layer.cost((x,), layer.shape(x))
        assert (cost.macs, cost.flops) == (0, flops)


def test_explain():
    x = Shape(96, (55, 54))
    layer = Pool(kernel=3, stride=2, ceil=True)
    assert layer.explain((x,), layer.shape(x)) == [
        "height: (55 − 3 + 2·0)/2 + 1 = 27",
        "width: ⌈(54 − 3 + 2·0)/2⌉ + 1 = 27",
    ]


@pytest.mark.parametrize("padding", ["same", (0, 1, 1, 0)])
def test_counted_padding_on_one_side(padding):
    x = image((2, 3, 10, 8))
    layer = AvgPool(kernel=3, stride=2, padding=padding, countpad=True)
    expected = by_hand(x, layer, np.sum, 0) / 9
    np.testing.assert_allclose(run_layer(layer, x), expected, rtol=1e-5, atol=1e-6)


def test_what_ceil_adds_never_counts_even_where_both_sides_become_equal() -> None:
    layer = AvgPool(kernel=4, stride=2, padding=(1, 0), ceil=True, countpad=True)
    found = run_layer(layer, np.ones((1, 1, 6), np.float32))
    np.testing.assert_allclose(found[0, 0], [0.75, 1, 1], rtol=1e-6)
