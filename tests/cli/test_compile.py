"""`cnndsl compile`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from onnx import numpy_helper

import cnndsl
from cnndsl.cli import main

SPEC = (
    "net Small(classes=3)\ninput image 1@8x8\nconv 3x3 4 relu\nlogits: fc classes\noutput logits\n"
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "small.cnn").write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def metadata(path: Path) -> dict[str, str]:
    return {p.key: p.value for p in onnx.load(path).metadata_props}


def test_writes_beside_and_says_what(folder: Path) -> None:
    result = CliRunner().invoke(main, ["compile", "small.cnn", "--set", "classes=5"])
    assert result.exit_code == 0
    assert result.output == "small.onnx: Small, 3 layers, 3.84 KiB\n"
    assert json.loads(metadata(folder / "small.onnx")["cnndsl.settings"]) == {"classes": 5}


def test_options_reach_the_model(folder: Path) -> None:
    (folder / "names.txt").write_text("cat\ndog\nfox\n")
    options = ["--labels", "names.txt", "--mean", "0.5", "--std", "0.25", "--batch", "2"]
    arguments = ["compile", "small.cnn", "-o", "m.onnx", "--external", "-q", *options]
    result = CliRunner().invoke(main, arguments)
    assert (result.exit_code, result.output) == (0, "")
    assert (folder / "m.onnx.data").exists()
    found = metadata(folder / "m.onnx")
    assert json.loads(found["cnndsl.labels"]) == ["cat", "dog", "fox"]
    assert json.loads(found["cnndsl.preprocessing"])["mean"] == [0.5]


def test_the_graph_alone(folder: Path) -> None:
    result = CliRunner().invoke(main, ["compile", "small.cnn", "--weights", "none"])
    assert result.exit_code == 0
    assert len(onnx.load(folder / "small.onnx").graph.input) == 5


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nothing.cnn"], "there is no file `nothing.cnn`"),
        (["small.cnn", "-o", "nowhere/m.onnx"], "there is no folder `nowhere`"),
        (["small.cnn", "-o", ""], "is no file's name"),
        (["small.cnn", "-o", "small.cnn"], "the model would replace `small.cnn`"),
        (["small.cnn", "-o", "other.cnn"], "the model would replace `other.cnn`"),
        (["small.cnn", "--weights", "w.safetensors"], "there is no file `w.safetensors`"),
        (["small.cnn", "--labels", "small.cnn"], "names 5 classes, but the net's output is @3"),
        (["small.cnn", "--mean", "a,b"], "`--mean a,b` is no list of numbers"),
        (["small.cnn", "--set", "classes"], "isn't written `--set name=value`"),
        (["small.cnn", "--input", "8x8"], "`8x8` is no input shape"),
        (["small.cnn", "--set", "clases=3"], "no parameter `clases`"),
    ],
)
def test_mistakes_end_in_a_sentence(folder: Path, arguments: list[str], sentence: str) -> None:
    result = CliRunner().invoke(main, ["compile", *arguments])
    assert result.exit_code == 1
    assert sentence in result.output
    assert "Traceback" not in result.output
    assert [p.name for p in folder.iterdir()] == ["small.cnn"]


@pytest.mark.parametrize("option", ["--weights", "--labels"])
def test_a_model_does_not_replace_what_it_is_made_of(folder: Path, option: str) -> None:
    (folder / "kept").write_text("a\nb\nc\n")
    result = CliRunner().invoke(main, ["compile", "small.cnn", option, "kept", "-o", "kept"])
    assert (result.exit_code, (folder / "kept").read_text()) == (1, "a\nb\nc\n")
    assert "the model would replace `kept`" in result.output


def test_a_spec_without_a_suffix_is_not_replaced(folder: Path) -> None:
    (folder / "small.onnx").write_text(SPEC)
    result = CliRunner().invoke(main, ["compile", "small.onnx"])
    assert (result.exit_code, (folder / "small.onnx").read_text()) == (1, SPEC)


def test_a_batch_beyond_all_memory_is_refused(folder: Path) -> None:
    result = CliRunner().invoke(main, ["compile", "small.cnn", "--batch", "9" * 20])
    assert result.exit_code == 2
    assert "it can be from 1 to 1,048,576" in result.output


def test_tensors_without_a_place_are_named(folder: Path) -> None:
    library = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed")
    model = cnndsl.compile("small.cnn", folder / "a.onnx").path
    arrays = {t.name: numpy_helper.to_array(t) for t in onnx.load(model).graph.initializer}
    library.save_file(arrays | {"old.weight": np.zeros(3)}, folder / "w.safetensors")
    arguments = ["compile", "small.cnn", "--weights", "w.safetensors", "-q"]
    result = CliRunner().invoke(main, arguments)
    sentence = "`w.safetensors` has 1 tensor that the net doesn't use: `old.weight`\n"
    assert (result.exit_code, result.output) == (0, sentence)
