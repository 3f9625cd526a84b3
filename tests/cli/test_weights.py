"""`cnndsl weights inspect` and `convert`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from cnndsl.cli import main
from cnndsl.weights.opening import open_tensors
from cnndsl.weights.save import write_tensors
from tests.support.data import real_data
from tests.support.pickles import dictionary, program, storage, tensor, write_zip

SAID = {
    "cnndsl.preprocessing": '{"scale": 127.5, "mean": [1.0], "order": "BGR"}',
    "cnndsl.labels": json.dumps(["ant", "bee", "cat", "d\x1b[31m", "eel"]),
}
TENSORS = {
    "conv.weight": np.ones((4, 3, 3, 3), np.float32),
    "conv.bias": np.arange(4, dtype=np.float32),
}


def cnndsl(*arguments: object) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_tensors(tmp_path / "w.safetensors", TENSORS, SAID)
    return tmp_path / "w.safetensors"


def test_inspect_shows_a_table(path: Path) -> None:
    lines = cnndsl("weights", "inspect", path).stdout.splitlines()
    assert lines[0].split() == ["tensor", "shape", "type", "numbers"]
    assert lines[2].split() == ["conv.weight", "4x3x3x3", "float32", "108"]
    assert lines[-3].startswith(f"{path}: safetensors, 2 tensors, 112 numbers, ")
    assert lines[-2] == "pictures: BGR / 127.5 − 1"
    assert lines[-1] == "5 classes: ant, bee, cat, d\ufffd[31m, …"


def test_inspect_as_json(path: Path) -> None:
    found = json.loads(cnndsl("weights", "inspect", path, "--format", "json").stdout)
    assert (found["version"], found["format"], found["numbers"]) == (1, "safetensors", 112)
    assert found["tensors"][1] == {
        "name": "conv.bias", "shape": [4], "type": "float32", "numbers": 4,
    }  # fmt: skip
    assert found["preprocessing"]["scale"] == 127.5
    assert found["labels"][0] == "ant"


def test_notes_are_told(tmp_path: Path) -> None:
    whole = dictionary(
        model=dictionary(w=tensor(storage())), optimizer=dictionary(m=tensor(storage()))
    )
    result = cnndsl("weights", "inspect", write_zip(tmp_path / "w.pth", program(whole)))
    assert result.stdout.splitlines()[-1] == "left aside: `optimizer`"


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_convert_keeps_everything(path: Path, suffix: str) -> None:
    output = path.with_name(f"out{suffix}")
    result = cnndsl("weights", "convert", path, "-o", output, "--strip", "conv.")
    assert result.stdout.startswith(f"{output}: 2 tensors, ")
    found = open_tensors(output)
    assert list(found.tensors) == ["weight", "bias"]
    for name, read in found.tensors.items():
        np.testing.assert_array_equal(read.read(), TENSORS[f"conv.{name}"])
    assert found.labels is not None and found.preprocessing is not None
    if suffix == ".npz":
        np.testing.assert_array_equal(np.load(output)["bias"], TENSORS["conv.bias"])


def test_convert_replaces_the_file_that_it_reads(path: Path) -> None:
    assert cnndsl("weights", "convert", path, "-o", path).exit_code == 0
    assert open_tensors(path).tensors["conv.bias"].read().tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["inspect", "missing.pth"], "there is no file `missing.pth`"),
        (["convert", "w.safetensors", "-o", "w.h5"], "ends in neither .safetensors nor .npz"),
        (["convert", "w.safetensors", "-o", "w.npz", "--strip", "conv.bias"], "have one name"),
    ],
)
def test_mistakes(
    path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str
) -> None:
    monkeypatch.chdir(path.parent)
    result = cnndsl("weights", *arguments)
    assert result.exit_code == 1 and sentence in result.stderr
    assert [p.name for p in path.parent.iterdir()] == ["w.safetensors"]


def test_a_tensor_that_cannot_be_read_leaves_no_file_behind(tmp_path: Path) -> None:
    path = tmp_path / "w.npz"
    np.savez(path, a=np.ones(3), o=np.array([{}], dtype=object))
    for output in ("out.npz", "out.safetensors"):
        result = cnndsl("weights", "convert", path, "-o", tmp_path / output)
        assert result.exit_code == 1 and "has its tensor `o` as object" in result.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["w.npz"]


@pytest.mark.data
def test_converted_weights_are_read_by_the_library(tmp_path: Path) -> None:
    library = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed")
    path, output = real_data("weights", "cifar_resnet20.th"), tmp_path / "w.safetensors"
    assert cnndsl("weights", "convert", path, "-o", output, "--strip", "module.").exit_code == 0
    read = library.load_file(output)
    assert read["conv1.weight"].shape == (16, 3, 3, 3)
    expected = open_tensors(path).tensors["module.linear.bias"].read()
    np.testing.assert_array_equal(read["linear.bias"], expected)
