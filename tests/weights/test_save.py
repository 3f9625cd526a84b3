"""Tensors written and read again; what else a file may be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cnndsl.diagnostics import UsageError
from cnndsl.weights.save import read_tensors, write_tensors

TENSORS = {
    "conv1.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2),
    "größe": np.float32([1.5]),
    "scalar": np.array(3, np.float32),
    "none": np.zeros((0, 4), np.float32),
}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_tensors(path, {"old": np.zeros(3, np.float32)})
    write_tensors(path, TENSORS, {"note": "größer"})
    tensors, metadata = read_tensors(path)
    assert metadata == {"note": "größer"}
    assert list(tensors) == list(TENSORS)
    for name, values in TENSORS.items():
        np.testing.assert_array_equal(tensors[name], values)
        assert tensors[name].shape == values.shape
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]


def test_the_format_is_safetensors(tmp_path: Path) -> None:
    library = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "a.safetensors"
    write_tensors(path, TENSORS, {"note": "x"})
    for name, values in library.load_file(path).items():
        np.testing.assert_array_equal(TENSORS[name], values)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\3\4 something else entirely",
        (2).to_bytes(8, "little") + b"[]",
        (1 << 60).to_bytes(8, "little") + b"{}",
        (67).to_bytes(8, "little")
        + b'{"a": {"dtype": "F32", "shape": [9], "data_offsets": [0, 36]}}     ',
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(data)
    with pytest.raises(UsageError, match="is damaged"):
        read_tensors(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no file"):
        read_tensors(tmp_path / "nothing.safetensors")
