"""Training on pictures in folders, with a damaged one, and with most of the recipe's options."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cnndsl.runtime.images import write_picture
from tests.support.command_line import cnndsl

SPEC = """cnndsl 1
net Small(classes=5)
input image 3@160x160
conv 7x7 8 s4 bn relu -> pool 4x4 s4
logits: fc classes
output logits
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twenty red and thirty green pictures of different sizes, and one that is cut off."""
    rng = np.random.default_rng(0)
    for channel, (name, count) in enumerate((("red", 20), ("green", 30))):
        folder = tmp_path / "data" / name
        folder.mkdir(parents=True)
        for number in range(count):
            picture = rng.integers(0, 90, (170 + number, 200, 3)).astype(np.uint8)
            picture[..., channel] += 120
            with (folder / f"{number}.png").open("wb") as file:
                write_picture(file, picture)
    whole = (tmp_path / "data" / "red" / "0.png").read_bytes()
    (tmp_path / "data" / "red" / "damaged.png").write_bytes(whole[:2000])
    (tmp_path / "small.cnn").write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_photos_are_trained_on_and_a_damaged_one_is_named(place: Path) -> None:
    options = ["--batch", "64", "--epochs", "4", "--accumulate", "1", "--clip", "5", "--ema", "0.5"]
    options += ["--label-smoothing", "0.05", "--class-weights", "balanced", "--warm-up", "1"]
    options += ["--lr-of", "conv1=0.5", "--freeze", "bn1", "--augment", "strong", "--threads", "1"]
    output = cnndsl("train", "small.cnn", "--data", "data", *options, "--seed", "4").output
    for said in (
        "2 classes (green, red)",
        "classes=2 instead of 5",
        "damaged.png` can't be read",
        "there are no more",
        "class weights balanced",
        "gradients cut to 5",
        "averaged weights (0.5)",
        "label smoothing 0.05",
        "warm-up over 1 epochs",
        "conv1 × 0.5",
        "16 stay as they are",
    ):
        assert said in output, said
    run = place / "runs" / "small-001"
    assert "damaged.png" in (run / "log.txt").read_text()
    assert (run / "plots" / "sample.png").stat().st_size > 1000
    results = json.loads((run / "results.json").read_text())
    assert results["best"]["val_top1"] >= 0.9
    answer = cnndsl("predict", str(run), "data/green/1.png", "--top", "2").output
    assert answer.startswith("data/green/1.png: green ")
    assert "right when said" in cnndsl("eval", str(run), "--split", "train", "--classes").output


def test_the_run_of_an_open_size_asks_for_one(place: Path) -> None:
    (place / "open.cnn").write_text(SPEC.replace("160x160", "HxW").replace("pool 4x4 s4", "gap"))
    error = cnndsl("train", "open.cnn", "--data", "data", code=1).stderr
    assert "say a size, as in --input 3@224x224" in error
    cnndsl("train", "open.cnn", "--data", "data", "--input", "3@32x32", "--epochs", "1", "-q")


def test_other_data_than_pictures_for_one_input_is_refused(place: Path) -> None:
    two = SPEC.replace("input image 3@160x160", "input image 3@8x8\ninput other 3@8x8")
    (place / "two.cnn").write_text(two.replace("conv 7x7 8 s4", "add image other\nconv 3x3 8"))
    assert "2 inputs" in cnndsl("train", "two.cnn", "--data", "data", code=1).stderr
    (place / "line.cnn").write_text("cnndsl 1\nnet L()\ninput x @3\nfc 2\n")
    error = cnndsl("train", "line.cnn", "--data", "data", code=1).stderr
    assert "neither picture nor volume" in error


def test_a_run_notices_pictures_that_changed_places(place: Path) -> None:
    """Their names, and with some bytes more their sizes, are what they were."""
    one, other = (place / "data" / "red" / f"{number}.png" for number in (3, 4))
    size = max(path.stat().st_size for path in (one, other))
    was = [path.read_bytes().ljust(size, b"\0") for path in (one, other)]
    one.write_bytes(was[0]), other.write_bytes(was[1])
    cnndsl("train", "small.cnn", "--data", "data", "--epochs", "1", "-q", "--threads", "1")
    one.write_bytes(was[1]), other.write_bytes(was[0])
    resume = ("resume", "runs/small-001", "--epochs", "2", "-q")
    error = cnndsl(*resume, code=1).stderr
    assert "names and sizes are the same, but not what is in the files" in error
    one.write_bytes(was[0]), other.write_bytes(was[1])
    cnndsl(*resume)
