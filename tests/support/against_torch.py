"""One layer beside torch's operator: the same numbers in, the same numbers out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cnndsl.layers import Layer
from cnndsl.shape import Shape
from tests.support.peers import torch
from tests.support.run_layer import run_layer

Array = np.ndarray[Any, Any]
BATCH = 2


def random_array(shape: Shape, seed: int = 0, scale: float = 2.0) -> Array:
    """A batch of normally distributed values of that shape."""
    random = np.random.default_rng(seed)
    return (scale * random.standard_normal((BATCH, *shape))).astype(np.float32)


def random_parameters(layer: Layer, *shapes: Shape, seed: int = 1) -> dict[str, Array]:
    """Values for a layer's parameters; variances are positive."""
    random = np.random.default_rng(seed)
    arrays = {
        p.name: random.standard_normal(p.shape).astype(np.float32)
        for p in layer.parameters(*shapes)
    }
    return {name: np.abs(a) + 0.5 if "var" in name else a for name, a in arrays.items()}


def agrees_with_torch(
    layer: Layer,
    function: Callable[..., Any],
    shape: Shape,
    *,
    x: Array | None = None,
    tolerance: float = 1e-5,
) -> None:
    """Assert that the layer gives what `function(x, **parameters)` gives on tensors."""
    x = random_array(shape) if x is None else x
    parameters = random_parameters(layer, shape)
    tensors = {name: torch().from_numpy(array) for name, array in parameters.items()}
    expected = function(torch().from_numpy(x), **tensors).numpy()
    np.testing.assert_allclose(
        run_layer(layer, x, parameters=parameters), expected, rtol=tolerance, atol=tolerance
    )
