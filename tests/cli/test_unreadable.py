"""Commands on folders from a phone: what can't be read is named, and all else is answered."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.command_line import cnndsl
from tests.support.small_models import channel_means, saved

DAMAGED = "left out: `photos/b.jpg` is no picture in a known format\n"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    saved(tmp_path, channel_means(), "means.onnx")
    (tmp_path / "photos" / ".thumbs").mkdir(parents=True)
    for name, colour in (("a.png", "red"), ("c.PNG", "blue"), ("._a.png", "red")):
        Image.new("RGB", (8, 8), colour).save(tmp_path / "photos" / name)
    Image.new("RGB", (8, 8)).save(tmp_path / "photos" / ".thumbs" / "a.png")
    (tmp_path / "photos" / ".DS_Store").write_bytes(b"\0")
    (tmp_path / "photos" / "b.jpg").write_text("no picture")
    (tmp_path / "photos" / "e.jpg").write_bytes(b"")
    return tmp_path


def test_predict_names_it_and_goes_on() -> None:
    result = cnndsl("predict", "means.onnx", "photos", "gone.png", code=1)
    assert [line.split(":")[0] for line in result.stdout.splitlines()] == [
        "photos/a.png", "photos/c.PNG",
    ]  # fmt: skip
    taken, said = result.stderr.split("\n", 1)
    assert taken.startswith("`means.onnx` doesn't say how it wants pictures; taken: ")
    assert said == (
        f"{DAMAGED}left out: `photos/e.jpg` is empty\n"
        "left out: there is no file or folder `gone.png`\n"
        "error: 3 of 5 inputs can't be read\n"
    )


@pytest.mark.parametrize("batch", ["1", "16"])
def test_predict_says_it_to_programs_too(place: Path, batch: str) -> None:
    shared = ("predict", "means.onnx", "photos", "--top", "2", "--batch", batch)
    entries = json.loads(cnndsl(*shared, "--format", "json", code=1).stdout)
    assert [entry["input"][7:] for entry in entries] == ["a.png", "b.jpg", "c.PNG", "e.jpg"]
    assert [entry.get("error") for entry in entries] == [
        None, "`photos/b.jpg` is no picture in a known format", None, "`photos/e.jpg` is empty",
    ]  # fmt: skip
    assert [len(entry["top"]) for entry in entries] == [2, 0, 2, 0]
    cnndsl(*shared, "-o", "a.csv", code=1)
    rows = list(csv.DictReader((place / "a.csv").open()))
    assert list(rows[0]) == [
        "input", "class", "probability", "class_2", "probability_2", "error",
    ]  # fmt: skip
    assert [(row["class"], row["error"]) for row in rows[2:]] == [
        ("class 2", ""),
        ("", "`photos/e.jpg` is empty"),
    ]


def test_where_nothing_can_be_read_it_is_an_error(place: Path) -> None:
    for command in ("predict", "run"):
        result = cnndsl(command, "means.onnx", "gone.png", code=1)
        assert result.stderr.endswith("error: there is no file or folder `gone.png`\n")
        result = cnndsl(command, "means.onnx", "photos/b.jpg", "photos/e.jpg", code=1)
        assert result.stderr.endswith("error: none of the 2 inputs can be read\n")
    cnndsl("predict", "means.onnx", "gone.png", "-o", "a.csv", code=1)
    assert (place / "a.csv").read_text().splitlines() == [
        "input,class,probability,error",
        "gone.png,,,there is no file or folder `gone.png`",
    ]


def test_run_names_it_and_goes_on(place: Path) -> None:
    result = cnndsl("run", "means.onnx", "photos", "-q", "--top", "0", code=1)
    assert result.stdout == "photos/a.png: logits 1 0 0\nphotos/c.PNG: logits 0 0 1\n"
    assert result.stderr.startswith(DAMAGED)
    found = json.loads(cnndsl("run", "means.onnx", "photos", "--format", "json", code=1).stdout)
    assert [entry["input"] for entry in found["results"]] == ["photos/a.png", "photos/c.PNG"]
    assert found["unreadable"][1] == {
        "input": "photos/e.jpg",
        "error": "`photos/e.jpg` is empty",
    }
    cnndsl("run", "means.onnx", "photos", "-o", "y.npy", code=1)
    nothing = [np.nan] * 3
    np.testing.assert_array_equal(
        np.load(place / "y.npy"), [[1, 0, 0], nothing, [0, 0, 1], nothing]
    )


def test_features_name_it_and_go_on(place: Path) -> None:
    for number in range(3):
        for label in ("x", "y"):
            path = place / "data" / label / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8), (number, 0, 0)).save(path)
    (place / "data" / "x" / "b.png").write_bytes(b"")
    shared = ("features", "means.onnx", "--data", "data", "--at", "logits", "-o", "f.npz")
    result = cnndsl(*shared, code=1)
    assert "left out: `data/x/b.png` is empty\n" in result.stderr
    assert result.stderr.endswith("error: 1 of 7 pictures can't be read\n")
    with np.load(place / "f.npz") as file:
        assert len(file["names"]) == 6
    (place / "data" / "x" / "b.png").unlink()
    cnndsl(*shared)
