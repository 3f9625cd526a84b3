"""Rewrites of the forward pass keep every output."""

from __future__ import annotations

import numpy as np
import pytest

from cnndsl.autodiff import passes
from cnndsl.network import Network
from cnndsl.specs import load
from cnndsl.training.graphs import TrainingGraphs, build_training
from tests.support.gradients import feeds_for, run_graph

HEAD = "cnndsl 1\nnet N(classes=10)\ninput x 3@12x12\n"
NETS = {
    "relu, pool": "conv 3x3 8 relu -> pool 2x2\nconv 3x3 8 tanh -> pool 3x3 s2\nlogits: fc classes",
    "leaky, pool": "conv 3x3 8 -> leaky 0.1 -> pool 2x2\nlogits: fc classes",
    "relu6, pool": "conv 3x3 8 relu6 -> pool 2x2\nlogits: fc classes",
    "bias, bn": "conv 3x3 8 bias bn relu -> pool 2x2\nfc 20 bias bn relu\nlogits: fc classes",
    "deconv bias, bn": "conv 3x3 8 s2\ndeconv 2x2 4 s2 bias bn relu\nlogits: fc classes",
    "shared relu": "a: conv 3x3 8 relu\nb: pool 2x2 from a\nc: conv 2x2 8 s2 from a\n"
    "concat b\nlogits: fc classes",
    "shared bias": "a: conv 3x3 8 bias\nb: bn from a\nadd a\nlogits: fc classes",
    "unpool": "conv 3x3 8 relu\nP: pool 2x2\nunpool P\nlogits: fc classes",
    "same size": "conv 3x3 8 relu -> pool 3x3 s1 same\nlogits: fc classes",
}
MOVED = {"relu, pool", "leaky, pool", "relu6, pool", "bias, bn", "deconv bias, bn"}


def built(network: Network, monkeypatch: pytest.MonkeyPatch, rewrite: bool) -> TrainingGraphs:
    with monkeypatch.context() as patch:
        if not rewrite:
            patch.setattr(passes, "REWRITES", ())
        return build_training(network, 4)


@pytest.mark.parametrize("name", NETS)
def test_outputs_stay(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network = load(f"{HEAD}{NETS[name]}\noutput logits\n")[0]
    plain, rewritten = (built(network, monkeypatch, r) for r in (False, True))
    feeds = feeds_for(plain)
    expected, found = run_graph(plain, feeds), run_graph(rewritten, feeds)
    left_out = expected.keys() - found.keys()
    assert found.keys() <= expected.keys()
    for key, value in found.items():
        np.testing.assert_allclose(value, expected[key], rtol=1e-4, atol=1e-5, err_msg=key)
    for key in left_out:
        assert key.endswith(".bias")
        np.testing.assert_allclose(expected[key], 0, atol=1e-5)
    assert (_signature(plain) != _signature(rewritten)) == (name in MOVED)


def test_a_bias_under_a_norm_is_left_out() -> None:
    graphs = build_training(load("fashion_cnn")[0], 4)
    assert not {"conv1.bias", "conv2.bias"} & {*graphs.trained}
    assert "conv1.bias" in graphs.parameters


def test_a_relu_runs_behind_its_pooling() -> None:
    graphs = build_training(load("fashion_cnn")[0], 4)
    relus = [n for n in graphs.grad.graph if n.op_type == "Relu" and n.name.startswith("relu")]
    assert [tuple(n.outputs[0].shape) for n in relus] == [(4, 16, 14, 14), (4, 32, 7, 7)]


def _signature(graphs: TrainingGraphs) -> list[tuple[str, ...]]:
    return [(n.op_type, *(str(v.shape) for v in n.outputs)) for n in graphs.grad.graph]
