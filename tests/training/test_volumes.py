"""Nets that take volumes and clips."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cnndsl.data import arrays
from cnndsl.data.opening import open_data
from cnndsl.training.config import Config
from cnndsl.training.optimisers import Sgd
from cnndsl.training.options import DataChoice, ModelChoice, TrainingChoice
from cnndsl.training.running import assemble
from cnndsl.training.schedules import Constant
from tests.support.command_line import cnndsl
from tests.support.peers import torch
from tests.support.torch_training import assert_torchs_losses

STEPS, RATE, RUN = 25, 0.1, "runs/moving-001"
SPEC = """cnndsl 1
net Moving(classes=2)
input clip 1@4x12x12
conv 3x3x3 6 p1 relu -> pool 2x2x2 s2
conv 3x3x3 8 p1 relu
logits: fc classes
output logits
"""
ITSELF = """cnndsl 1
net Itself
input volume 1@4x12x12
conv 3x3x3 6 p1 relu
again: conv 3x3x3 1 p1 sigmoid
output again
loss mse(again, volume)
"""


def moving(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Bars that go to the right or to the left: N×1×4×12×12 bytes, and which."""
    classes = np.arange(count) % 2
    clips = np.random.default_rng(0).integers(0, 40, (count, 1, 4, 12, 12)).astype(np.uint8)
    for clip, to_left in zip(clips, classes, strict=True):
        for layer in range(4):
            start = 8 - 2 * layer if to_left else 2 + 2 * layer
            clip[0, layer, :, start : start + 2] += 150
    return clips, classes


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "moving.cnn").write_text(SPEC)
    (tmp_path / "itself.cnn").write_text(ITSELF)
    clips, classes = moving(40)
    np.savez("clips.npz", x=clips, y=classes)
    np.savez("layers.npz", x=clips[:, 0], y=classes)
    np.savez("last.npz", x=clips.transpose(0, 2, 3, 4, 1) / 255, y=classes)
    np.savez("deep.npz", x=clips.repeat(2, axis=2), y=classes)
    np.savez("nan.npz", x=np.where(clips > 180, np.nan, clips), y=classes)
    np.savez("six.npz", x=clips[None], y=classes[:1])
    for number, (clip, to_left) in enumerate(zip(clips, classes, strict=True)):
        folder = tmp_path / "frames" / ("left" if to_left else "right") / f"clip{number}"
        folder.mkdir(parents=True)
        for layer in range(4):
            Image.fromarray(clip[0, layer]).save(folder / f"{layer * 5}.png")
    return tmp_path


@pytest.mark.torch
@pytest.mark.parametrize("augment", ["none", "strong"])
def test_losses_are_torchs(augment: str) -> None:
    config = Config(
        ModelChoice("moving.cnn"),
        DataChoice("clips.npz", augment=augment),
        TrainingChoice(threads=1, learning_rate=RATE, batch=8),
        Sgd(momentum=0.0),
        Constant(),
    )
    with assemble(config) as made:
        assert next(iter(made.feed.epoch(0, 0)))["clip"].shape == (8, 1, 4, 12, 12)
        assert_torchs_losses(made, STEPS, RATE, torch().nn.functional.cross_entropy)


@pytest.mark.parametrize("data", ["clips.npz", "layers.npz", "last.npz", "frames"])
def test_a_training_from_end_to_end(data: str, place: Path) -> None:
    shown = cnndsl(
        *("train", "moving.cnn", "--data", data, "--epochs", "8", "--batch", "8"),
        *("--lr", "0.02"),
    ).stdout
    assert "volumes, 4x12x12 grey" in shown and "pictures  volumes of 4x12x12, (values" in shown
    rows = list(csv.DictReader((place / RUN / "metrics.csv").open()))
    best = max(float(row["val_top1"]) for row in rows)
    for model in (RUN, f"{RUN}/best.onnx"):
        given = () if model == RUN else ("--data", data)
        found = json.loads(cnndsl("eval", model, *given, "--format", "json").stdout)
        assert found["top1"] >= 0.9 and best >= 0.9
    clips, _ = moving(6)
    np.save("one.npy", clips[1])
    np.save("three.npy", clips[:3] if data == "clips.npz" else clips[:3, 0])
    (place / "bad.npy").write_bytes(b"no array")
    inputs = ("one.npy", "bad.npy", "three.npy" if data == "clips.npz" else "one.npy")
    inputs = (*inputs, "frames/right/clip2")
    if data.endswith(".npz"):
        assert "one.npy: class 1 " in cnndsl("predict", RUN, "one.npy").stdout
    rows = list(
        csv.DictReader(
            cnndsl("predict", RUN, *inputs, "--format", "csv", code=1).stdout.splitlines()
        )
    )
    said = {"left": 1, "right": 0, "0": 0, "1": 1}
    expected = [1, None, *([0, 1, 0] if "three.npy" in inputs else [1]), 0]
    assert [said.get(row["class"]) for row in rows] == expected
    assert all(row["error"] for row in rows if not row["class"])


def test_augmentation_moves_all_layers_alike() -> None:
    clips = np.random.default_rng(0).integers(0, 255, (40, 1, 1, 12, 12), np.uint8)
    np.savez("same.npz", x=clips.repeat(4, axis=2), y=np.arange(40) % 2)
    config = Config(
        ModelChoice("moving.cnn"),
        DataChoice("same.npz", augment="light"),
        TrainingChoice(threads=1, batch=8),
    )
    with assemble(config) as made:
        batch = next(made.feed.epoch(0, 0))["clip"]
        assert (batch == batch[:, :, :1]).all() and len(np.unique(batch)) > 9


def test_each_folder_of_frames_is_a_clip(place: Path) -> None:
    cnndsl("train", "moving.cnn", "--data", "clips.npz", "--epochs", "1", "--batch", "8", "-q")
    (place / "empty").mkdir()
    shown = cnndsl("predict", RUN, "frames/left", "empty", code=1)
    assert shown.stdout.count("frames/left/clip") == 20
    assert "`empty` holds no pictures, and a clip is a folder of frames" in shown.stderr


def test_c3d_made_narrow_learns(place: Path) -> None:
    clips, classes = moving(40)
    large = clips.repeat(3, axis=1).repeat(4, axis=2).repeat(3, axis=3).repeat(3, axis=4)
    np.savez("large.npz", x=large[..., 2:34, 2:34], y=classes)
    shown = cnndsl(
        *("train", "c3d", "--data", "large.npz", "--input", "3@16x32x32", "--set", "w=4"),
        *("--epochs", "12", "--batch", "8", "--lr", "0.003", "-q"),
    )
    assert not shown.stdout
    results = json.loads((place / "runs/c3d-001/results.json").read_text())
    assert results["best"]["val_top1"] >= 0.9


def test_volumes_may_be_given_back(place: Path) -> None:
    arguments = ("--data", "clips.npz", "--epochs", "2", "--batch", "8", "--noise", "0.1")
    assert "PSNR" in cnndsl("train", "itself.cnn", *arguments).stdout
    assert "SSIM" in cnndsl("eval", "runs/itself-001").stdout


def test_data_are_checked(place: Path) -> None:
    shown = cnndsl("data", "check", "clips.npz").stdout
    assert "volumes, 4x12x12 grey" in shown and (place / "clips-samples.png").is_file()


def test_frames_are_spread_over_a_clip(place: Path) -> None:
    folder = place / "frames/left/clip1"
    (folder / "5.png").write_bytes(b"no picture")
    for path in sorted((place / "frames/left/clip3").iterdir())[1:]:
        path.unlink()
    data = open_data("frames", validation=0, volume=(1, 4, 12, 12))
    names = data.train.names()
    assert len(names) == 39 and "left/clip1" not in names
    assert any("clip left out" in note and "5.png" in note for note in data.notes)
    assert any("fewer than 4 frames" in note and "clip3" in note for note in data.notes)
    layers = data.train.source.images[names.index("left/clip3")]
    assert (layers == layers[:1]).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("moving.cnn", "--data", "nan.npz"), "values that are no numbers (NaN or infinite)"),
        (("moving.cnn", "--data", "six.npz"), "`x` in `six.npz` is 1x40x1x4x12x12; pictures are"),
        (("moving.cnn", "--data", "deep.npz"), "1@8x12x12, and input `clip` takes 1 channels of 4"),
        (
            ("moving.cnn", "--data", "digits"),
            "has pictures, and input `clip` takes volumes, 1@4x12",
        ),
        (("lenet5", "--data", "clips.npz"), "has volumes, and input `image` takes pictures"),
        (
            ("moving.cnn", "--data", "frames/left"),
            "`frames/left/clip1` holds frames, and no folders",
        ),
        (
            ("moving.cnn", "--data", "layers.npz", "--input", "3@4x12x12"),
            "volumes of 3 channels are NxCxDxHxW",
        ),
    ],
)
def test_what_does_not_go_together(arguments: tuple[str, ...], message: str, place: Path) -> None:
    assert message in cnndsl("train", *arguments, code=1).stderr.replace("\n", " ")
    assert not (place / "runs").exists()


def test_volumes_that_are_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: dict[str, Any] = {"SC_PAGE_SIZE": 1, "SC_PHYS_PAGES": 4000}
    monkeypatch.setattr(arrays.os, "sysconf", sizes.__getitem__)
    for data, message in (("clips.npz", "`x` in `clips.npz`"), ("frames", "40 clips of 1x4x12x12")):
        found = cnndsl("train", "moving.cnn", "--data", data, code=1).stderr
        assert f"{message} would take" in found and "make volumes smaller" in found
