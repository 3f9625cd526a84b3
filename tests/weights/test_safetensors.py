"""Weights from .safetensors: right when they fit, a clear sentence when they don't."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnndsl.diagnostics import UsageError
from cnndsl.layers.base import Parameter
from cnndsl.weights import read_safetensors

PARAMETER = Parameter("weight", (2, 3), "weight", fan_in=3, fan_out=2)
ARRAY = np.arange(6, dtype=np.float32).reshape(2, 3)


def write(path: Path, header: object, data: bytes = ARRAY.tobytes()) -> Path:
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def entry(**changes: Any) -> dict[str, Any]:
    return {"w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]} | changes}


def read(path: Path) -> np.ndarray[Any, Any]:
    return np.concatenate(list(read_safetensors(path)("w", PARAMETER))).reshape(2, 3)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_reads_what_the_library_writes(tmp_path: Path, kind: type[np.generic]) -> None:
    library = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed")
    path = tmp_path / "w.safetensors"
    library.save_file({"other": np.ones(5), "w": ARRAY.astype(kind)}, path, {"format": "pt"})
    np.testing.assert_array_equal(read(path), ARRAY)


@pytest.mark.parametrize(
    ("header", "data", "sentence"),
    [
        ({}, b"", "has no tensor `w`"),
        (entry(shape=[3, 2]), ARRAY.tobytes(), "is 3 x 2 in"),
        (entry(dtype="I64"), ARRAY.tobytes(), "of type I64"),
        (entry(data_offsets=[0, 25]), ARRAY.tobytes(), "cut off"),
        (entry(data_offsets=[0, 24]), ARRAY.tobytes()[:-1], "cut off"),
        (entry(data_offsets=[-24, 0]), ARRAY.tobytes(), "cut off"),
        (entry(data_offsets=[0]), ARRAY.tobytes(), "can't be read"),
        (entry(shape=[float("inf")]), ARRAY.tobytes(), "can't be read"),
        ({"w": 3}, b"", "can't be read"),
        ([1], b"", "no safetensors file"),
    ],
)
def test_what_does_not_fit(tmp_path: Path, header: object, data: bytes, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        read(write(tmp_path / "w.safetensors", header, data))


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="can't be read"):
        read_safetensors(tmp_path / "none.safetensors")


@given(data=st.binary(max_size=80))
def test_any_bytes_end_in_a_sentence(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    path.write_bytes(data)
    with pytest.raises(UsageError):
        read(path)
