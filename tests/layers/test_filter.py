"""Fixed filters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnndsl.layers import LAYERS
from cnndsl.layers.base import ShapeError
from cnndsl.layers.filter import FILTERS
from cnndsl.shape import Shape, Symbolic
from tests.support.against_torch import agrees_with_torch, random_array
from tests.support.layer_strategies import shapes
from tests.support.peers import torch
from tests.support.run_layer import run_layer
from tests.support.symbolic import run_symbolic

Filter = LAYERS["filter"]


@pytest.mark.torch
@settings(max_examples=30)
@given(
    shape=shapes(least_rank=1),
    data=st.data(),
    stride=st.integers(1, 3),
    pad=st.integers(0, 2),
)
def test_equals_a_fixed_depthwise_convolution(
    shape: Shape, data: st.DataObject, stride: int, pad: int
) -> None:
    kernel = tuple(data.draw(st.integers(1, min(n + 2 * pad, 3))) for n in shape.sizes)
    count = int(np.prod(kernel))
    values = tuple(
        float(v) for v in data.draw(st.lists(st.integers(-5, 5), min_size=count, max_size=count))
    )

    def function(x: Any) -> Any:
        weight = torch().tensor(values).reshape(1, 1, *kernel).repeat_interleave(shape.channels, 0)
        convolve = getattr(torch().nn.functional, f"conv{shape.rank}d")
        return convolve(x, weight, stride=stride, padding=pad, groups=shape.channels)

    layer = Filter(kernel=kernel, values=values, stride=(stride,), padding=(pad,))
    agrees_with_torch(layer, function, shape)


@pytest.mark.parametrize("name", FILTERS)
def test_on_flat_grey_edges_give_nothing_and_blurs_everything(name: str) -> None:
    grey = np.full((1, 2, 5, 5), 0.5, np.float32)
    result = run_layer(Filter(name=name), grey)
    keeps_grey = name in ("gauss", "box", "sharpen", "emboss")
    assert result.shape == (1, 2, 3, 3)
    np.testing.assert_allclose(result, 0.5 if keeps_grey else 0.0, atol=1e-6)


def test_edges_are_positive_towards_the_light() -> None:
    right = np.tile(np.arange(5, dtype=np.float32), (1, 1, 5, 1))
    down = right.swapaxes(2, 3)
    for name in ("sobel", "prewitt"):
        assert (run_layer(Filter(name=f"{name}_x"), right) > 0).all()
        assert (run_layer(Filter(name=f"{name}_y"), right) == 0).all()
        assert (run_layer(Filter(name=f"{name}_y"), down) > 0).all()


def test_padding_stride_and_cost() -> None:
    x = Shape(3, (32, 32))
    layer = Filter(name="gauss", stride=(2,), padding="same")
    y = layer.shape(x)
    assert y == Shape(3, (16, 16))
    assert (layer.cost((x,), y).macs, layer.cost((x,), y).flops) == (6_912, 13_824)
    assert layer.parameters(x) == ()
    assert [r.size for r in layer.receptive_field((x,), y)] == [3, 3]
    assert layer.explain((x,), y)[0] == "height: (32 − 3 + 0 + 1)/2 + 1 = 16"


def test_runs_without_knowing_the_size() -> None:
    layer, x = Filter(name="sobel_x", padding="half"), random_array(Shape(2, (6, 7)))
    assert layer.shape(Shape(2, (Symbolic("H"), 7))) == Shape(2, (Symbolic("H"), 7))
    np.testing.assert_array_equal(run_symbolic(layer, x), run_layer(layer, x))


@pytest.mark.parametrize(
    ("fields", "x", "code", "said"),
    [
        ({}, Shape(1, (6, 6)), "filter-numbers", "neither by name nor by size"),
        ({"kernel": (3, 3)}, Shape(1, (6, 6)), "filter-numbers", "takes 9 numbers, not 0"),
        ({"kernel": (3,), "values": (1.0,)}, Shape(1, (6, 6)), "filter-numbers", "3x3 takes 9"),
        ({"name": "box", "kernel": (3, 3)}, Shape(1, (6, 6)), "filter-numbers", "`box` has its"),
        ({"name": "box"}, Shape(1, (9,)), "wrong-axes", "for images"),
        ({"name": "box"}, Shape(9), "wrong-axes", "@9"),
        ({"name": "box"}, Shape(1, (2, 6)), "window-too-large", "height of 2"),
    ],
)
def test_errors(fields: dict[str, Any], x: Shape, code: str, said: str) -> None:
    with pytest.raises(ShapeError) as caught:
        Filter(**fields).shape(x)
    assert caught.value.code == code
    assert said in caught.value.message
    assert caught.value.help
