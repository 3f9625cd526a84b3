"""Activations against torch, and what each says of itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnndsl.layers import LAYERS
from cnndsl.shape import Shape
from tests.support.against_torch import BATCH, agrees_with_torch, random_array
from tests.support.layer_strategies import shapes
from tests.support.peers import torch
from tests.support.run_layer import run_layer
from tests.support.symbolic import run_symbolic

Function = Callable[..., Any]


def functional(name: str, **arguments: Any) -> Function:
    """torch.nn.functional's function of that name."""
    return lambda x: getattr(torch().nn.functional, name)(x, **arguments)


# word, its fields, torch's function, FLOPs a value
CASES: list[tuple[str, dict[str, Any], Function, int]] = [
    ("relu", {}, functional("relu"), 1),
    ("relu6", {}, functional("relu6"), 2),
    ("leaky", {}, functional("leaky_relu"), 2),
    ("leaky", {"slope": 0.3}, functional("leaky_relu", negative_slope=0.3), 2),
    ("elu", {}, functional("elu"), 4),
    ("elu", {"alpha": 0.5}, functional("elu", alpha=0.5), 4),
    ("selu", {}, functional("selu"), 5),
    ("sigmoid", {}, functional("sigmoid"), 1),
    ("tanh", {}, functional("tanh"), 1),
    ("hsigmoid", {}, functional("hardsigmoid"), 4),
    ("softplus", {}, functional("softplus"), 3),
    ("silu", {}, functional("silu"), 2),
    ("hswish", {}, functional("hardswish"), 5),
    ("gelu", {}, functional("gelu"), 5),
    ("gelu", {"approximate": True}, functional("gelu", approximate="tanh"), 9),
    ("mish", {}, functional("mish"), 5),
    ("celu", {}, functional("celu"), 5),
    ("celu", {"alpha": 0.5}, functional("celu", alpha=0.5), 5),
    ("softsign", {}, functional("softsign"), 3),
    ("threshold", {"threshold": 0.5}, functional("threshold", threshold=0.5, value=0.0), 1),
    ("shrink", {"bound": 0.5}, functional("hardshrink", lambd=0.5), 2),
    ("shrink", {"bound": 0.5, "move": 0.5}, functional("softshrink", lambd=0.5), 2),
    ("clamp", {"low": -1.0, "high": 1.0}, functional("hardtanh"), 2),
    ("abs", {}, lambda x: x.abs(), 1),
    ("power", {"exponent": 2.0}, lambda x: x**2, 1),
    ("power", {"exponent": 3.0}, lambda x: x**3, 1),
    ("softmax", {}, functional("softmax", dim=1), 5),
    ("logsoftmax", {}, functional("log_softmax", dim=1), 5),
]
NAMES = [f"{word}{''.join(f' {k}={v}' for k, v in fields.items())}" for word, fields, *_ in CASES]
cases = pytest.mark.parametrize(("word", "fields", "function", "flops"), CASES, ids=NAMES)


@pytest.mark.torch
@cases
@settings(max_examples=8)
@given(shape=shapes(), scale=st.sampled_from([0.01, 2.0, 40.0]))
def test_equals_torch(
    word: str, fields: dict[str, Any], function: Function, flops: int, shape: Shape, scale: float
) -> None:
    agrees_with_torch(LAYERS[word](**fields), function, shape, x=random_array(shape, scale=scale))


@cases
def test_costs_and_keeps_its_shape(
    word: str, fields: dict[str, Any], function: Function, flops: int
) -> None:
    layer, shape = LAYERS[word](**fields), Shape(3, (4, 5))
    assert layer.shape(shape) == shape
    cost = layer.cost((shape,), shape)
    assert (cost.macs, cost.flops) == (0, flops * 60)
    assert layer.parameters(shape) == ()


@cases
def test_runs_without_knowing_the_size(
    word: str, fields: dict[str, Any], function: Function, flops: int
) -> None:
    layer, x = LAYERS[word](**fields), random_array(Shape(3, (4, 5)))
    np.testing.assert_array_equal(run_symbolic(layer, x), run_layer(layer, x))


@cases
def test_extreme_values_stay_finite(
    word: str, fields: dict[str, Any], function: Function, flops: int
) -> None:
    x = np.array([[[-1e4], [-90.0], [0.0], [90.0], [1e4]]] * BATCH, np.float32)
    assert np.isfinite(run_layer(LAYERS[word](**fields), x)).all()


@pytest.mark.torch
@pytest.mark.parametrize("shared", [False, True])
@settings(max_examples=15)
@given(shape=shapes())
def test_prelu_equals_torch(shared: bool, shape: Shape) -> None:
    agrees_with_torch(
        LAYERS["prelu"](shared=shared),
        lambda x, weight: torch().nn.functional.prelu(x, weight),
        shape,
    )


def test_prelu_starts_as_told() -> None:
    shape = Shape(3, (4, 5))
    (slopes,) = LAYERS["prelu"](initial=0.1).parameters(shape)
    assert (slopes.shape, slopes.initial) == ((3,), 0.1)
    assert LAYERS["prelu"]().cost((shape,), shape).flops == 120
    x = random_array(shape)
    np.testing.assert_array_equal(
        run_symbolic(LAYERS["prelu"](), x), run_layer(LAYERS["prelu"](), x)
    )
