"""`--weights` of commands that take a spec: files of every kind, heads that the data wants."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

from cnndsl import compile
from cnndsl.specs import load
from cnndsl.weights.save import write_tensors
from tests.support import peers
from tests.support.command_line import cnndsl
from tests.support.toy_data import write_toy
from tests.weights.mapped import Arrays, output, values

KINDS = (
    *("w.npz", "w.safetensors", "w.onnx"),
    *(pytest.param(name, marks=pytest.mark.torch) for name in ("w.pth", "old.pt")),
)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own with a spec and data in it."""
    write_toy(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(name: str, settings: dict[str, int]) -> Arrays:
    """Random values of the spec in a file; returned as they are."""
    network = load("tiny.cnn", settings)[0]
    arrays = values(network)
    if name.endswith(".npz"):
        np.savez(name, **arrays)
    elif name.endswith(".safetensors"):
        write_tensors(Path(name), arrays, {})
    elif name.endswith(".onnx"):
        np.savez("values.npz", **arrays)
        compile(network, Path(name), weights=Path("values.npz"))
    else:
        torch = peers.torch()
        state = {f"module.{n}": torch.from_numpy(a) for n, a in arrays.items()}
        new = not name.startswith("old")
        torch.save({"state_dict": state, "epoch": 3}, name, _use_new_zipfile_serialization=new)
    return arrays


@pytest.mark.parametrize("name", KINDS)
def test_run_takes_any_file(name: str) -> None:
    arrays = written(name, {"classes": 4})
    network = load("tiny.cnn", {"classes": 4})[0]
    (entry,) = network.inputs
    x = np.random.default_rng(9).standard_normal((2, entry.shape.channels, *entry.shape.sizes))
    np.save("x.npy", x.astype(np.float32))
    options = ("--set", "classes=4", "--weights", name, "--threads", "1", "-o", "y.npy")
    result = cnndsl("run", "tiny.cnn", "x.npy", *options)
    assert f"weights from {name}: {len(arrays)} exact" in result.stderr
    np.testing.assert_allclose(np.load("y.npy"), output(network, arrays), rtol=1e-4, atol=1e-5)


def test_run_says_what_a_file_lacks() -> None:
    written("w.npz", {"classes": 7})
    result = cnndsl("run", "tiny.cnn", "quarters.npz", "--weights", "w.npz", code=1)
    assert "for 7 instead of 3 outputs" in result.stderr


def test_train_starts_from_a_file_with_another_head() -> None:
    """With the data's four classes the head starts anew, where that is allowed."""
    arrays = written("w.npz", {"classes": 7})
    shared = ("train", "tiny.cnn", "--data", "quarters.npz", "--epochs", "1", "--threads", "1")
    result = cnndsl(*shared, "--weights", "w.npz", "-q", code=1)
    assert "for 7 instead of 4 outputs" in result.stderr
    (head,) = {n.rpartition(".")[0] for n, a in arrays.items() if 7 in a.shape[:1]}
    cnndsl(*shared, "--weights", "w.npz", "--allow-missing", head, "--freeze", "*", "-q",
           "--unfreeze", f"0:{head}")  # fmt: skip
    config = tomllib.loads(Path("runs/tiny-001/config.toml").read_text())
    assert config["model"]["allow_missing"] == [head]
    result = cnndsl("weights", "map", "tiny.cnn", "runs/tiny-001/best.safetensors",
                    "--set", "classes=4")  # fmt: skip
    assert "missing" not in result.stdout
