"""A file that was converted is read as the one that it was made of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from cnndsl.diagnostics import UsageError
from cnndsl.network import Network
from cnndsl.weights.mapping import Mapping, fit
from cnndsl.weights.opening import open_tensors
from cnndsl.weights.save import write_tensors
from cnndsl.weights.writing import convert
from tests.support import peers
from tests.weights.keras_models import graph, randomise, saved
from tests.weights.mapped import net

SUFFIXES = [".safetensors", ".npz"]


def alike(network: Network, path: Path, suffix: str, strip: str = "") -> Mapping:
    """The same places, values and remarks by way of the file and of what it is converted to."""
    other = path.with_name(f"converted{suffix}")
    convert(open_tensors(path), other, strip)
    one, two = (fit(network, open_tensors(p)) for p in (path, other))
    one.check()
    assert one.counts == two.counts and one.notes == two.notes
    assert one.file.format == two.file.format
    first, second = one.arrays(), two.arrays()
    assert first.keys() == second.keys()
    for name, array in first.items():
        np.testing.assert_array_equal(second[name], array, err_msg=name)
    return two


@pytest.mark.torch
@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", [".keras", ".h5", ".weights.h5"])
def test_keras(tmp_path: Path, kind: str, suffix: str) -> None:
    """Layouts, epsilons, scaled pixels, strides, and what a Permute does to flattened maps."""
    keras = peers.keras()
    k = keras.layers
    head = [k.Permute((3, 1, 2)), k.Flatten(), k.Dense(72)]
    if kind == ".weights.h5":  # says nothing of it
        head = head[1:]
    layers = [
        *([k.Rescaling(1 / 127.5, -1)] if kind == ".keras" else []),
        *(k.Conv2D(5, 3, strides=2), k.BatchNormalization(epsilon=0.1)),
        *(*head, k.Dense(72), k.Dense(72)),
    ]
    model = graph(keras, (10, 10, 3), layers, "chain")
    randomise(model)
    lines = "conv 3x3 5 bias -> bn eps=1e-3 -> pool 2x2 s2\nfc 72\nfc 72\nfc 72"
    mapping = alike(net(lines, "3@10x10"), saved(model, tmp_path, kind), suffix)
    assert (mapping.file.preprocessing is not None) == (kind == ".keras")
    if kind != ".weights.h5":
        assert any("stride 2 2" in note for note in mapping.notes)
        assert any("epsilon is 0.1" in entry.note for entry in mapping.entries)


@pytest.mark.torch
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_order_of_a_state_dict(tmp_path: Path, suffix: str) -> None:
    torch = peers.torch()
    names = ("last", "first", "middle")  # as defined; by the alphabet another order
    state: dict[str, Any] = {}
    for number, name in enumerate(names):
        state[f"module.{name}.weight"] = torch.full((4, 4), float(number))
        state[f"module.{name}.bias"] = torch.full((4,), float(number))
    torch.save(state, tmp_path / "w.pt")
    network = net("a: fc 4\nb: fc 4\nc: fc 4", "@4")
    alike(network, tmp_path / "w.pt", suffix, strip="module.")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_onnx_models_nodes(tmp_path: Path, suffix: str) -> None:
    random = np.random.default_rng(0)
    arrays = {
        "m.b": random.standard_normal((4, 4)).astype(np.float32),
        "m.a": random.standard_normal((4, 4)).astype(np.float32),
        "m.bias": random.standard_normal(4).astype(np.float32),
    }
    nodes = [
        helper.make_node("MatMul", ["x", "m.b"], ["h"]),
        helper.make_node("MatMul", ["h", "m.a"], ["z"]),
        helper.make_node("Add", ["z", "m.bias"], ["y"]),
    ]
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 4]) for n in "xy"]
    initial = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    made = helper.make_graph(nodes, "g", ports[:1], ports[1:], initial)
    (tmp_path / "w.onnx").write_bytes(helper.make_model(made).SerializeToString())
    mapping = alike(net("fc 4 nobias\nfc 4", "@4"), tmp_path / "w.onnx", suffix, strip="m.")
    np.testing.assert_array_equal(mapping.arrays()["fc1.weight"], arrays["m.b"].T)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "[" * 50_000,
        json.dumps({"format": "Fortran", "order": []}),
        json.dumps({"format": "Keras", "order": ["w"], "epsilons": {"w": 1e300}}),
        json.dumps({"format": "Keras", "order": ["w"], "epsilons": {"w": float("nan")}}),
        json.dumps({"format": "Keras", "order": 3}),
        json.dumps({"format": "Keras", "order": ["w"], "turns": {"flattened": [["x", [1]]]}}),
    ],
)
def test_what_cant_be_meant_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "w.safetensors"
    write_tensors(path, {"w": np.ones((2, 2), np.float32)}, {"cnndsl.origin": text})
    with pytest.raises(UsageError, match="says of itself"):
        open_tensors(path)


def test_names_that_arent_there_are_passed_over(tmp_path: Path) -> None:
    said = {
        "format": "ONNX",
        "order": ["z", "fc1.bias"],
        "layers": [{"parts": {"weight": "z"}, "turned": True}],
    }
    path = tmp_path / "w.safetensors"
    arrays = {"fc1.weight": np.ones((2, 2), np.float32), "fc1.bias": np.ones(2, np.float32)}
    write_tensors(path, arrays, {"cnndsl.origin": json.dumps(said)})
    file = open_tensors(path)
    assert list(file.tensors) == ["fc1.bias", "fc1.weight"]
    fit(net("fc 2", "@2"), file).check()
