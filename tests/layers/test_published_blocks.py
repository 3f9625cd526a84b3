"""Blocks of published nets, written in the language, give what torch and timm give."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest

from cnndsl.lower import lower
from cnndsl.specs import load
from tests.support.peers import timm, torch
from tests.support.run_layer import run_network


def agrees(spec: str, module: Any, *arrays: np.ndarray[Any, Any], tolerance: float = 1e-4) -> None:
    """A spec with a module's tensors, in their order, gives what the module gives."""
    network, _ = load(f"cnndsl 1\n{spec}")
    random = torch().Generator().manual_seed(0)
    module.eval()
    for tensor in module.state_dict().values():
        if tensor.dtype.is_floating_point:  # variances too are positive
            drawn = torch().rand(tensor.shape, generator=random) + 0.5
            signs = torch().rand(tensor.shape, generator=random) < 0.5
            tensor.copy_(drawn if tensor.ndim < 2 else drawn * torch().where(signs, -0.2, 0.2))
    tensors = [t for t in module.state_dict().values() if t.dtype.is_floating_point]
    parameters = lower(network).parameters
    assert [t.numel() for t in tensors] == [p.size for p in parameters.values()]
    values = {
        name: tensor.numpy().reshape(parameter.shape)
        for (name, parameter), tensor in zip(parameters.items(), tensors, strict=True)
    }
    feeds = {i.name: array for i, array in zip(network.inputs, arrays, strict=True)}
    (found,) = run_network(network, feeds, values)
    with torch().no_grad():
        expected = module(*map(torch().from_numpy, arrays)).numpy()
    assert np.abs(found - expected).max() <= tolerance * np.abs(expected).max()


def image(*shape: int, seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def modules() -> dict[str, Any]:
    nn, functions = torch().nn, torch().nn.functional

    class Cbam(nn.Module):
        def __init__(self, c: int, r: int):
            super().__init__()
            self.conv1 = nn.Conv2d(c, c, 3, 1, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(c)
            self.squeeze = nn.Conv2d(c, c // r, 1, bias=False)
            self.excite = nn.Conv2d(c // r, c, 1, bias=False)
            self.spatial = nn.Conv2d(2, 1, 7, padding=3, bias=False)

        def forward(self, x: Any) -> Any:
            y = self.bn1(self.conv1(x))
            pooled = y.mean((2, 3), keepdim=True), y.amax((2, 3), keepdim=True)
            y = y * sum(self.excite(self.squeeze(p).relu()) for p in pooled).sigmoid()
            both = torch().cat([y.mean(1, keepdim=True), y.amax(1, keepdim=True)], 1)
            return (x + y * self.spatial(both).sigmoid()).relu()

    class Gate(nn.Module):
        def __init__(self, g: int, c: int, inner: int):
            super().__init__()
            self.g = nn.Sequential(nn.Conv2d(g, inner, 1), nn.BatchNorm2d(inner))
            self.x = nn.Sequential(nn.Conv2d(c, inner, 1), nn.BatchNorm2d(inner))
            self.psi = nn.Sequential(nn.Conv2d(inner, 1, 1), nn.BatchNorm2d(1), nn.Sigmoid())

        def forward(self, g: Any, x: Any) -> Any:
            return x * self.psi((self.g(g) + self.x(x)).relu())

    class ReZero(nn.Module):
        def __init__(self, c: int):
            super().__init__()
            self.conv, self.scale = nn.Conv2d(c, c, 3, padding=1), nn.ParameterList()
            self.scale.append(nn.Parameter(torch().zeros(1)))

        def forward(self, x: Any) -> Any:
            return x + self.scale[0] * self.conv(x).relu()

    class Fusion(nn.Module):
        def __init__(self, c: int):
            super().__init__()
            self.weights = nn.ParameterList(nn.Parameter(torch().ones(1)) for _ in range(3))
            self.conv = nn.Conv2d(c, c, 3, padding=1, groups=c)

        def forward(self, a: Any, b: Any, c: Any) -> Any:
            w = [weight.relu() for weight in self.weights]
            w = [weight / (sum(w) + 1e-4) for weight in w]
            b = functions.interpolate(b, scale_factor=2)
            mixed = w[0] * a + w[1] * b + w[2] * functions.max_pool2d(c, 2)
            return self.conv(mixed * mixed.sigmoid())

    return {"cbam": Cbam, "gate": Gate, "rezero": ReZero, "fusion": Fusion}


@pytest.mark.torch
def test_a_residual_block_with_cbam() -> None:
    spec = """\
input x 32@9x11
y: conv 3x3 p1 bn
gap
s: conv 1x1 2 nobias relu
e: conv 1x1 32 nobias
gmp from y
reuse s
reuse e
add e sigmoid
mul y
mul:
    | skip
    | concat:
        | gap channels
        | gmp channels
      -> conv 7x7 1 same nobias sigmoid
add x relu
"""
    agrees(spec, modules()["cbam"](32, 16), image(2, 32, 9, 11))


@pytest.mark.torch
def test_the_gate_of_an_attention_u_net() -> None:
    spec = """\
input g 12@8x8
input x 6@8x8
a: conv 1x1 4 bias bn from g
conv 1x1 4 bias bn from x
add a relu
conv 1x1 1 bias bn sigmoid
mul x
"""
    agrees(spec, modules()["gate"](12, 6, 4), image(2, 12, 8, 8), image(2, 6, 8, 8, seed=1))


@pytest.mark.torch
def test_rezero() -> None:
    spec = """\
input x 6@8x8
residual:
    conv 3x3 p1 relu -> scale shared nobias initial=0
"""
    network, _ = load(f"cnndsl 1\n{spec}")
    initial = lower(network).parameters["scale1.weight"]
    assert (initial.shape, initial.initial) == ((1,), 0.0)
    agrees(spec, modules()["rezero"](6), image(2, 6, 8, 8))


@pytest.mark.torch
def test_fusion_by_learned_weights() -> None:
    """EfficientDet's: a weight is a learned factor of 1, so that their sum can divide."""
    spec = """\
input a 8@8x8
input b 8@4x4
input c 8@16x16
def weight():
    gap -> clamp 1 1
    gap channels -> scale shared nobias relu
p: weight from a
q: weight from b
r: weight from c
add p q
total: scale offset=1e-4
mul p from a
wa: div total
upsample 2x2 from b
mul q
wb: div total
pool 2x2 from c
mul r
div total
add wa wb silu
dwconv 3x3 p1
"""
    arrays = image(2, 8, 8, 8), image(2, 8, 4, 4, seed=1), image(2, 8, 16, 16, seed=2)
    agrees(spec, modules()["fusion"](8), *arrays)


@pytest.mark.torch
def test_inception_resnets_block() -> None:
    spec = """\
input x 320@9x9
def unit(n, k=1): conv n k=k half bn relu
residual relu:
    concat:
        | unit 32
        | unit 32 -> unit 32 k3
        | unit 32 -> unit 48 k3 -> unit 64 k3
    conv 1x1 320 -> scale 0.17
"""
    timm()
    block = import_module("timm.models.inception_resnet_v2").Block35(scale=0.17)
    agrees(spec, block, image(1, 320, 9, 9))


@pytest.mark.torch
def test_convnext_v2() -> None:
    spec = """\
input image 3@64x64
def block():
    residual:
        dwconv 7x7 same -> ln eps=1e-6
        conv 1x1 (4*C) gelu grn
        conv 1x1 C
conv 4x4 40 s4 -> ln eps=1e-6
block *2
for n, blocks in (80, 2) (160, 6) (320, 2):
    ln eps=1e-6 -> conv 2x2 n s2
    block *blocks
gap -> ln eps=1e-6 -> fc 1000
"""
    net = timm().create_model("convnextv2_atto", pretrained=False)
    agrees(spec, net, image(1, 3, 64, 64))
