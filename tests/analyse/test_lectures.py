"""The numbers that lectures on convolutional networks work out by hand."""

from __future__ import annotations

from itertools import pairwise

import pytest

from cnndsl.analyse import analyse
from cnndsl.specs import load

LINES = {
    "AlexNet's first layer: (227 − 11)/4 + 1": (
        "3@227x227",
        "conv 11x11 96 s4",
        "96@55x55",
        11**2 * 3 * 96 * 55**2,
    ),
    "1x1 to 16 channels, 28·28·16 values": (
        "192@28x28",
        "conv 1x1 16",
        "16@28x28",
        192 * 28 * 28 * 16,
    ),
    "5x5 on all channels": ("192@28x28", "conv 5x5 32 p2", "32@28x28", 120_422_400),
    "5x5 behind the bottleneck": (
        "192@28x28",
        "conv 1x1 16\nconv 5x5 32 p2",
        "32@28x28",
        12_443_648,
    ),
    "a convolution makes 3 of 5": ("1@5x5", "conv 3x3", "1@3x3", 9 * 9),
    "and a transposed one 5 of 3": ("1@3x3", "deconv 3x3", "1@5x5", 9 * 9),
    "with a stride, padded: 5 to 3": ("1@5x5", "conv 3x3 s2 p1", "1@3x3", 9 * 9),
    "and back, 3 to 5": ("1@3x3", "deconv 3x3 s2 p1", "1@5x5", 9 * 9),
    "there and back, 5 to 3 to 5": (
        "1@5x5",
        "conv 3x3 s2 p1\ndeconv 3x3 s2 p1",
        "1@5x5",
        2 * 9 * 9,
    ),
    "with a stride: 5 to 2": ("1@5x5", "conv 3x3 s2", "1@2x2", 4 * 9),
    "the stamps of 2x2 values: 2 to 5": ("1@2x2", "deconv 3x3 s2", "1@5x5", 4 * 9),
    "LeNet-5's C1": ("1@32x32", "conv 5x5 6", "6@28x28", 117_600),
}


@pytest.mark.parametrize("name", LINES)
def test_sizes_and_products(name: str) -> None:
    shape, lines, output, macs = LINES[name]
    network, _ = load(f"cnndsl 1\nnet Lecture\ninput x {shape}\n{lines}\n")
    assert str(network.steps[-1].output) == output
    assert analyse(network).totals.macs == macs


def test_vgg16_layer_by_layer() -> None:
    """13 convolutions of 3x3 and 3 dense layers."""
    channels = [3, 64, 64, 128, 128, 256, 256, 256, *[512] * 6]
    units = [512 * 7 * 7, 4096, 4096, 1000]
    by_hand = sum((9 * a + 1) * b for a, b in pairwise(channels))
    by_hand += sum((a + 1) * b for a, b in pairwise(units))
    assert analyse(load("vgg16")[0]).totals.params == by_hand == 138_357_544


def test_plain_nets_cost_what_their_residual_ones_do() -> None:
    """Skips have no parameters and no products."""
    for depth in (20, 32, 44, 56, 110):
        plain, residual = (analyse(load(f"{kind}{depth}")[0]) for kind in ("plain", "resnet"))
        assert plain.totals.params == residual.totals.params
        assert plain.totals.macs == residual.totals.macs
        convolutions = [r for r in plain.rows if r.layer.word in ("conv", "fc")]
        assert len(convolutions) == depth


def test_vgg16_in_16_gb() -> None:
    """Weights, gradients and two moments; then outputs and a pair of gradients a picture."""
    vgg = analyse(load("vgg16")[0])
    memory = vgg.memory(1)
    assert memory is not None
    held = 4 * 4 * vgg.totals.params
    picture = memory.training - held
    assert (held, picture) == (2_213_720_704, 98_920_448)
    assert memory.largest_batch(16 * 10**9, training=True) == (16 * 10**9 - held) // picture == 139
