"""Pooling: windows of any size, stride, dilation and padding, ties, and whole maps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.autodiff.check import Array, check_gradient
from tests.support.peers import torch

pytestmark = pytest.mark.torch
FEW = settings(max_examples=40)
SHARED = settings(FEW, suppress_health_check=[HealthCheck.function_scoped_fixture])
Window = tuple[Array, dict[str, Any]]


@st.composite
def windows(draw: st.DrawFn, dilated: bool = True) -> Window:
    """A map and a pooling that fits, symmetric pads as torch has them, all of ONNX's attributes."""
    rank = draw(st.integers(1, 3))
    kernel, strides, dilations, pads, sizes = [], [], [], [], []
    tiled = draw(st.booleans())
    for _ in range(rank):
        k = draw(st.integers(1, 3))
        d = draw(st.integers(1, 2)) if dilated and not tiled else 1
        extent = d * (k - 1) + 1
        kernel.append(k)
        dilations.append(d)
        strides.append(k if tiled else draw(st.integers(1, 3)))
        pads.append(0 if tiled else draw(st.integers(0, k // 2)))
        sizes.append(extent + draw(st.integers(0, 5)))
    random = np.random.default_rng(draw(st.integers(0, 99)))
    x = random.permutation(np.arange(6.0 * np.prod(sizes))).reshape(2, 3, *sizes) / 10
    attributes = {"kernel_shape": kernel, "strides": strides, "pads": pads * 2}
    if dilated:
        attributes["dilations"] = dilations
    return x, attributes


@pytest.fixture(params=["products", "slices"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Overlapping windows are compared by either; maps are too small here for slices."""
    if request.param == "slices":
        monkeypatch.setattr("cnndsl.autodiff.rules.maxpool.WIDEST", 0)


@SHARED
@given(windows(), st.booleans())
def test_max_pool(way: None, window: Window, ceil: bool) -> None:
    x, a = window
    rank = x.ndim - 2
    pool = getattr(torch().nn.functional, f"max_pool{rank}d")
    arguments = (a["kernel_shape"], a["strides"], a["pads"][:rank], a["dilations"], ceil)
    assume(not ceil or _agree_on_ceil(x, a))
    check_gradient(
        "MaxPool", [x], [0], torch_function=lambda x: pool(x, *arguments), ceil_mode=int(ceil), **a
    )


@FEW
@given(windows(dilated=False), st.booleans(), st.booleans())
def test_average_pool(window: Window, counted: bool, ceil: bool) -> None:
    x, a = window
    rank = x.ndim - 2
    pool = getattr(torch().nn.functional, f"avg_pool{rank}d")
    arguments = (a["kernel_shape"], a["strides"], a["pads"][:rank], ceil, counted)
    assume(not ceil or _agree_on_ceil(x, a))
    check_gradient(
        "AveragePool",
        [x],
        [0],
        torch_function=lambda x: pool(x, *arguments),
        count_include_pad=int(counted),
        ceil_mode=int(ceil),
        **a,
    )


def _agree_on_ceil(x: Array, a: dict[str, Any]) -> bool:
    """Whether no window starts behind the map, where torch drops it and ONNX doesn't always."""
    rank = x.ndim - 2
    for i, n in enumerate(x.shape[2:]):
        k, s, p = a["kernel_shape"][i], a["strides"][i], a["pads"][i]
        extent = a.get("dilations", [1] * rank)[i] * (k - 1) + 1
        count = -(-(n + 2 * p - extent) // s) + 1
        if (count - 1) * s >= n + p:
            return False
    return True


@pytest.mark.parametrize("pads", [[0, 1], [1, 0], [1, 2]])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("counted", [0, 1])
def test_average_pool_with_uneven_pads(pads: list[int], stride: int, counted: int) -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 9))

    def pool(x: Any) -> Any:
        function = torch().nn.functional
        ones = torch().ones_like(x)
        sums, counts = (
            3 * function.avg_pool1d(function.pad(v, pads), 3, stride) for v in (x, ones)
        )
        return sums / (3 if counted else counts)

    check_gradient(
        "AveragePool",
        [x],
        [0],
        torch_function=pool,
        kernel_shape=[3],
        strides=[stride],
        pads=pads,
        count_include_pad=counted,
    )


@pytest.mark.parametrize("stride", [1, 2])
def test_the_first_of_several_maxima_gets_everything(stride: int) -> None:
    x = np.random.default_rng(0).integers(0, 2, (4, 3, 8, 8)).astype(np.float64)
    pool = torch().nn.functional.max_pool2d
    check_gradient(
        "MaxPool",
        [x],
        [0],
        finite=False,
        torch_function=lambda x: pool(x, 2, stride),
        kernel_shape=[2, 2],
        strides=[stride, stride],
    )


@pytest.mark.parametrize("space", [(5,), (4, 3), (2, 3, 4)])
@pytest.mark.parametrize("kind", ["GlobalMaxPool", "GlobalAveragePool"])
def test_global_pools(kind: str, space: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    x = random.permutation(np.arange(6.0 * np.prod(space))).reshape(2, 3, *space)
    name = {"GlobalMaxPool": "max", "GlobalAveragePool": "avg"}[kind]
    pool = getattr(torch().nn.functional, f"adaptive_{name}_pool{len(space)}d")
    finite = kind == "GlobalAveragePool" or len(space) == 2  # as far as ONNX's evaluator goes
    check_gradient(kind, [x], [0], finite=finite, torch_function=lambda x: pool(x, 1))


def test_a_global_maximum_is_the_first() -> None:
    x = np.random.default_rng(0).integers(0, 3, (4, 3, 5, 5)).astype(np.float64)
    pool = torch().nn.functional.adaptive_max_pool2d
    check_gradient("GlobalMaxPool", [x], [0], finite=False, torch_function=lambda x: pool(x, 1))


def test_large_windows() -> None:
    x = np.random.default_rng(0).permutation(np.arange(120.0)).reshape(2, 1, 60)
    pool = torch().nn.functional.max_pool1d
    check_gradient(
        "MaxPool",
        [x],
        [0],
        torch_function=lambda x: pool(x, 30, 7),
        kernel_shape=[30],
        strides=[7],
    )
