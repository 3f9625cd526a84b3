"""Pretrained weights that are known by a name: where they lie, and what belongs to them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cnndsl.downloads import Download
from cnndsl.preprocessing import Preprocessing

HERE = Path(__file__).parent
SCHEME = "https"


@dataclass(frozen=True, slots=True)
class Known:
    """Weights of a net of the zoo; `top1` is their accuracy on ImageNet in percent."""

    name: str
    net: str
    top1: float
    download: Download
    preprocessing: Preprocessing


@cache
def known_weights() -> Mapping[str, Known]:
    """All of them by name."""
    table = tomllib.loads((HERE / "torchvision.toml").read_text(encoding="utf-8"))
    return {name: _known(name, row, table) for name, row in table["weights"].items()}


@cache
def imagenet_labels() -> tuple[str, ...]:
    """The thousand classes of ImageNet's challenge, as torchvision lists them."""
    return tuple((HERE / "imagenet.txt").read_text(encoding="utf-8").splitlines())


def _known(name: str, row: Mapping[str, Any], table: Mapping[str, Any]) -> Known:
    file: str = row["file"]
    digits = Path(file).stem.rpartition("-")[2]
    most = round((row["mib"] + 0.01) * (1 << 20))  # the table rounds
    download = Download(file, (table["address"] + file,), most, digits, SCHEME)
    mean, std = (tuple(row.get(key, table[key])) for key in ("mean", "std"))
    return Known(
        name,
        row["net"],
        row["top1"],
        download,
        Preprocessing(255.0, mean, std, resize=row["resize"]),
    )
