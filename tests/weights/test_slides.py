"""Filters that slide otherwise in a Keras file than in the net are told of."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from cnndsl import parse
from cnndsl.weights.mapping import fit
from cnndsl.weights.opening import open_tensors
from tests.support import peers
from tests.support.run_layer import run_network

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


X = 16
KERAS: dict[str, tuple[str, dict[str, Any], str]] = {
    "dilation": ("Conv2D", {"dilation_rate": 2}, "conv 3x3 8{}"),
    "depthwise": ("DepthwiseConv2D", {"dilation_rate": 2}, "dwconv 3x3{}"),
    "stride": ("Conv2DTranspose", {"strides": 2, "padding": "same"}, "deconv 3x3 8{}"),
    "separable": ("SeparableConv2D", {"strides": 2, "padding": "same"}, "dwconv 3x3{}"),
}
OPTIONS = {"dilation": " d2", "depthwise": " d2", "stride": " s2 same", "separable": " s2 same"}


@pytest.mark.torch
@pytest.mark.parametrize("name", KERAS)
@pytest.mark.parametrize("right", [True, False])
def test_keras_layers_that_slide_otherwise(tmp_path: Path, name: str, right: bool) -> None:
    keras = peers.keras()
    kind, settings, line = KERAS[name]
    args = {} if kind == "DepthwiseConv2D" else {"filters": 8}
    layer = getattr(keras.layers, kind)(kernel_size=3, **args, **settings)
    layers = [layer, keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(4)]
    keras.Sequential([keras.Input((X, X, 4)), *layers]).save(path := tmp_path / "m.keras")
    lines = line.format(OPTIONS[name] if right else "")
    if kind == "SeparableConv2D":
        lines += " nobias -> conv 1x1 8"
    network = parse(f"cnndsl 1\ninput x 4@{X}x{X}\n{lines}\ngap\nfc 4\n")
    mapping = fit(network, open_tensors(path))
    mapping.check()
    assert any("answers will differ" in note for note in mapping.notes) != right


CONVOLUTIONS: list[tuple[str, dict[str, Any], str, str]] = [
    ("Conv", {"dilations": [2, 2]}, "conv 3x3 8 d2", "conv 3x3 8"),
    ("Conv", {"auto_pad": "SAME_UPPER", "strides": [2, 2]}, "conv 3x3 8 s2 same", "conv 3x3 8 s2"),
    ("Conv", {"auto_pad": "SAME_LOWER", "strides": [2, 2]},
     "conv 3x3 8 s2 p=(1,1,0,0)", "conv 3x3 8 s2 same"),
    ("Conv", {"auto_pad": "VALID"}, "conv 3x3 8", "conv 3x3 8 p1"),
    ("Conv", {"auto_pad": "NOTSET", "pads": [1, 1, 1, 1]}, "conv 3x3 8 p1", "conv 3x3 8"),
    ("ConvTranspose", {"strides": [2, 2]}, "deconv 3x3 8 s2", "deconv 3x3 8"),
    ("ConvTranspose", {"dilations": [2, 2]}, "deconv 3x3 8 d2", "deconv 3x3 8"),
    ("ConvTranspose", {"pads": [1, 1, 1, 1], "strides": [2, 2], "output_padding": [1, 1]},
     "deconv 3x3 8 s2 p1 op1", "deconv 3x3 8 s2 p1"),
    ("ConvTranspose", {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
     "deconv 3x3 8 s2 same", "deconv 3x3 8 s2"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "attributes", "right", "wrong"), CONVOLUTIONS)
@pytest.mark.parametrize("names", [("w", "b"), ("a.weight", "a.bias")])
def test_onnx_layers_that_slide_otherwise(
    tmp_path: Path,
    kind: str,
    attributes: dict[str, Any],
    right: str,
    wrong: str,
    names: tuple[str, str],
) -> None:
    shape = (8, 4, 3, 3) if kind == "Conv" else (4, 8, 3, 3)
    random = np.random.default_rng(0)
    weight = random.standard_normal(shape).astype(np.float32)
    bias = random.standard_normal(8).astype(np.float32)
    node = helper.make_node(kind, ["x", *names], ["y"], **attributes)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 4, X, X])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    tensors = [numpy_helper.from_array(a, n) for a, n in zip((weight, bias), names, strict=True)]
    model = helper.make_model(
        helper.make_graph([node], "g", [x], [y], tensors),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    onnx.save(model, path := tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    feed = random.standard_normal((2, 4, X, X)).astype(np.float32)
    (expected,) = session.run(None, {"x": feed})
    for line in (right, wrong):
        network = parse(f"cnndsl 1\ninput x 4@{X}x{X}\n{line}\n")
        mapping = fit(network, open_tensors(path))
        mapping.check()
        told = [note for note in mapping.notes if "answers will differ" in note]
        assert len(told) == (line == wrong)
        assert not any(note.startswith("``") for note in told)
        (result,) = run_network(network, {"x": feed}, mapping.arrays())
        same = result.shape == expected.shape and np.allclose(result, expected, atol=1e-4)
        assert same == (line == right)


def test_a_convolution_is_no_transposed_one(tmp_path: Path) -> None:
    tensor = numpy_helper.from_array(np.ones((8, 8, 3, 3), np.float32), "w")
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 8, X, X])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    node = helper.make_node("Conv", ["x", "w"], ["y"])
    onnx.save(helper.make_model(helper.make_graph([node], "g", [x], [y], [tensor])),
              path := tmp_path / "m.onnx")  # fmt: skip
    network = parse(f"cnndsl 1\ninput x 8@{X}x{X}\ndeconv 3x3 8 nobias\n")
    assert any("transposed" in note for note in fit(network, open_tensors(path)).notes)
