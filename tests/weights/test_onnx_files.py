"""The tensors of ONNX models, wherever they are written, as onnx itself reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cnndsl.diagnostics import UsageError
from cnndsl.weights.opening import open_tensors
from tests.support.data import real_data
from tests.support.small_models import model, saved, with_external_weights

ARRAY = np.arange(-3, 3, dtype=np.float32).reshape(2, 3)

KINDS = {
    getattr(TensorProto, kind): kind.lower().replace("double", "float64")
    for kind in (
        *("FLOAT16", "DOUBLE", "INT64", "INT32", "INT16", "INT8"),
        *("UINT64", "UINT32", "UINT16", "UINT8", "BOOL", "BFLOAT16"),
    )
} | {TensorProto.FLOAT: "float32"}


def with_tensors(*tensors: TensorProto, **metadata: str) -> bytes:
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    return model(nodes, {"x": (1,)}, {"y": None}, initializers=tensors, metadata=metadata)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("raw", [True, False])
def test_numbers_of_every_type(tmp_path: Path, kind: int, raw: bool) -> None:
    values = ARRAY.astype(helper.tensor_dtype_to_np_dtype(kind))
    data = values.tobytes() if raw else values.flatten().tolist()
    made = helper.make_tensor("w", kind, (2, 3), data, raw=raw)
    tensor = open_tensors(saved(tmp_path, with_tensors(made))).tensors["w"]
    assert (tensor.name, tensor.shape, tensor.type) == ("w", (2, 3), KINDS[kind])
    found = tensor.read()
    assert found.dtype == np.float32 if tensor.type == "bfloat16" else KINDS[kind]
    np.testing.assert_array_equal(found, numpy_helper.to_array(made).astype(found.dtype))


def test_constants_and_what_the_model_says(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(ARRAY, "inner")),
        helper.make_node("Constant", [], ["d"], value=numpy_helper.from_array(ARRAY)),
        helper.make_node("Constant", [], ["number"], value_float=1.0),
        helper.make_node("Identity", ["x"], ["y"]),
    ]
    metadata = {"cnndsl.labels": '["a", "b"]', "Image.NominalPixelRange": "NominalRange_0_255"}
    found = open_tensors(saved(tmp_path, model(nodes, {"x": (1,)}, {"y": None}, metadata=metadata)))
    assert list(found.tensors) == ["c", "d"]
    assert (found.format, found.labels) == ("ONNX", ("a", "b"))
    assert found.preprocessing is not None and found.preprocessing.scale == 1


def test_tensors_beside_the_model(tmp_path: Path) -> None:
    path = saved(tmp_path, with_external_weights("w.bin"))
    np.arange(4, dtype=np.float32).tofile(tmp_path / "w.bin")
    found = open_tensors(path)
    assert found.tensors["w"].read().tolist() == [0, 1, 2, 3]
    assert found.bytes == path.stat().st_size + 16
    (tmp_path / "w.bin").write_bytes(bytes(15))
    with pytest.raises(UsageError, match=r"is in `w\.bin`, where it doesn't fit"):
        open_tensors(path)


@pytest.mark.parametrize(
    ("location", "sentence"),
    [
        ("../secret.bin", "outside its folder"),
        ("/etc/passwd", "outside its folder"),
        ("link.bin", "outside its folder"),
        ("missing.bin", "isn't beside it"),
        (".", "isn't beside it"),
    ],
)
def test_files_elsewhere_are_not_read(tmp_path: Path, location: str, sentence: str) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "secret.bin").write_bytes(bytes(16))
    (tmp_path / "inside" / "link.bin").symlink_to(tmp_path / "secret.bin")
    path = saved(tmp_path / "inside", with_external_weights(location))
    with pytest.raises(UsageError, match=sentence):
        open_tensors(path)


def tensor(**changes: object) -> TensorProto:
    whole = {"name": "w", "dims": [2, 3], "data_type": 1, "raw_data": ARRAY.tobytes()} | changes
    return TensorProto(**{key: value for key, value in whole.items() if value is not None})


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (tensor(dims=[2, 4]), "gives `w` 24 bytes"),
        (tensor(dims=[-2, -3]), "no whole number"),
        (tensor(dims=[1 << 40] * 2), "no memory could hold"),
        (tensor(dims=[1] * 64), "no list of up to"),
        (tensor(raw_data=None), "gives `w` 0 bytes"),
        (tensor(raw_data=None, float_data=[1, 2]), "gives `w` 8 bytes"),
        (tensor(raw_data=None, data_type=6, int32_data=[1, 2]), "gives `w` 2 bytes"),
    ],
)
def test_tensors_that_lie(tmp_path: Path, made: TensorProto, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        open_tensors(saved(tmp_path, with_tensors(made)))


def test_two_of_one_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="two tensors called `w`"):
        open_tensors(saved(tmp_path, with_tensors(tensor(), tensor())))


def test_texts_are_listed_but_not_read(tmp_path: Path) -> None:
    made = TensorProto(name="w", dims=[1], data_type=TensorProto.STRING, string_data=[b"a"])
    found = open_tensors(saved(tmp_path, with_tensors(made))).tensors["w"]
    with pytest.raises(UsageError, match="`w` as type 8 of ONNX, which can't be read"):
        found.read()


@pytest.mark.data
@pytest.mark.parametrize(
    "name", ["cntk_mnist", "mobilenet_v1_0.25_128", "squeezenet1_1_fp16", "style_candy"]
)
def test_published_models(name: str) -> None:
    path = real_data("weights", f"{name}.onnx")
    expected = {t.name: numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}
    found = open_tensors(path).tensors
    assert found.keys() == expected.keys()
    for tensor_name, values in expected.items():
        assert found[tensor_name].read().dtype == values.dtype
        np.testing.assert_array_equal(found[tensor_name].read(), values)
