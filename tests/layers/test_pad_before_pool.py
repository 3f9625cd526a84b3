"""A margin of zeros in front of a pooling stays zeros in ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest

from cnndsl.layers import LAYERS
from cnndsl.network import Input, Network, Step
from cnndsl.shape import Shape
from tests.support.run_layer import HERE, run_network


@pytest.mark.parametrize("word", ["pool", "avgpool"])
@pytest.mark.parametrize("kernel", [1, 2, 3])
def test_padding_is_not_merged_into_the_pooling(word: str, kernel: int) -> None:
    x = Shape(1, (4, 4))
    pad, pool = LAYERS["pad"](width=(1,)), LAYERS[word](kernel=kernel, stride=1)
    steps = (
        Step(name="a", layer=pad, inputs=("x",), output=pad.shape(x), origin=HERE),
        Step(name="b", layer=pool, inputs=("a",), output=pool.shape(pad.shape(x)), origin=HERE),
    )
    entries = (Input(name="x", shape=x, origin=HERE),)
    network = Network(name="N", settings={}, inputs=entries, steps=steps, outputs=("b",))
    negative = -1 - np.random.default_rng(0).random((1, 1, 4, 4), np.float32)
    (result,) = run_network(network, {"x": negative}, {})
    windows = np.lib.stride_tricks.sliding_window_view(
        np.pad(negative, ((0, 0), (0, 0), (1, 1), (1, 1))), (kernel, kernel), (2, 3)
    )
    expected = windows.max((-1, -2)) if word == "pool" else windows.mean((-1, -2))
    np.testing.assert_allclose(result, expected, rtol=1e-6)
