"""The dense layer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnndsl.layers import LAYERS
from cnndsl.layers.base import EVERYTHING, POINT, ShapeError
from cnndsl.shape import Shape, Symbolic
from tests.support.against_torch import agrees_with_torch
from tests.support.layer_strategies import shapes
from tests.support.peers import torch

Dense = LAYERS["fc"]


@pytest.mark.torch
@settings(max_examples=30)
@given(shape=shapes(), units=st.integers(1, 9), bias=st.booleans())
def test_equals_torch(shape: Shape, units: int, bias: bool) -> None:
    agrees_with_torch(
        Dense(units=units, bias=bias),
        lambda x, weight, bias=None: torch().nn.functional.linear(x.flatten(1), weight, bias),
        shape,
        tolerance=5e-5,
    )


@pytest.mark.parametrize(("bias", "flops"), [(True, 8_010), (False, 8_000)])
def test_counts_multiply_adds_and_biases(bias: bool, flops: int) -> None:
    x = Shape(16, (5, 5))
    layer = Dense(units=10, bias=bias)
    cost = layer.cost((x,), layer.shape(x))
    assert (cost.macs, cost.flops) == (4_000, flops)
    assert [p.shape for p in layer.parameters(x)] == [(10, 400), (10,)][: 1 + bias]
    assert (layer.parameters(x)[0].fan_in, layer.parameters(x)[0].fan_out) == (400, 10)


def test_explains_how_it_flattens() -> None:
    layer, x = Dense(units=4096), Shape(512, (7, 7))
    assert layer.explain((x,), layer.shape(x)) == ["flattened: 512·7·7 = 25,088"]
    assert layer.receptive_field((x,), layer.shape(x)) == EVERYTHING
    vector = Shape(84)
    assert layer.explain((vector,), layer.shape(vector)) == []
    assert layer.receptive_field((vector,), layer.shape(vector)) == POINT


def test_needs_a_fixed_size() -> None:
    with pytest.raises(ShapeError) as caught:
        Dense(units=10).shape(Shape(3, (Symbolic("H"), 8)))
    assert caught.value.code == "needs-fixed-size"
    assert "3@Hx8" in caught.value.message
    assert "`gap`" in caught.value.help
