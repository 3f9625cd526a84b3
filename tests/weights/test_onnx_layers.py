"""ONNX models' tensors find their places by what the models' nodes do with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from cnndsl import compile, resources
from cnndsl.diagnostics import UsageError
from cnndsl.network import Network
from cnndsl.shape import Shape
from cnndsl.source import Source
from cnndsl.specs import load
from cnndsl.weights.mapping import fit
from cnndsl.weights.opening import open_tensors
from tests.support.data import real_data
from tests.support.run_layer import run_network
from tests.support.small_models import model, saved
from tests.weights.mapped import Arrays, net, output, values

LINES = """a: conv 3x3 5 nobias
n: bn eps=1e-3 relu
b: conv 3x3 7 relu
c: fc 7 relu
d: fc 7"""


def compiled(network: Network, folder: Path) -> tuple[onnx.ModelProto, Arrays]:
    arrays = values(network)
    np.savez(folder / "w.npz", **arrays)
    compile(network, folder / "m.onnx", weights=folder / "w.npz")
    return onnx.load(folder / "m.onnx"), arrays


def scrambled(found: onnx.ModelProto) -> onnx.ModelProto:
    """The model with names that say nothing, in the opposite order."""
    tensors = found.graph.initializer
    names = {t.name: f"t{len(tensors) - i}" for i, t in enumerate(tensors)}
    for node in found.graph.node:
        for number, name in enumerate(node.input):
            node.input[number] = names.get(name, name)
    held = sorted((t for t in tensors), key=lambda t: names[t.name])
    copies = [onnx.TensorProto() for _ in held]
    for copy, tensor in zip(copies, held, strict=True):
        copy.CopyFrom(tensor)
        copy.name = names[tensor.name]
    del tensors[:]
    tensors.extend(copies)
    return found


def with_rows_first(found: onnx.ModelProto, matmul: bool) -> onnx.ModelProto:
    """Dense layers' weights as (inputs, outputs): Gemm as it is by default, or MatMul and Add."""
    tensors = {t.name: t for t in found.graph.initializer}
    nodes: list[onnx.NodeProto] = []
    for node in found.graph.node:
        if node.op_type != "Gemm":
            nodes.append(node)
            continue
        x, weight, bias = node.input
        turned = np.ascontiguousarray(numpy_helper.to_array(tensors[weight]).T)
        tensors[weight].CopyFrom(numpy_helper.from_array(turned, weight))
        (y,) = node.output
        if matmul:
            nodes.append(helper.make_node("MatMul", [x, weight], [f"{y}_0"]))
            nodes.append(helper.make_node("Add", [bias, f"{y}_0"], [y]))
        else:
            nodes.append(helper.make_node("Gemm", [x, weight, bias], [y]))
    del found.graph.node[:]
    found.graph.node.extend(nodes)
    return found


@pytest.mark.parametrize("rows", ["ours", "Gemm", "MatMul"])
@pytest.mark.parametrize("names", ["ours", "none"])
def test_nodes_say_what_tensors_are(tmp_path: Path, rows: str, names: str) -> None:
    """Square weights that are turned, too, and the norms' own epsilon."""
    theirs = net(LINES)
    found, arrays = compiled(theirs, tmp_path)
    if rows != "ours":
        found = with_rows_first(found, rows == "MatMul")
    if names == "none":
        found = scrambled(found)
    path = saved(tmp_path, found.SerializeToString())
    network = net(LINES.replace(" eps=1e-3", ""))
    mapping = fit(network, open_tensors(path))
    mapping.check()
    turned = {"c.weight", "d.weight"} if rows != "ours" else set()
    assert {e.parameter for e in mapping.of("adapted")} == {"n.running_var", *turned}
    assert not list(mapping.of("unused"))
    expected = output(theirs, arrays)
    error = np.abs(output(network, mapping.arrays()) - expected).max()
    assert error < 1e-5 * np.abs(expected).max()


def array(*shape: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(len(shape)).standard_normal(shape).astype(np.float32)


def test_a_flattened_map_that_was_transposed_is_refused(tmp_path: Path) -> None:
    """Channels last: the rows of the dense layer have another order, and the shape doesn't say."""
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"]),
        helper.make_node("Transpose", ["c"], ["t"], perm=[0, 2, 3, 1]),
        helper.make_node("Flatten", ["t"], ["f"]),
        helper.make_node("Gemm", ["f", "v"], ["g"]),
        helper.make_node("Relu", ["g"], ["r"]),
        helper.make_node("Gemm", ["r", "u"], ["y"]),
    ]
    tensors = [
        numpy_helper.from_array(a, n)
        for n, a in {"w": array(4, 3, 3, 3), "v": array(144, 5), "u": array(5, 6)}.items()
    ]
    made = model(nodes, {"x": (1, 3, 8, 8)}, {"y": None}, initializers=tensors)
    file = open_tensors(saved(tmp_path, made))
    mapping = fit(net("conv 3x3 4 nobias\nfc 5 nobias relu\nfc 6 nobias"), file)
    with pytest.raises(UsageError, match=r"has nothing for `conv1\.weight`"):
        mapping.check()
    assert any("transposes maps" in note for note in mapping.notes)
    pooled = fit(net("conv 3x3 4 nobias\ngap\nfc 5 nobias relu\nfc 6 nobias"), file)
    assert pooled.lacking


def test_what_a_graph_computes_with_is_no_parameter(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"]),
        helper.make_node("Clip", ["c", "low", "high"], ["k"]),
        helper.make_node("Identity", ["w2"], ["same"]),
        helper.make_node("Conv", ["k", "same"], ["y"]),
    ]
    tensors = [
        numpy_helper.from_array(a, n)
        for n, a in {
            "high": np.array(6, np.float32), "low": np.array(0, np.float32),
            "w2": array(5, 4, 1, 1), "w": array(4, 3, 3, 3),
        }.items()
    ]  # fmt: skip
    made = model(nodes, {"x": (1, 3, 8, 8)}, {"y": None}, initializers=tensors)
    mapping = fit(
        net("a: conv 3x3 4 nobias relu6\nb: conv 1x1 5 nobias"), open_tensors(saved(tmp_path, made))
    )
    mapping.check()
    found = {e.parameter: e.tensors[0].name for e in mapping.of("by order")}
    assert found == {"a.weight": "w", "b.weight": "w2"}
    assert {e.tensors[0].name for e in mapping.of("unused")} == {"high", "low"}


@pytest.mark.parametrize(
    ("conv", "ours", "note"),
    [
        ({"pads": [1, 1, 1, 1]}, "conv 3x3 4 p1 nobias", ""),
        ({"auto_pad": "SAME_UPPER"}, "conv 3x3 4 p1 nobias", ""),
        ({"pads": [1, 1, 1, 1]}, "conv 3x3 4 nobias", "padding 1 1 1 1, and `conv1` has 0 0 0 0"),
        ({"pads": [0, 0, 1, 1]}, "conv 3x3 4 p1 nobias", "padding 0 0 1 1, and `conv1` has 1 1 1"),
        ({"strides": [2, 1]}, "conv 3x3 4 nobias", "stride 2 1, and `conv1` has 1 1"),
    ],
)
def test_filters_that_slide_otherwise_are_told(
    tmp_path: Path, conv: dict[str, Any], ours: str, note: str
) -> None:
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"], kernel_shape=[3, 3], **conv)]
    tensors = [numpy_helper.from_array(array(4, 3, 3, 3), "w")]
    made = model(nodes, {"x": (1, 3, 8, 8)}, {"y": None}, initializers=tensors)
    mapping = fit(net(ours), open_tensors(saved(tmp_path, made)))
    mapping.check()
    assert any(note in said for said in mapping.notes) if note else not mapping.notes


REAL = {
    "mobilenet_v2_1.0_224": ("mobilenet_v2", {"tf": 1, "classes": 1001}, 224),
    "mobilenet_v1_0.25_128": (
        *("mobilenet_v1", {"tf": 1, "act": "relu6", "alpha": 0.25, "size": 128, "classes": 1001}),
        128,
    ),
    "squeezenet1_0": ("squeezenet1_0", {}, 227),
    "squeezenet1_1_fp16": ("squeezenet1_1", {}, 224),
}


PADDED = {"squeezenet1_0": "conv10: conv 1x1 classes p1 relu #"}
"""Caffe's pads its last layer, torchvision's and ours doesn't."""


@pytest.mark.data
@pytest.mark.parametrize("name", REAL)
def test_real_models_in_the_zoos_nets(name: str) -> None:
    """Folded norms and 1,001 classes, names of every kind: the scores are the model's own."""
    spec, settings, size = REAL[name]
    path = real_data("weights", f"{name}.onnx")
    text = resources.zoo_path(spec).read_text(encoding="utf-8")
    text = text.replace("conv10:", PADDED[name]) if name in PADDED else text
    network = load(Source(spec, text), settings, {"image": Shape(3, (size, size))})[0]
    mapping = fit(network, open_tensors(path))
    mapping.check()
    assert not any("differ from the model's" in said for said in mapping.notes)
    x = np.random.default_rng(0).standard_normal((1, 3, size, size)).astype(np.float32)
    session = onnxruntime.InferenceSession(path)
    x = x * 50 if "squeeze" in name else x
    half = session.get_inputs()[0].type == "tensor(float16)"
    feeds = {session.get_inputs()[0].name: x.astype(np.float16) if half else x}
    probabilities = [y for y in session.run(None, feeds) if abs(y.sum() - 1) < 0.01]
    expected = np.asarray(probabilities[-1], np.float32)
    (scores,) = run_network(network, {"image": x}, mapping.arrays())
    shares = np.exp(scores - scores.max())
    found = shares.ravel() / shares.sum()
    assert np.abs(found - expected.ravel()).max() < (5e-3 if half else 1e-4) * expected.max()
