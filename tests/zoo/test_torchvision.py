"""The zoo against torchvision: parameters, MACs, and outputs with the same weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnndsl.analyse import analyse
from cnndsl.network import Network
from cnndsl.specs import load
from tests.support import peers
from tests.support.run_layer import run_network
from tests.zoo.nets import FAMILIES, ZOO, family
from tests.zoo.weights import arrays, randomise

pytestmark = pytest.mark.torch


def build(name: str) -> Any:
    peers.torch().manual_seed(0)
    keywords: dict[str, Any] = {"weights": None}
    if name in ("googlenet", "inception_v3"):
        keywords |= {"init_weights": False, "aux_logits": True}
    return getattr(peers.torchvision().models, name)(**keywords)


def agree(network: Network, model: Any, tolerance: float = 1e-4) -> None:
    """Same weights, same random input, same output within a relative tolerance."""
    torch = peers.torch()
    randomise(torch, model)
    (entry,) = network.inputs
    shape = (2 if entry.shape.area < 100_000 else 1, entry.shape.channels, *entry.shape.sizes)
    x = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    with torch.inference_mode():
        expected = model(torch.from_numpy(x))
    (result,) = run_network(network, {entry.name: x}, arrays(network, model))
    error = np.abs(result - expected.numpy()).max() / np.abs(expected.numpy()).max()
    assert error < tolerance, f"relative error {error:.2e}"
    assert np.abs(expected.numpy()).std() > 1e-3  # signals are alive


@pytest.mark.slow
@pytest.mark.parametrize("name", ZOO)
def test_zoo_net_computes_what_torchvisions_does(name: str) -> None:
    agree(load(name)[0], build(ZOO[name]))


@pytest.mark.parametrize("name", FAMILIES)
def test_families_count_as_torchvision_publishes(name: str) -> None:
    """Exactly the parameters, heads included, and MACs to the three decimals given."""
    network = family(name)
    totals = analyse(network).totals
    entries = peers.torchvision().models.get_model_weights(name.split(".")[-1])
    for weights in entries:
        assert totals.params + totals.head_params == weights.meta["num_params"]
    if "." not in name:  # the others are published for inputs of several sizes
        (size, _) = network.inputs[0].shape.sizes
        published = [w.meta["_ops"] for w in entries if w.transforms.keywords["crop_size"] == size]
        assert totals.macs is not None
        assert totals.macs / 1e9 == pytest.approx(published[0], abs=0.002)


ALIKE = [
    *("densenet121", "mnasnet0_5", "shufflenet_v2_x0_5", "mobilenet_v3_small", "efficientnet_b0"),
    *("mobilenet_v3_large", "regnet_y_400mf", "regnet_x_400mf", "efficientnet_v2_s"),
]


@pytest.mark.slow
@pytest.mark.parametrize("name", ALIKE)
def test_families_compute_what_torchvisions_do(name: str) -> None:
    agree(family(name), build(name))
