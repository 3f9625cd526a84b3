"""Parameters that a block holds itself: a state dict has them before the block's layers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnndsl.weights.mapping import Mapping, fit
from cnndsl.weights.opening import open_tensors
from cnndsl.weights.writing import write_safetensors
from tests.support import peers
from tests.weights.mapped import in_memory, net, output


def randomised(torch: Any, model: Any) -> Any:
    """The model with no number that might be taken for another."""
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.uniform_(-0.5, 0.5) if parameter.ndim > 3 else parameter.uniform_(0.5, 1.5)
    return model.eval()


def mapped(torch: Any, model: Any, lines: str, shape: str, suffix: str, folder: Path) -> Mapping:
    path = folder / f"w{suffix}"
    if suffix == ".safetensors":  # sorted by names
        arrays = {n: model.state_dict()[n].numpy() for n in sorted(model.state_dict())}
        write_safetensors(path, in_memory(arrays).tensors.values())
    else:
        torch.save(model.state_dict(), path)
    return fit(net(lines, shape), open_tensors(path))


def compare(torch: Any, model: Any, lines: str, shape: str, mapping: Mapping) -> None:
    mapping.check()
    assert not list(mapping.of("unused"))
    network = net(lines, shape)
    (entry,) = network.inputs
    sizes = (2, entry.shape.channels, *entry.shape.sizes)
    x = np.random.default_rng(9).standard_normal(sizes).astype(np.float32)
    expected = model(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(output(network, mapping.arrays()), expected, rtol=1e-4, atol=1e-4)


def convnext(widths: tuple[int, ...], depths: tuple[int, ...]) -> str:
    lines = ["def block(n):", "    residual:"]
    lines += ["        dwconv 7x7 p3 -> ln eps=1e-6 -> conv 1x1 (4*n) gelu"]
    lines += ["        conv 1x1 n -> scale nobias"]
    lines += [f"conv 4x4 {widths[0]} s4 -> ln eps=1e-6"]
    for number, (width, depth) in enumerate(zip(widths, depths, strict=True)):
        if number:
            lines += [f"ln eps=1e-6 -> conv 2x2 {width} s2"]
        lines += [f"block {width} *{depth}"]
    return "\n".join([*lines, "gap -> ln eps=1e-6", "fc 10"])


@pytest.mark.torch
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize("maker", ["torchvision", "timm"])
def test_convnext(tmp_path: Path, maker: str, suffix: str) -> None:
    torch = peers.torch()
    widths, depths = (8, 16, 24, 32), (1, 2, 3, 1)
    if maker == "timm":
        build = peers.timm().models.convnext.ConvNeXt
        made = build(depths=depths, dims=widths, num_classes=10)
    else:
        module = peers.torchvision().models.convnext
        out = (*widths[1:], None)
        rows = [module.CNBlockConfig(*row) for row in zip(widths, out, depths, strict=True)]
        made = module.ConvNeXt(rows, num_classes=10)
    model = randomised(torch, made)
    lines = convnext(widths, depths)
    mapping = mapped(torch, model, lines, "3@64x64", suffix, tmp_path)
    compare(torch, model, lines, "3@64x64", mapping)


AUTHORS = (
    (r"stem\.", "downsample_layers.0."),
    (r"stages\.(\d)\.downsample\.", r"downsample_layers.\1."),
    (r"\.blocks\.", "."),
    (r"conv_dw", "dwconv"),
    (r"mlp\.fc", "pwconv"),
    (r"head\.norm", "norm"),
    (r"head\.fc", "head"),
)
"""From timm's names to those of the authors' code, github.com/facebookresearch/ConvNeXt."""


@pytest.mark.torch
def test_convnext_of_the_authors(tmp_path: Path) -> None:
    torch = peers.torch()
    widths, depths = (8, 16, 24, 32), (1, 2, 3, 1)
    build = peers.timm().models.convnext.ConvNeXt
    model = randomised(torch, build(depths=depths, dims=widths, num_classes=10))

    def called(name: str) -> str:
        for pattern, text in AUTHORS:
            name = re.sub(pattern, text, name)
        return name

    row = {called(name): tensor for name, tensor in model.state_dict().items()}
    first = [name for name in row if name.startswith("downsample")]
    state = {name: row[name] for name in (*first, *(n for n in row if n not in first))}
    torch.save({"model": state}, path := tmp_path / "w.pth")
    lines = convnext(widths, depths)
    mapping = fit(net(lines, "3@64x64"), open_tensors(path))
    compare(torch, model, lines, "3@64x64", mapping)


def block_module(torch: Any, shape: tuple[int, ...], twice: bool, plain: bool = False) -> Any:
    """Two residual blocks of norms and convolutions, weighed by parameters of their own."""
    nn: Any = torch.nn

    class Norm(nn.Module):
        def __init__(self) -> None:
            super().__init__()  # pyright: ignore[reportUnknownMemberType]
            self.weight = nn.Parameter(torch.ones(6))

        def forward(self, x: Any) -> Any:
            root = (x * x).mean(1, keepdim=True).add(1e-5).sqrt()
            return x / root * self.weight.view(-1, 1, 1)

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()  # pyright: ignore[reportUnknownMemberType]
            self.conv1 = nn.Conv2d(6, 6, 3, padding=1)
            self.norm1 = Norm() if plain else nn.GroupNorm(2, 6)
            self.norm2 = nn.GroupNorm(3, 6)
            self.conv2 = nn.Conv2d(6, 6, 3, padding=1)
            self.layer_scale_1 = nn.Parameter(torch.ones(shape))
            if twice:
                self.layer_scale_2 = nn.Parameter(torch.ones(shape))

        def forward(self, x: Any) -> Any:
            y = self.layer_scale_1.view(-1, 1, 1) * self.conv1(self.norm1(x))
            x = x + y
            y = self.conv2(self.norm2(x))
            return x + (self.layer_scale_2.view(-1, 1, 1) * y if twice else y)

    torch.manual_seed(0)
    return nn.Sequential(Block(), Block(), nn.Flatten(), nn.Linear(384, 5))


def block_lines(twice: bool) -> str:
    second = " -> scale nobias" if twice else ""
    return (
        "def block():\n    residual:\n        gn 2 -> conv 3x3 C p1 -> scale nobias\n"
        f"    residual:\n        gn 3 -> conv 3x3 C p1{second}\nblock *2\nfc 5"
    )


@pytest.mark.torch
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize("shape", [(6,), (6, 1, 1), (1, 6, 1, 1)])
@pytest.mark.parametrize("twice", [True, False])
def test_they_stand_where_they_fit(
    tmp_path: Path, shape: tuple[int, ...], twice: bool, suffix: str
) -> None:
    torch = peers.torch()
    model, lines = randomised(torch, block_module(torch, shape, twice)), block_lines(twice)
    mapping = mapped(torch, model, lines, "6@8x8", suffix, tmp_path)
    compare(torch, model, lines, "6@8x8", mapping)


@pytest.mark.torch
def test_what_fits_at_several_places_is_not_guessed(tmp_path: Path) -> None:
    torch = peers.torch()
    model = block_module(torch, (6,), twice=False, plain=True)
    lines = block_lines(twice=False).replace("gn 2 ->", "scale nobias ->")
    mapping = mapped(torch, model, lines, "6@8x8", ".pt", tmp_path)
    assert mapping.lacking
    assert "`0.norm1` and `0.layer_scale_1` both fit `block1.scale1`" in mapping.obstacle


@pytest.mark.torch
def test_the_whole_net_may_hold_one(tmp_path: Path) -> None:
    torch = peers.torch()
    nn: Any = torch.nn

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()  # pyright: ignore[reportUnknownMemberType]
            self.conv = nn.Conv2d(3, 6, 3)
            self.norm = nn.GroupNorm(2, 6)
            self.alpha = nn.Parameter(torch.rand(6, 1, 1))

        def forward(self, x: Any) -> Any:
            return self.norm(self.conv(x)) * self.alpha

    model, lines = randomised(torch, Model()), "conv 3x3 6\ngn 2\nscale nobias"
    mapping = mapped(torch, model, lines, "3@8x8", ".pt", tmp_path)
    compare(torch, model, lines, "3@8x8", mapping)
