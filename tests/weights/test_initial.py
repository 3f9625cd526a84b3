"""Weights that are drawn: the rules' variances, and the same bits everywhere."""

from __future__ import annotations

from hashlib import sha256

import numpy as np
import pytest

from cnndsl.layers.base import Parameter
from cnndsl.network import Network
from cnndsl.specs import load
from cnndsl.weights import initial_weights
from cnndsl.weights.source import CHUNK

WEIGHT = Parameter("weight", (200, 100, 3, 3), "weight", fan_in=900, fan_out=1800)


def net(activation: str) -> Network:
    return load(f"input x 1@8x8\nconv 3x3 4 {activation}\n")[0]


def values(
    network: Network, parameter: Parameter, rule: str, seed: int = 0, name: str = "a.weight"
) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.concatenate(list(initial_weights(network, rule, seed)(name, parameter)))


@pytest.mark.parametrize(
    ("activation", "rule", "variance"),
    [
        ("relu", "auto", 2 / 900),
        ("gelu", "auto", 2 / 900),
        ("tanh", "auto", 2 / 2700),
        ("selu", "auto", 1 / 900),
        ("relu", "glorot", 2 / 2700),
        ("tanh", "he", 2 / 900),
        ("relu", "lecun", 1 / 900),
        ("relu", "zeros", 0),
    ],
)
def test_rules_have_their_variance(activation: str, rule: str, variance: float) -> None:
    drawn = values(net(activation), WEIGHT, rule)
    assert drawn.dtype == np.float32
    assert drawn.var() == pytest.approx(variance, rel=0.02)
    assert abs(drawn.mean()) < 1e-3
    assert np.abs(drawn).max() <= np.sqrt(3 * variance) * (1 + 1e-6)


def test_the_bits_are_fixed() -> None:
    """They were written down once; another machine or library must give the same."""
    drawn = values(net("relu"), WEIGHT, "he")
    digest = sha256(drawn.tobytes()).hexdigest()
    assert digest == "e6c86751a43f5b805f7889d0e4db109e14cdeafc5aa021c78744abdf4cf67a38"


def test_pieces_do_not_matter_and_seeds_and_names_do() -> None:
    large = Parameter("weight", (CHUNK + 7,), "weight", fan_in=3, fan_out=5)
    generator = np.random.Generator(
        np.random.PCG64(int.from_bytes(sha256(b"0:a.weight").digest()[:16], "little"))
    )
    whole = generator.random(large.size, np.float32) - np.float32(0.5)
    bound = np.float32(np.sqrt(3 * 2 / 3))
    np.testing.assert_array_equal(values(net("relu"), large, "he"), whole * (2 * bound))
    first = values(net("relu"), WEIGHT, "he")
    assert (first == values(net("relu"), WEIGHT, "he")).all()
    assert (first != values(net("relu"), WEIGHT, "he", seed=1)).mean() > 0.99
    assert (first != values(net("relu"), WEIGHT, "he", name="b.weight")).mean() > 0.99


def test_what_is_no_weight_starts_at_its_initial_value() -> None:
    norm = Parameter("weight", (CHUNK + 1,), "norm", initial=1.0)
    drawn = values(net("relu"), norm, "he")
    assert drawn.size == norm.size
    assert (drawn == 1).all()
