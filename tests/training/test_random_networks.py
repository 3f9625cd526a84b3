"""Any network: its training graph gives torch's gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import assume, given, settings

from cnndsl.autodiff.algorithms.choose import Planner
from cnndsl.diagnostics import UsageError
from cnndsl.network import LossTerm, Network
from cnndsl.training.graphs import TrainingGraphs, build_training
from tests.support.gradients import feeds_for, run_graph, torch_gradients, worst
from tests.support.networks import networks

BATCH = 3
DRAWS = 3


@pytest.mark.torch
@settings(max_examples=100)
@given(networks())
def test_gradients_are_torchs(network: Network) -> None:
    """As far as float32 goes: within 1e-4, or four times what torch's own float32 is off."""
    output = network.outputs[0]
    term = LossTerm(coefficient=1.0, function="mse", arguments=(output, "target"))
    try:
        graphs = build_training(network, BATCH, loss=[term])
    except UsageError as error:
        assert "nothing is left to train" in str(error)
        return
    assert any(_agrees(network, graphs, output, seed) for seed in range(DRAWS))


def _agrees(network: Network, graphs: TrainingGraphs, output: str, seed: int) -> bool:
    feeds = feeds_for(graphs, seed)

    def loss(f: Any, values: dict[str, Any], given: dict[str, Any]) -> Any:
        return f.mse_loss(values[output], given["target"])

    try:
        exact = torch_gradients(network, graphs, feeds, loss)
    except ValueError as error:  # torch normalises no map of one value
        assume("more than 1 spatial element" not in str(error))
        raise
    assume(all(np.isfinite(a).all() and np.abs(a).max(initial=0) < 1e6 for a in exact.values()))
    rounded = torch_gradients(network, graphs, feeds, loss, double=False)
    ours = {n: a for n, a in run_graph(graphs, feeds).items() if n in exact}
    allowed = max(1e-4, 4 * max(worst(rounded, exact).values()))
    errors = worst(ours, exact)
    largest = max(np.abs(a).max(initial=0) for n, a in exact.items() if n.startswith("grad/"))
    for name, array in exact.items():  # norms take the biases of those before them away
        if np.abs(array).max(initial=0) < 1e-12 * largest:
            errors[name] = 10 * np.abs(ours[name]).max(initial=0) / largest
    return max(errors.values()) <= allowed


@settings(max_examples=60)
@given(networks())
def test_graphs_in_float16_are_valid(network: Network) -> None:
    """Every type fits: ONNX's checker takes them, and ONNX Runtime runs them."""
    term = LossTerm(coefficient=1.0, function="mse", arguments=(network.outputs[0], "target"))
    try:
        graphs = build_training(network, BATCH, loss=[term], planner=Planner(precision="float16"))
    except UsageError as error:
        assert "nothing is left to train" in str(error)
        return
    onnx.checker.check_model(onnx.load_from_string(graphs.grad_bytes()), full_check=True)
    found = run_graph(graphs, feeds_for(graphs) | {"loss_scale": np.array(1.0, np.float32)})
    assert {name for name, a in found.items() if a.dtype == np.float16} == set()
