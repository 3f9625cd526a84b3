"""Normalisations against torch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.autodiff.check import SINGLE, check_gradient
from tests.support.peers import torch

pytestmark = pytest.mark.torch
SPACES = [(5,), (4, 3), (2, 3, 4)]


def arrays(*shapes: tuple[int, ...]) -> list[Any]:
    random = np.random.default_rng(0)
    return [random.standard_normal(shape) + 0.5 for shape in shapes]


@pytest.mark.parametrize("space", [(), *SPACES])
@pytest.mark.parametrize("wanted", [[0], [0, 1, 2], [2]])
def test_frozen_batch_norm(space: tuple[int, ...], wanted: list[int]) -> None:
    x, weight, bias, mean = arrays((4, 3, *space), (3,), (3,), (3,))
    norm = torch().nn.functional.batch_norm
    check_gradient(
        "BatchNormalization",
        [x, weight, bias, mean, np.array([0.5, 1.0, 2.0])],
        wanted,
        torch_function=lambda x, w, b, m, v: norm(x, m, v, w, b, eps=1e-3),
        epsilon=1e-3,
    )


@pytest.mark.parametrize(("shape", "axis"), [((4, 6), -1), ((2, 3, 4, 5), 1), ((2, 3, 4, 5), -1)])
@pytest.mark.parametrize("with_bias", [True, False])
def test_layer_norm(shape: tuple[int, ...], axis: int, with_bias: bool) -> None:
    over = shape[axis:]
    x, weight, bias = arrays(shape, over, over)
    norm = torch().nn.functional.layer_norm
    check_gradient(
        "LayerNormalization",
        [x, weight, bias][: 3 if with_bias else 2],
        [0, 1, 2][: 3 if with_bias else 2],
        torch_function=lambda x, w, b=None: norm(x, over, w, b, eps=1e-3),
        axis=axis,
        epsilon=1e-3,
        precision=SINGLE,
    )


@pytest.mark.parametrize("space", SPACES)
def test_instance_norm(space: tuple[int, ...]) -> None:
    values = arrays((4, 3, *space), (3,), (3,))
    norm = torch().nn.functional.instance_norm
    check_gradient(
        "InstanceNormalization",
        values,
        [0, 1, 2],
        torch_function=lambda x, w, b: norm(x, weight=w, bias=b, eps=1e-3),
        epsilon=1e-3,
    )


@pytest.mark.parametrize("size", [1, 3, 5])
@pytest.mark.parametrize("beta", [0.75, 0.5])
def test_lrn(size: int, beta: float) -> None:
    x = 3 * np.random.default_rng(0).standard_normal((2, 7, 3, 4))
    norm = torch().nn.functional.local_response_norm
    check_gradient(
        "LRN",
        [x],
        [0],
        torch_function=lambda x: norm(x, size, 0.3, beta, 2.0),
        size=size,
        alpha=0.3,
        beta=beta,
        bias=2.0,
        precision=SINGLE,
    )
