"""Every net of the zoo on inputs so small that its gradients are computed in a second or two."""

from __future__ import annotations

from cnndsl import resources
from cnndsl.network import Network
from cnndsl.shape import Shape
from cnndsl.source import Source
from cnndsl.specs import load

SIZES: dict[str, int | tuple[int, ...]] = {
    "alexnet": 67,
    "alexnet_tv": 64,
    "c3d": (16, 32, 32),
    "googlenet": 96,
    "googlenet_tv": 96,
    "inception_v3": 299,  # the training head takes a map of 17x17
    "mobilenet_v1": 64,
    "mobilenet_v2": 64,
    "nin": 64,
    "plain18": 64,
    "plain34": 64,
    "resnet101": 64,
    "resnet152": 64,
    "resnet18": 64,
    "resnet34": 64,
    "resnet50": 64,
    "resnext50_32x4d": 64,
    "squeezenet1_0": 64,
    "squeezenet1_1": 64,
    "unet": 188,
    "unet_same": 32,
    "wide_resnet50_2": 64,
    **{f"vgg{n}{bn}": 32 for n in (11, 13, 16, 19) for bn in ("", "_bn")},
}
"""Positions along the axes of the input, where they aren't small by themselves."""

CLASSES = 10


def small(name: str, size: int | None = None) -> Network:
    """The net with ten classes, if it has classes, and a small input."""
    if name == "deconvnet":
        return _deconvnet()
    network = load(name)[0]
    settings = {"classes": CLASSES} if "classes" in network.settings else {}
    wanted = size or SIZES.get(name)
    shapes: dict[str, Shape] = {}
    if wanted is not None:
        (entry,) = network.inputs
        sizes = wanted if isinstance(wanted, tuple) else (wanted,) * entry.shape.rank
        shapes[entry.name] = Shape(entry.shape.channels, sizes)
    return load(name, settings, shapes)[0]


def _deconvnet() -> Network:
    """A sixteenth of its channels, and 64x64: its whole-map window is 7x7 at 224x224 only."""
    text = resources.zoo_path("deconvnet").read_text(encoding="utf-8")
    for channels in (512, 256, 128, 64):
        text = text.replace(f" {channels}", f" {channels // 16}")
    for old, new in (("3@224x224", "3@64x64"), ("7x7", "2x2"), ("4096", "32")):
        text = text.replace(old, new)
    return load(Source("deconvnet", text))[0]
