"""Keras' files of every version: names, order, and what is left aside."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnndsl.diagnostics import UsageError
from cnndsl.preprocessing import Preprocessing
from cnndsl.weights.formats.keras_names import EITHER, plain_names, variable_names
from cnndsl.weights.opening import open_tensors
from tests.support.data import real_data


def h5py() -> Any:
    return pytest.importorskip("h5py", reason="h5py is not installed")


def listed(group: Any, layers: Mapping[str, Sequence[str]]) -> None:
    """Layers as .h5 lists them, in an order that isn't the alphabet's."""
    group.attrs["layer_names"] = [name.encode() for name in layers]
    for layer, variables in layers.items():
        group.create_group(layer).attrs["weight_names"] = [v.encode() for v in variables]
        for number, name in enumerate(variables):
            group[layer][name] = np.full((1, 2), number, np.float32)


LAYERS = {
    "input_1": [],
    "conv2d_9": ["conv2d_9/kernel:0", "conv2d_9/bias:0"],
    "conv2d_10": ["conv2d_10/kernel:0"],
    "bn": ["bn/beta:0", "bn/moving_mean:0", "bn/moving_variance:0"],
}
PLAIN = [
    *("conv2d_9/kernel", "conv2d_9/bias", "conv2d_10/kernel"),
    *("bn/beta", "bn/moving_mean", "bn/moving_variance"),
]


@pytest.mark.parametrize("whole", [True, False])
def test_layers_that_are_listed(tmp_path: Path, whole: bool) -> None:
    path = tmp_path / "m.h5"
    with h5py().File(path, "w") as file:
        listed(file.create_group("model_weights") if whole else file, LAYERS)
        if whole:
            file["optimizer_weights/Adam/conv2d_9/kernel/m:0"] = np.ones(3)
            norm = {"class_name": "BatchNormalization", "config": {"name": "bn", "epsilon": 0.002}}
            file.attrs["model_config"] = json.dumps({"config": {"layers": [norm]}})
    found = open_tensors(path)
    assert (found.format, list(found.tensors)) == ("Keras", PLAIN)
    assert found.epsilons == ({"bn": 0.002} if whole else {})
    np.testing.assert_array_equal(found.tensors["conv2d_9/bias"].read(), [[1, 1]])


def test_long_lists_are_in_several_attributes(tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    with h5py().File(path, "w") as file:
        listed(file, LAYERS)
        del file.attrs["layer_names"]
        file.attrs["layer_names0"], file.attrs["layer_names1"] = [b"conv2d_10"], [b"bn"]
    assert list(open_tensors(path).tensors) == PLAIN[2:]


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [({"a": None}, "lists a layer `a`"), ({"a": ["b/kernel"]}, "lists a variable `b/kernel`")],
)
def test_what_is_listed_must_be_there(
    tmp_path: Path, layers: dict[str, Any], sentence: str
) -> None:
    path = tmp_path / "m.h5"
    with h5py().File(path, "w") as file:
        file.attrs["layer_names"] = list(layers)
        for layer, variables in layers.items():
            if variables:
                file.create_group(layer).attrs["weight_names"] = variables
    with pytest.raises(UsageError, match=sentence):
        open_tensors(path)


@pytest.mark.parametrize(
    ("layer", "written", "plain"),
    [
        ("block1_conv1", ["block1_conv1_W_1:0", "block1_conv1_b_1:0"], ["kernel", "bias"]),
        ("bn", ["bn_gamma:0", "bn_running_std:0"], ["gamma", "moving_variance"]),
        ("block_1", ["mobl0_conv_1/kernel:0"], ["kernel"]),
        ("vgg", ["a/kernel:0", "b/kernel:0"], ["a/kernel", "b/kernel"]),
        ("vgg", ["vgg/a/kernel", "vgg/b/kernel"], ["a/kernel", "b/kernel"]),
        ("vgg", ["outer/vgg/a/kernel", "outer/vgg/b/kernel"], ["a/kernel", "b/kernel"]),
        ("dense_1", ["kernel"], ["kernel"]),
        ("none", [], []),
    ],
)
def test_names_are_made_plain(layer: str, written: list[str], plain: list[str]) -> None:
    assert plain_names(layer, written) == [f"{layer}/{name}" for name in plain]


VECTOR, MATRIX = (8,), (3, 8)
NORM = ["gamma", "beta", "moving_mean", "moving_variance"]


@pytest.mark.parametrize(
    ("kind", "shapes", "names"),
    [
        ("conv2d_3", [MATRIX, VECTOR], ["kernel", "bias"]),
        ("dense", [MATRIX], ["kernel"]),
        ("batch_normalization_2", [VECTOR] * 4, NORM),
        ("batch_normalization", [VECTOR] * 3, [EITHER, *NORM[2:]]),
        ("layer_normalization", [VECTOR], [EITHER]),
        ("batch_normalization", [VECTOR] * 2, NORM[2:]),
        ("bn1", [VECTOR] * 4, NORM),
        ("layer_normalization_1", [VECTOR] * 2, NORM[:2]),
        ("separable_conv2d", [MATRIX, MATRIX], ["depthwise_kernel", "pointwise_kernel"]),
        ("p_re_lu_1", [(1, 1, 8)], ["alpha"]),
        ("odd", [MATRIX, VECTOR, MATRIX], ["kernel", "bias", "2"]),
    ],
)
def test_numbered_variables_get_names(
    kind: str, shapes: list[tuple[int, ...]], names: list[str]
) -> None:
    assert variable_names(kind, shapes, None) == names


@pytest.mark.parametrize("part", NORM[:2])
def test_the_configuration_says_which_part_a_norm_has(part: str) -> None:
    assert variable_names("batch_normalization", [VECTOR] * 3, [part]) == [part, *NORM[2:]]
    assert variable_names("layer_normalization", [VECTOR], [part]) == [part]
    assert variable_names("batch_normalization", [VECTOR] * 2, []) == NORM[2:]


def numbered(names: bool = True) -> bytes:
    """Weights as Keras 3 keeps them, with eleven convolutions and a model in the model."""
    data = BytesIO()
    with h5py().File(data, "w") as file:
        for number in range(11):
            variables = file.create_group(f"layers/conv2d{f'_{number}' * (number > 0)}/vars")
            variables["0"] = np.full((1, 1, 2, 3), number, np.float32)
            if names:
                variables.attrs["name"] = f"c{number}"
        file["layers/dropout/seed_generator/vars/0"] = np.zeros(2, np.uint32)
        inner = file.create_group("layers/functional")
        inner.create_group("vars").attrs["name"] = "inner"
        inner["layers/dense/vars/0"], inner["layers/dense/vars/1"] = np.ones((2, 3)), np.ones(3)
        file["optimizer/vars/0"] = np.ones(3)
        file.create_group("vars").attrs["name"] = "functional_7"
    return data.getvalue()


def test_layers_that_are_numbered(tmp_path: Path) -> None:
    path = tmp_path / "m.weights.h5"
    path.write_bytes(numbered())
    found = open_tensors(path)
    names = [f"c{number}/kernel" for number in range(11)]
    assert list(found.tensors) == [*names, "inner/dense/kernel", "inner/dense/bias"]
    assert [int(found.tensors[name].read()[0, 0, 0, 0]) for name in names] == list(range(11))
    path.write_bytes(numbered(names=False))
    assert list(open_tensors(path).tensors)[9:11] == ["conv2d_9/kernel", "conv2d_10/kernel"]


def write_zip(path: Path, config: object, kind: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", kind) as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", config if isinstance(config, str) else json.dumps(config))
        archive.writestr("model.weights.h5", numbered())
    return path


def model(*layers: tuple[str, str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "class_name": "Functional",
        "config": {
            "layers": [{"class_name": k, "config": {"name": n, **c}} for n, k, c in layers],
        },
    }


@pytest.mark.parametrize("kind", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_whole_model(tmp_path: Path, kind: int) -> None:
    inner = model(("dense", "Dense", {}), ("norm", "BatchNormalization", {"epsilon": 1e-4}))
    config = model(
        ("input", "InputLayer", {}),
        ("scaling", "Rescaling", {"scale": 1 / 127.5, "offset": -1}),
        ("c10", "Conv2D", {"data_format": "channels_last"}),
        ("inner", "Functional", inner["config"]),
        *((f"c{number}", "Conv2D", {}) for number in range(10)),
    )
    found = open_tensors(write_zip(tmp_path / "m.keras", config, kind))
    assert list(found.tensors)[:4] == [
        *("c10/kernel", "inner/dense/kernel", "inner/dense/bias", "c0/kernel")
    ]
    assert found.epsilons == {"inner/norm": 1e-4}
    assert found.preprocessing == Preprocessing(scale=127.5, mean=(1.0,))
    assert found.tensors["c10/kernel"].read().max() == 10


@pytest.mark.parametrize(
    "config", [[], {"config": 3}, {"config": {"layers": [3, {"config": {"name": ["x"]}}]}}]
)
def test_configurations_of_any_form_run_nothing(tmp_path: Path, config: object) -> None:
    assert len(open_tensors(write_zip(tmp_path / "m.keras", config)).tensors) == 13


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000])
def test_configurations_that_are_no_json(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="has a configuration that is no JSON"):
        open_tensors(write_zip(tmp_path / "m.keras", text))


def test_channels_first_are_noted(tmp_path: Path) -> None:
    config = model(("c0", "Conv2D", {"data_format": "channels_first"}))
    (note,) = open_tensors(write_zip(tmp_path / "m.keras", config)).notes
    assert "channels first" in note


@pytest.mark.data
def test_a_real_model_with_its_optimiser() -> None:
    found = open_tensors(real_data("weights", "keras_resnet8_cifar10.h5"))
    assert sum(tensor.size for tensor in found.tensors.values()) == 78_666
    assert list(found.tensors)[:3] == [
        *("conv2d/kernel", "conv2d/bias", "batch_normalization/gamma")
    ]
    assert list(found.tensors)[-1] == "dense/bias"
    assert set(found.epsilons.values()) == {0.001}
