import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnndsl.layers.base import EVERYTHING, ShapeError
from cnndsl.layers.globalpool import GlobalAverage, GlobalMaximum
from cnndsl.shape import Shape, Symbolic
from tests.support.peers import torch
from tests.support.run_layer import run_layer
from tests.support.symbolic import run_symbolic


def image(shape):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def peer(kind, output):
    rank = len(output)
    return getattr(torch().nn, f"Adaptive{kind}Pool{rank}d")(output if rank > 1 else output[0])


@st.composite
def spaces(draw):
    """An input's space and an output's of the same rank."""
    rank = draw(st.sampled_from((1, 2, 2, 3)))
    return tuple(draw(st.tuples(*[st.integers(1, 9)] * rank)) for _ in range(2))


@pytest.mark.torch
@settings(max_examples=50)
@given(spaces())
def test_mean_equals_torch(case):
    space, output = case
    x = image((2, 3, *space))
    expected = peer("Avg", output)(torch().from_numpy(x)).numpy()
    result = run_layer(GlobalAverage(output=output), x)
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.torch
@settings(max_examples=50)
@given(spaces())
def test_maximum_equals_torch(case):
    space, output = case
    x = image((2, 3, *space))
    expected = peer("Max", output)(torch().from_numpy(x)).numpy()
    np.testing.assert_array_equal(run_layer(GlobalMaximum(output=output), x), expected)


@pytest.mark.parametrize("space", [(7,), (7, 6), (3, 4, 5)])
def test_whole_maps_of_any_size(space):
    x = image((2, 3, *space))
    axes = tuple(range(2, x.ndim))
    mean, maximum = GlobalAverage(), GlobalMaximum(output=1)
    np.testing.assert_allclose(
        run_symbolic(mean, x), x.mean(axes, keepdims=True), rtol=1e-5, atol=1e-6
    )
    np.testing.assert_array_equal(run_symbolic(maximum, x), x.max(axes, keepdims=True))


@pytest.mark.parametrize(
    ("layer", "shape", "code"),
    [
        (GlobalAverage(), Shape(8), "needs-space"),
        (GlobalAverage(output=7), Shape(8, (Symbolic("H"), 14)), "needs-fixed-size"),
        (GlobalAverage(output=(7, 7)), Shape(8, (14,)), "wrong-axes"),
        (GlobalAverage(output=1 << 19), Shape(8, (1000,)), "windows-uneven"),
    ],
)
def test_errors(layer, shape, code):
    with pytest.raises(ShapeError) as caught:
        layer.shape(shape)
    assert caught.value.code == code


def test_costs_reach_and_explanation():
    x = Shape(2, (6, 7))
    whole, parts = GlobalAverage(), GlobalAverage(output=3)
    assert whole.cost((x,), whole.shape(x)).flops == 2 * 42
    assert GlobalMaximum().cost((x,), whole.shape(x)).flops == 2 * 41
    assert GlobalMaximum(output=3).cost((x,), parts.shape(x)).flops == 2 * (6 * 9 - 9)
    assert whole.receptive_field((x,), whole.shape(x)) == EVERYTHING
    (height, width) = parts.receptive_field((x,), parts.shape(x))
    assert (height.size, height.step, height.start) == (2, 2, 0)
    assert width.size == 3
    assert parts.cost((x,), parts.shape(x)).flops == 2 * 6 * 9
    assert parts.explain((x,), parts.shape(x)) == [
        "height: 3 windows of 6/3 = 2 positions",
        "width: 3 windows from ⌊i·7/3⌋ to ⌈(i + 1)·7/3⌉",
    ]
    assert whole.explain((x,), whole.shape(x)) == ["over all 6·7 = 42 positions"]
    assert whole.explain((Shape(2, (Symbolic("H"),)),), Shape(2, (1,))) == []
