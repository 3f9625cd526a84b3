"""The nets that torchvision has too: its name, our spec, and the settings that make it that net."""

from __future__ import annotations

import re
from pathlib import Path

from cnndsl.cli.options import read_settings
from cnndsl.network import Network
from cnndsl.specs import load

SPECS = Path(__file__).parents[1] / "specs"

ZOO = {
    name: name.removesuffix("_tv")
    for name in (
        *("alexnet_tv", "googlenet_tv", "inception_v3", "mobilenet_v2", "resnext50_32x4d"),
        *("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "wide_resnet50_2"),
        *("squeezenet1_0", "squeezenet1_1"),
        *(f"vgg{n}{bn}" for n in (11, 13, 16, 19) for bn in ("", "_bn")),
    )
}
"""Zoo name → torchvision's name."""


def _table() -> dict[str, tuple[Path, tuple[str, ...]]]:
    rows = re.findall(
        r"^\| ([\w.]+) \| (\w+\.cnn) \| (.*?) ?\|$", (SPECS / "README.md").read_text(), re.M
    )
    return {
        name: (SPECS / file, tuple(re.findall(r"--set (\S+=[\w.]+)", settings)))
        for name, file, settings in rows
    }


FAMILIES = _table()
"""torchvision's name → spec and settings, for the nets that the zoo doesn't hold."""


def family(name: str) -> Network:
    """Our network of a torchvision net outside the zoo."""
    spec, settings = FAMILIES[name]
    return load(spec, read_settings(settings))[0]
