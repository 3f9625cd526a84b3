"""Filters that slide otherwise in a Keras file than in the net are told of."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from cnndsl import parse
from cnndsl.weights.mapping import fit
from cnndsl.weights.opening import open_tensors

Arrays = dict[str, tuple[int, ...]]

SPEC = """cnndsl 1
net Small(classes=4)
input image 3@8x8
conv 3x3 5 s2 {padding}
gap
fc classes
"""
NET: Arrays = {
    "conv2d/kernel": (3, 3, 3, 5),
    "conv2d/bias": (5,),
    "dense/kernel": (5, 4),
    "dense/bias": (4,),
}


def keras(path: Path, arrays: Arrays, config: object = None) -> Path:
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    with h5py.File(path, "w") as file:
        layers = list(dict.fromkeys(name.partition("/")[0] for name in arrays))
        file.attrs["layer_names"] = [layer.encode() for layer in layers]
        for layer in layers:
            names = [n for n in arrays if n.startswith(f"{layer}/")]
            group = file.create_group(layer)
            group.attrs["weight_names"] = [f"{n}:0".encode() for n in names]
            for name in names:
                group[f"{name}:0"] = np.ones(arrays[name], np.float32)
        if config:
            file.attrs["model_config"] = json.dumps({"config": {"layers": config}})
    return path


@pytest.mark.parametrize(
    ("padding", "strides", "kind", "told"),
    [
        ("same", [2, 2], "same", ""),
        ("p1", [2, 2], "same", "has padding 0 0 1 1, and `conv1` has 1 1 1 1"),
        ("p1", [2, 2], "valid", ""),
        ("p1", [1, 1], "valid", "has stride 1 1, and `conv1` has 2 2"),
    ],
)
def test_the_configuration_says_it(
    padding: str, strides: list[int], kind: str, told: str, tmp_path: Path
) -> None:
    settings = {"name": "conv2d", "strides": strides, "padding": kind}
    layers = [{"class_name": "Conv2D", "config": settings}]
    file = open_tensors(keras(tmp_path / "a.h5", NET, layers))
    notes = fit(parse(SPEC.format(padding=padding)), file).notes
    assert any(told in note for note in notes if "the answers will differ" in note) == bool(told)


@pytest.mark.parametrize(("tf", "told"), [(0, True), (1, False)])
def test_the_family_says_it(tf: int, told: bool, tmp_path: Path) -> None:
    net = parse("mobilenet_v1", settings={"tf": tf, "act": "relu6", "alpha": 0.25, "size": 32})
    arrays: Arrays = {"conv1/kernel": (3, 3, 3, 8), **_norm("conv1_bn", 8)}
    sizes = [8, 16, 32, 32, 64, 64, *[128] * 6, 256, 256]
    for number, (n, m) in enumerate(pairwise(sizes), 1):
        arrays |= {f"conv_dw_{number}/depthwise_kernel": (3, 3, n, 1)}
        arrays |= _norm(f"conv_dw_{number}_bn", n)
        arrays |= {f"conv_pw_{number}/kernel": (1, 1, n, m), **_norm(f"conv_pw_{number}_bn", m)}
    arrays |= {"conv_preds/kernel": (1, 1, 256, 1000), "conv_preds/bias": (1000,)}
    mapping = fit(net, open_tensors(keras(tmp_path / "a.h5", arrays)))
    assert not mapping.lacking
    assert any("such a net of the zoo has tf=1" in note for note in mapping.notes) == told


def _norm(name: str, channels: int) -> Arrays:
    parts = "gamma", "beta", "moving_mean", "moving_variance"
    return {f"{name}/{part}": (channels,) for part in parts}
