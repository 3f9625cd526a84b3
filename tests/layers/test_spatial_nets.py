"""Heads and pyramids of published nets at odd sizes, with torch's weights and against torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnndsl.network import LossTerm, Network
from cnndsl.specs import load
from cnndsl.training.graphs import build_training
from tests.support.gradients import feeds_for, run_graph, torch_gradients, worst
from tests.support.peers import torch
from tests.support.run_layer import run_network

pytestmark = pytest.mark.torch


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def computes(text: str, x: np.ndarray, weights: list[Any], expected: Any) -> Network:
    """The spec with these tensors, in its own order, gives what torch does."""
    network, _ = load(text)
    names = [f"{s.name}.{p.name}" for s in network.steps
             for p in s.layer.parameters(*network.input_shapes(s))]  # fmt: skip
    given = {n: w.detach().numpy() for n, w in zip(names, weights, strict=True)}
    (found,) = run_network(network, {network.inputs[0].name: x}, given)
    np.testing.assert_allclose(found, expected.detach().numpy(), rtol=1e-4, atol=1e-5)
    return network


def test_pyramid_pooling_of_pspnet() -> None:
    t = torch()
    f, x = t.nn.functional, random(2, 8, 11, 9)
    convs = [t.nn.Conv2d(8, 2, 1, bias=False) for _ in range(4)]
    last, map_ = t.nn.Conv2d(16, 4, 3, padding=1), t.from_numpy(x)
    parts = [map_]
    for n, conv in zip((1, 2, 3, 6), convs, strict=True):
        small = conv(f.adaptive_avg_pool2d(map_, n)).relu()
        parts.append(f.interpolate(small, (11, 9), mode="bilinear", align_corners=True))
    expected = last(t.cat(parts, 1))
    branches = "".join(
        f"    | gap {n}x{n} -> conv 1x1 2 nobias relu -> upsample to=x bilinear align_corners\n"
        for n in (1, 2, 3, 6)
    )
    text = f"cnndsl 1\nnet PSP\ninput x 8@11x9\nconcat:\n    | skip\n{branches}conv 3x3 4 p1\n"
    computes(text, x, [*(c.weight for c in convs), last.weight, last.bias], expected)


def test_spatial_pyramid_of_sppnet() -> None:
    """Maxima over 4x4, 2x2 and 1x1 windows of a map that they don't divide."""
    t = torch()
    x = random(2, 5, 13, 11)
    fc, map_ = t.nn.Linear(5 * 21, 3), t.from_numpy(x)
    pooled = [t.nn.functional.adaptive_max_pool2d(map_, n).flatten(1) for n in (4, 2, 1)]
    text = """cnndsl 1
net SPP
input x 5@13x11
concat:
    | gmp 4x4 -> flatten
    | gmp 2x2 -> flatten
    | gmp -> flatten
fc 3
"""
    computes(text, x, [fc.weight, fc.bias], fc(t.cat(pooled, 1)))


def test_a_feature_pyramid_at_odd_sizes() -> None:
    t = torch()
    x = random(1, 3, 37, 45)
    f, c = t.nn.functional, t.nn.Conv2d
    body = [c(3, 4, 3, 2, 1), c(4, 6, 3, 2, 1), c(6, 8, 3, 2, 1)]
    inner, out = [c(4, 5, 1), c(6, 5, 1), c(8, 5, 1)], c(5, 5, 3, padding=1)
    maps = [t.from_numpy(x)]
    for conv in body:
        maps.append(conv(maps[-1]).relu())
    top = inner[2](maps[3])
    for number in (1, 0):
        lateral = inner[number](maps[number + 1])
        top = lateral + f.interpolate(top, lateral.shape[2:], mode="nearest")
    text = """cnndsl 1
net FPN
input x 3@HxW
c1: conv 3x3 4 s2 p1 relu
c2: conv 3x3 6 s2 p1 relu
c3: conv 3x3 8 s2 p1 relu
P3: conv 1x1 5
l2: conv 1x1 5 from c2
upsample to=l2 from P3
P2: add l2
l1: conv 1x1 5 from c1
upsample to=l1 from P2
add l1
conv 3x3 5 p1
"""
    layers = [*body, inner[2], inner[1], inner[0], out]
    weights = [w for layer in layers for w in (layer.weight, layer.bias)]
    computes(text, x, weights, out(top))


def test_a_fully_convolutional_head_at_odd_sizes() -> None:
    """The scores of strided maps brought back to the picture's size, as FCN and DeepLab end."""
    t = torch()
    x = random(1, 3, 41, 33)
    body, atrous = t.nn.Conv2d(3, 6, 7, 4, 3), t.nn.Conv2d(6, 6, 3, padding=2, dilation=2)
    head = t.nn.Conv2d(6, 4, 1)
    scores = head(atrous(body(t.from_numpy(x)).relu()).relu())
    expected = t.nn.functional.interpolate(scores, (41, 33), mode="bilinear", align_corners=False)
    text = """cnndsl 1
net FCN
input x 3@HxW
conv 7x7 6 s4 p3 relu
conv 3x3 6 p2 d2 relu
conv 1x1 4
upsample to=x bilinear
"""
    weights = [w for layer in (body, atrous, head) for w in (layer.weight, layer.bias)]
    network = computes(text, x, weights, expected)
    assert str(network.shapes[network.outputs[0]]) == "4@HxW"


@pytest.mark.parametrize(
    "line",
    [
        "gmp 4x3",
        "upsample to=x bilinear align_corners",
        "upsample to=x bilinear",
        "upsample to=x",
        "upsample size=4x11 bilinear align_corners",
        "upsample k=(0.5,1.5) bilinear",
        "upsample k=0.75 half_pixel",
        "upsample 2x3 bilinear asymmetric",
        "take first=2 start=1 step=2",
        "pad p=(0,0,0,1) -> pixelunshuffle 2",
    ],
)
def test_gradients_are_torchs(line: str) -> None:
    text = f"cnndsl 1\nnet Drawn\ninput x 3@13x15\nconv 3x3 4 s2 p1 tanh\ny: {line}\noutput y\n"
    if "unshuffle" in line:
        text = text.replace("13x15", "15x13")
    network, _ = load(text)
    term = LossTerm(coefficient=1.0, function="mse", arguments=("y", "target"))
    graphs = build_training(network, 3, loss=[term])
    feeds = feeds_for(graphs)

    def loss(f: Any, values: dict[str, Any], given: dict[str, Any]) -> Any:
        return f.mse_loss(values["y"], given["target"])

    exact = torch_gradients(network, graphs, feeds, loss)
    ours = {n: a for n, a in run_graph(graphs, feeds).items() if n in exact}
    assert max(worst(ours, exact).values()) <= 1e-4
