"""Normalisations against torch: `bn`, `ln`, `inorm`, `gn`, `lrn`, `l2norm`, `grn`, and `scale`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnndsl.layers import LAYERS
from cnndsl.layers.base import EVERYTHING, POINT, ShapeError
from cnndsl.shape import Shape, Symbolic
from tests.support.against_torch import (
    BATCH,
    agrees_with_torch,
    random_array,
    random_parameters,
)
from tests.support.layer_strategies import shapes
from tests.support.peers import torch
from tests.support.run_layer import run_layer
from tests.support.symbolic import run_symbolic

EPS = st.sampled_from([1e-5, 1e-6, 1e-2])
MAP = Shape(6, (4, 5))


@pytest.mark.torch
@settings(max_examples=20)
@given(shape=shapes(), eps=EPS)
def test_bn_equals_torch(shape: Shape, eps: float) -> None:
    def function(x: Any, weight: Any, bias: Any, running_mean: Any, running_var: Any) -> Any:
        return torch().nn.functional.batch_norm(x, running_mean, running_var, weight, bias, eps=eps)

    agrees_with_torch(LAYERS["bn"](eps=eps), function, shape)


@pytest.mark.torch
@settings(max_examples=20)
@given(shape=shapes(), eps=EPS)
def test_ln_equals_torch_over_channels(shape: Shape, eps: float) -> None:
    def function(x: Any, weight: Any, bias: Any) -> Any:
        last = x.movedim(1, -1)
        norm = torch().nn.functional.layer_norm(last, last.shape[-1:], weight, bias, eps)
        return norm.movedim(-1, 1)

    agrees_with_torch(LAYERS["ln"](eps=eps), function, shape, tolerance=1e-4)


@pytest.mark.torch
@settings(max_examples=20)
@given(shape=shapes(), eps=EPS)
def test_ln_all_equals_torch(shape: Shape, eps: float) -> None:
    def function(x: Any, weight: Any, bias: Any) -> Any:
        return torch().nn.functional.layer_norm(x, x.shape[1:], weight, bias, eps)

    agrees_with_torch(LAYERS["ln"](all=True, eps=eps), function, shape, tolerance=1e-4)


@pytest.mark.torch
@settings(max_examples=20)
@given(shape=shapes(least_rank=1).filter(lambda s: s.area > 1), eps=EPS, scale=st.booleans())
def test_inorm_equals_torch(shape: Shape, eps: float, scale: bool) -> None:
    def function(x: Any, weight: Any = None, bias: Any = None) -> Any:
        return torch().nn.functional.instance_norm(x, weight=weight, bias=bias, eps=eps)

    agrees_with_torch(LAYERS["inorm"](eps=eps, scale=scale), function, shape, tolerance=1e-4)


@pytest.mark.torch
@settings(max_examples=20)
@given(
    shape=shapes(), groups=st.integers(1, 4), each=st.integers(1, 3), eps=EPS, scale=st.booleans()
)
def test_gn_equals_torch(shape: Shape, groups: int, each: int, eps: float, scale: bool) -> None:
    def function(x: Any, weight: Any = None, bias: Any = None) -> Any:
        return torch().nn.functional.group_norm(x, groups, weight, bias, eps)

    layer = LAYERS["gn"](groups=groups, eps=eps, scale=scale)
    agrees_with_torch(layer, function, shape.with_channels(groups * each), tolerance=1e-4)


@pytest.mark.torch
@settings(max_examples=20)
@given(
    shape=shapes(least_rank=1),
    size=st.sampled_from([1, 3, 5]),
    k=st.sampled_from([1.0, 2.0]),
    alpha=st.sampled_from([1e-4, 0.5]),
    beta=st.sampled_from([0.5, 0.75]),
)
def test_lrn_equals_torch(shape: Shape, size: int, k: float, alpha: float, beta: float) -> None:
    def function(x: Any) -> Any:  # torch's alpha is divided by the size
        return torch().nn.functional.local_response_norm(x, size, alpha * size, beta, k)

    layer = LAYERS["lrn"](channels=size, k=k, alpha=alpha, beta=beta)
    agrees_with_torch(layer, function, shape, tolerance=1e-4)


def test_lrn_is_what_the_paper_says() -> None:
    x = random_array(Shape(7), scale=30)
    squares = np.pad(x**2, ((0, 0), (2, 2)))
    sums = sum(squares[:, i : i + 7] for i in range(5))
    expected = x / (2 + 1e-4 * sums) ** 0.75
    np.testing.assert_allclose(run_layer(LAYERS["lrn"](channels=5), x), expected, rtol=1e-5)


@pytest.mark.torch
@settings(max_examples=20)
@given(shape=shapes(), eps=st.sampled_from([1e-12, 0.5]), scale=st.sampled_from([1e-3, 2.0]))
def test_l2norm_equals_torch(shape: Shape, eps: float, scale: float) -> None:
    x = random_array(shape, scale=scale)
    layer = LAYERS["l2norm"](eps=eps)
    agrees_with_torch(layer, lambda x: torch().nn.functional.normalize(x, eps=eps), shape, x=x)


@pytest.mark.torch
@settings(max_examples=20)
@given(shape=shapes(least_rank=1), eps=st.sampled_from([1e-6, 0.1]))
def test_grn_is_what_the_paper_says(shape: Shape, eps: float) -> None:
    def function(x: Any, weight: Any, bias: Any) -> Any:
        wide = (1, -1, *(1,) * shape.rank)
        length = x.flatten(2).norm(dim=2).reshape(*x.shape[:2], *(1,) * shape.rank)
        share = length / (length.mean(1, keepdim=True) + eps)
        return weight.reshape(wide) * (x * share) + bias.reshape(wide) + x

    agrees_with_torch(LAYERS["grn"](eps=eps), function, shape, tolerance=1e-4)


def test_a_vector_has_no_map() -> None:
    with pytest.raises(ShapeError) as caught:
        LAYERS["grn"]().shape(Shape(8))
    assert caught.value.code == "needs-space"
    assert LAYERS["grn"]().receptive_field((MAP,), MAP) == EVERYTHING
    assert LAYERS["l2norm"]().receptive_field((MAP,), MAP) == POINT


@pytest.mark.parametrize("bias", [True, False])
def test_a_shared_scale(bias: bool) -> None:
    layer, x = LAYERS["scale"](shared=True, bias=bias, initial=0.0), random_array(MAP)
    shapes = [p.shape for p in layer.parameters(MAP)]
    assert shapes == [(1,)] * (1 + bias)
    parameters = random_parameters(layer, MAP)
    expected = x * parameters["weight"] + parameters.get("bias", 0)
    found = run_layer(layer, x, parameters=parameters)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("numbers", [(0.17, None), (2.0, -1.0), (None, 3.0)])
def test_a_fixed_scale(numbers: tuple[float | None, float | None]) -> None:
    factor, offset = numbers
    layer, x = LAYERS["scale"](factor=factor, offset=offset), random_array(MAP)
    expected = x * np.float32(1 if factor is None else factor) + np.float32(offset or 0)
    np.testing.assert_allclose(run_layer(layer, x), expected, rtol=1e-5, atol=1e-6)
    assert layer.parameters(MAP) == ()
    assert layer.cost((MAP,), MAP).flops == sum(n is not None for n in numbers) * 120


@settings(max_examples=15)
@given(shape=shapes(), bias=st.booleans())
def test_scale_multiplies_and_adds(shape: Shape, bias: bool) -> None:
    layer, x = LAYERS["scale"](bias=bias), random_array(shape)
    parameters = random_parameters(layer, shape)
    wide = {name: a.reshape(-1, *(1,) * shape.rank) for name, a in parameters.items()}
    expected = x * wide["weight"] + (wide["bias"] if bias else 0)
    np.testing.assert_allclose(
        run_layer(layer, x, parameters=parameters), expected, rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize(
    ("word", "fields", "flops", "parameters"),
    [
        ("bn", {}, 2, [(6,)] * 4),
        ("ln", {}, 7, [(6,)] * 2),
        ("ln", {"all": True}, 7, [(6, 4, 5)] * 2),
        ("inorm", {}, 7, [(6,)] * 2),
        ("inorm", {"scale": False}, 5, []),
        ("gn", {"groups": 2}, 7, [(6,)] * 2),
        ("gn", {"groups": 2, "scale": False}, 5, []),
        ("lrn", {"channels": 5}, 9, []),
        ("scale", {}, 2, [(6,)] * 2),
        ("scale", {"bias": False}, 1, [(6,)]),
    ],
)
def test_costs(
    word: str, fields: dict[str, Any], flops: int, parameters: list[tuple[int, ...]]
) -> None:
    layer = LAYERS[word](**fields)
    assert layer.shape(MAP) == MAP
    assert [p.shape for p in layer.parameters(MAP)] == parameters
    cost = layer.cost((MAP,), MAP)
    assert (cost.macs, cost.flops) == (0, flops * MAP.elements)


@pytest.mark.parametrize(
    ("word", "fields"),
    [
        ("bn", {}),
        ("ln", {}),
        ("inorm", {}),
        ("inorm", {"scale": False}),
        ("gn", {"groups": 3}),
        ("lrn", {"channels": 3}),
        ("scale", {}),
        ("scale", {"bias": False}),
    ],
)
@pytest.mark.parametrize("space", [(7,), (4, 5), (2, 4, 5)])
def test_runs_without_knowing_the_size(
    word: str, fields: dict[str, Any], space: tuple[int, ...]
) -> None:
    layer, x = LAYERS[word](**fields), random_array(Shape(6, space))
    np.testing.assert_allclose(run_symbolic(layer, x), run_layer(layer, x), rtol=1e-6)


def test_initial_values_do_nothing() -> None:
    for word in ("bn", "ln", "inorm", "scale"):
        starts = {p.name: p.initial for p in LAYERS[word]().parameters(MAP)}
        assert starts.pop("weight") == 1
        assert starts.pop("running_var", 1) == 1
        assert not any(starts.values())
    assert LAYERS["scale"](initial=1e-6).parameters(MAP)[0].initial == 1e-6


@pytest.mark.parametrize(
    ("word", "fields", "x", "code", "said"),
    [
        ("ln", {"all": True}, Shape(3, (Symbolic("H"), 8)), "needs-fixed-size", "3@Hx8"),
        ("inorm", {}, Shape(84), "needs-space", "@84"),
        ("gn", {"groups": 4}, MAP, "groups-mismatch", "6 channels"),
        ("lrn", {"channels": 4}, MAP, "even-neighbours", "4 channels"),
    ],
)
def test_errors(word: str, fields: dict[str, Any], x: Shape, code: str, said: str) -> None:
    with pytest.raises(ShapeError) as caught:
        LAYERS[word](**fields).shape(x)
    assert caught.value.code == code
    assert said in caught.value.message
    assert caught.value.help


def test_momentum_is_refused_with_a_reason() -> None:
    assert "keep=0.9" in LAYERS["bn"].refused["momentum"]


def test_what_a_position_sees() -> None:
    for word, fields, sees in (
        ("bn", {}, POINT),
        ("ln", {}, POINT),
        ("ln", {"all": True}, EVERYTHING),
        ("inorm", {}, EVERYTHING),
        ("gn", {"groups": 2}, EVERYTHING),
        ("lrn", {"channels": 5}, POINT),
    ):
        assert LAYERS[word](**fields).receptive_field((MAP,), MAP) == sees, word


def test_any_batch() -> None:
    x = np.concatenate([random_array(MAP, seed=i) for i in range(3)])
    layer = LAYERS["gn"](groups=2)
    whole = run_layer(layer, x)
    np.testing.assert_allclose(whole[:BATCH], run_layer(layer, x[:BATCH]), rtol=1e-6, atol=1e-7)
