"""Gradients of every zoo net, in training: batch norm, dropout by the same noise, all heads."""

from __future__ import annotations

import pytest

from cnndsl import resources
from cnndsl.network import Network
from cnndsl.training.graphs import TrainingGraphs, build_training
from tests.support.gradients import feeds_for, objective, run_graph, torch_gradients, worst
from tests.zoo.small import small

pytestmark = pytest.mark.torch
BATCH = 2
TOLERANCE = 1e-4  # parts of the largest value of a gradient

FAST = {"alexnet", "autoencoder", "conv_vae", "deconvnet", "fashion_cnn", "googlenet", "lenet"}
FAST |= {"lenet5", "lenet5_1998", "nin_cifar", "resnet20", "squeezenet1_1", "unet_same"}
DRAWS = 3
"""A relu or a pooling that rounding sends the other way changes everything below it, in float32
just as here: what is wrong stays wrong for other numbers, such a turn doesn't."""


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in FAST else pytest.mark.slow)
        for name in sorted(resources.zoo_names())
    ],
)
def test_gradients_are_torchs(name: str) -> None:
    """Within 1e-4, or where float32 itself is further off, within four times torch's own error."""
    network = small(name)
    graphs = build_training(network, BATCH)
    for seed in range(DRAWS):
        problem = _problem(network, graphs, seed)
        if problem is None:
            return
    pytest.fail(problem)


def _problem(network: Network, graphs: TrainingGraphs, seed: int) -> str | None:
    """What differs on the numbers of a draw."""
    feeds, loss = feeds_for(graphs, seed), objective(network)
    exact = torch_gradients(network, graphs, feeds, loss)
    errors = worst(run_graph(graphs, feeds), exact)
    name, error = max(errors.items(), key=lambda e: e[1])
    if error <= TOLERANCE:
        return None
    rounded = worst(torch_gradients(network, graphs, feeds, loss, double=False), exact)
    allowed = max(TOLERANCE, 4 * max(rounded.values()))
    return None if error <= allowed else f"{name} is {error:.1e} off, {allowed:.1e} allowed"
