"""Activations against torch's, on both sides of their corners."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.autodiff.check import DOUBLE, SINGLE, away, check_gradient
from tests.support.peers import torch

pytestmark = pytest.mark.torch
Functions = Callable[[Any], Callable[..., Any]]

CASES: list[tuple[str, dict[str, Any], Functions]] = [
    ("Relu", {}, lambda f: f.relu),
    ("LeakyRelu", {"alpha": 0.1}, lambda f: lambda x: f.leaky_relu(x, 0.1)),
    ("LeakyRelu", {"alpha": 0.0}, lambda f: f.relu),
    ("LeakyRelu", {"alpha": -0.5}, lambda f: lambda x: f.leaky_relu(x, -0.5)),
    ("LeakyRelu", {"alpha": 1.5}, lambda f: lambda x: f.leaky_relu(x, 1.5)),
    ("ThresholdedRelu", {"alpha": 1.0}, lambda f: lambda x: f.threshold(x, 1.0, 0.0)),
    ("Shrink", {"lambd": 0.7}, lambda f: lambda x: f.hardshrink(x, 0.7)),
    ("Shrink", {"lambd": 0.7, "bias": 0.7}, lambda f: lambda x: f.softshrink(x, 0.7)),
    ("Elu", {}, lambda f: f.elu),
    ("Elu", {"alpha": 0.5}, lambda f: lambda x: f.elu(x, 0.5)),
    ("Selu", {}, lambda f: f.selu),
    ("Celu", {"alpha": 2.0}, lambda f: lambda x: f.celu(x, 2.0)),
    ("Sigmoid", {}, lambda f: f.sigmoid),
    ("Tanh", {}, lambda f: f.tanh),
    ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}, lambda f: f.hardsigmoid),
    ("HardSwish", {}, lambda f: f.hardswish),
    ("Softplus", {}, lambda f: f.softplus),
    ("Softsign", {}, lambda f: f.softsign),
    ("Mish", {}, lambda f: f.mish),
]


@pytest.mark.parametrize(("kind", "attributes", "function"), CASES)
def test_activation(kind: str, attributes: dict[str, Any], function: Functions) -> None:
    x = away(2.5 * np.random.default_rng(0).standard_normal((3, 4, 7)), 0, 1, 3, -3, 0.7, -0.7)
    peer = function(torch().nn.functional)
    precision = SINGLE if kind in ("Celu", "Shrink") else DOUBLE
    check_gradient(kind, [x], [0], precision=precision, torch_function=peer, **attributes)


@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_gelu(approximate: str) -> None:
    x = np.random.default_rng(0).standard_normal((3, 4, 7))
    gelu = torch().nn.functional.gelu
    check_gradient(
        "Gelu",
        [x],
        [0],
        opset=20,
        precision=SINGLE,
        approximate=approximate,
        torch_function=lambda x: gelu(x, approximate=approximate),
    )


@pytest.mark.parametrize("slopes", [(1,), (4, 1), (4, 7)])
def test_prelu(slopes: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    x, slope = away(random.standard_normal((3, 4, 7)), 0), random.standard_normal(slopes)
    where = torch().where
    check_gradient("PRelu", [x, slope], [0, 1], torch_function=lambda x, s: where(x > 0, x, s * x))


def test_a_relus_corner_and_the_smallest_numbers() -> None:
    tiny = np.finfo(np.float32).tiny
    x = np.array([0.0, -0.0, tiny, -tiny, 1e38, -1e38])
    check_gradient("Relu", [x], [0], torch_function=torch().relu, finite=False)
