"""Files of weights of every format are opened alike, and damaged ones end in one sentence."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnndsl.diagnostics import UsageError
from cnndsl.weights.formats.elements import TYPES
from cnndsl.weights.opening import open_tensors
from cnndsl.weights.save import write_tensors

ARRAY = np.arange(6, dtype=np.float32).reshape(2, 3)


def write(path: Path, header: object, data: bytes = ARRAY.tobytes()) -> Path:
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def entry(**changes: Any) -> dict[str, Any]:
    return {"w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]} | changes}


@pytest.mark.parametrize(
    "kind",
    [type_ for type_ in TYPES if type_ != "bfloat16"],  # numpy has none
)
def test_safetensors_of_every_type(tmp_path: Path, kind: str) -> None:
    library = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed")
    path = tmp_path / "no_such_suffix"
    library.save_file({"b.other": np.ones(()), "w": ARRAY.astype(kind)}, path)
    found = open_tensors(path)
    assert (found.format, found.bytes) == ("safetensors", path.stat().st_size)
    assert {n: (t.name, t.shape, t.type) for n, t in found.tensors.items()} == {
        "b.other": ("b.other", (), "float64"),
        "w": ("w", (2, 3), kind),
    }
    values = found.tensors["w"].read()
    assert values.dtype == kind
    np.testing.assert_array_equal(values, ARRAY.astype(kind))


def test_bfloat16_is_read_as_float32(tmp_path: Path) -> None:
    upper = (ARRAY.view(np.uint32) >> 16).astype("<u2").tobytes()
    path = write(tmp_path / "w", entry(dtype="BF16", data_offsets=[0, 12]), upper)
    tensor = open_tensors(path).tensors["w"]
    assert tensor.type == "bfloat16"
    np.testing.assert_array_equal(tensor.read(), ARRAY)  # these need few digits


def test_what_a_file_says_of_its_pictures_and_classes(tmp_path: Path) -> None:
    metadata = {"cnndsl.preprocessing": '{"scale": 1.0}', "cnndsl.labels": '["ant", "bee"]'}
    write_tensors(tmp_path / "w", {"w": ARRAY}, metadata)
    found = open_tensors(tmp_path / "w")
    assert found.preprocessing is not None and found.preprocessing.scale == 1
    assert found.labels == ("ant", "bee")


@pytest.mark.parametrize(
    ("header", "data", "sentence"),
    [
        (entry(data_offsets=[0, 25]), ARRAY.tobytes(), "lies beyond"),
        (entry(data_offsets=[0, 24]), ARRAY.tobytes()[:-1], "lies beyond"),
        (entry(data_offsets=[-24, 0]), ARRAY.tobytes(), "lies beyond"),
        (entry(data_offsets=[0, 20]), ARRAY.tobytes(), "doesn't fit its shape"),
        (entry(data_offsets=[0]), ARRAY.tobytes(), "can't be read"),
        (entry(shape=[float("inf")]), ARRAY.tobytes(), "no whole number"),
        (entry(shape=[-2, -3]), ARRAY.tobytes(), "no whole number"),
        (entry(shape=[1] * 100), ARRAY.tobytes(), "no list of up to"),
        (entry(shape=[1 << 40] * 10), ARRAY.tobytes(), "no memory could hold"),
        ({"w": 3}, b"", "can't be read"),
        ({"w": entry()["w"] | {"shape": [0, 1 << 70]}}, b"", "no whole number"),
        (
            {n: {"dtype": "U8", "shape": [9999], "data_offsets": [0, 9999]} for n in range(9000)},
            b"0" * 9999,
            "claims to hold 89,991,000",
        ),
    ],
)
def test_safetensors_that_lie(tmp_path: Path, header: object, data: bytes, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        open_tensors(write(tmp_path / "w", header, data))


def test_a_tensor_of_an_unknown_type_is_listed(tmp_path: Path) -> None:
    tensor = open_tensors(write(tmp_path / "w", entry(dtype="F8_E4M3"))).tensors["w"]
    assert tensor.type == "F8_E4M3"
    with pytest.raises(UsageError, match="has its tensor `w` as F8_E4M3"):
        tensor.read()


def test_a_file_cut_off_after_it_was_opened(tmp_path: Path) -> None:
    path = write(tmp_path / "w", entry())
    tensor = open_tensors(path).tensors["w"]
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(UsageError, match="is damaged"):
        tensor.read()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("missing", "there is no file"),
        (".", "no ordinary file"),
        ("empty", "no file of weights that is known"),
        ("deep", "is damaged"),
    ],
)
def test_what_is_no_file_of_weights(tmp_path: Path, name: str, sentence: str) -> None:
    (tmp_path / "empty").touch()
    deep = b'{"w":' + b"[" * 100_000
    (tmp_path / "deep").write_bytes(len(deep).to_bytes(8, "little") + deep)
    with pytest.raises(UsageError, match=sentence):
        open_tensors(tmp_path / name)


@pytest.mark.parametrize("pack", [np.savez, np.savez_compressed])
def test_npz_of_every_type(tmp_path: Path, pack: Callable[..., None]) -> None:
    given = {
        **{kind: ARRAY.astype(kind) for kind in TYPES if kind != "bfloat16"},
        "layer/by columns": np.asfortranarray(ARRAY),
        "big": ARRAY.astype(">f4"),
        "scalar": np.float32(3),
        "empty": np.zeros((0, 3)),
    }
    pack(tmp_path / "w.npz", **given)
    found = open_tensors(tmp_path / "w.npz")
    assert found.format == "NumPy"
    assert list(found.tensors) == list(given)
    for name, expected in given.items():
        tensor = found.tensors[name]
        assert (tensor.shape, tensor.type) == (expected.shape, expected.dtype.name)
        values = tensor.read()
        assert values.dtype == expected.dtype.newbyteorder("=") and values.flags.writeable
        np.testing.assert_array_equal(values, expected)


def test_objects_in_an_npz_are_listed_but_never_made(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", w=ARRAY, o=np.array([{}, []], dtype=object), s=np.array(["a"]))
    found = open_tensors(tmp_path / "w.npz")
    assert [t.type for t in found.tensors.values()] == ["float32", "object", "str32"]
    with pytest.raises(UsageError, match="has its tensor `o` as object, which can't be read"):
        found.tensors["o"].read()


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 4), }", "doesn't fit its shape"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (-6,), }", "no whole number"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': __import__('os'), }", "is damaged"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': " + "(" * 5000, "is damaged"),
        ("[1, 2]", "is damaged"),
    ],
)
def test_npz_that_lie(tmp_path: Path, header: str, sentence: str) -> None:
    text = header.encode() + b"\n"
    array = b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text + ARRAY.tobytes()
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as archive:
        archive.writestr("w.npy", array)
    with pytest.raises(UsageError, match=sentence):
        open_tensors(tmp_path / "w.npz")
