"""Nets that make another picture of each picture."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cnndsl.training.config import Config
from cnndsl.training.optimisers import Sgd
from cnndsl.training.options import DataChoice, ModelChoice, TrainingChoice
from cnndsl.training.running import assemble
from cnndsl.training.schedules import Constant
from tests.support.command_line import cnndsl
from tests.support.peers import torch
from tests.support.similarity import ssim_by_torch
from tests.support.torch_training import assert_torchs_losses

STEPS, RATE = 25, 0.1
SPEC = """cnndsl 1
net Clean
input noisy 1@16x16
conv 3x3 8 same relu
clean: conv 3x3 1 same sigmoid
output clean
loss mse(clean, target) + 0.5*ssim(clean, target, window=7)
"""
LARGER = """cnndsl 1
net Larger
input small 1@8x8
conv 3x3 4 same -> pixelshuffle 2
large: sigmoid
output large
loss l1(large, target)
"""


def smooth(count: int, side: int = 16) -> np.ndarray:
    """Grey pictures of a few shades: N×side×side bytes."""
    coarse = np.random.default_rng(0).integers(0, 255, (count, side // 4, side // 4), np.uint8)
    return coarse.repeat(4, axis=1).repeat(4, axis=2)


def noisy(pictures: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(1).normal(0, 40, pictures.shape)
    return np.clip(pictures + noise, 0, 255).astype(np.uint8)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clean.cnn").write_text(SPEC)
    (tmp_path / "larger.cnn").write_text(LARGER)
    clean = smooth(40)
    np.savez("bytes.npz", x=noisy(clean), y=clean)
    np.savez("fractions.npz", x=noisy(clean)[..., None] / 255, y=(clean / 255).astype(np.float32))
    np.savez("small.npz", x=clean[:, ::2, ::2], y=clean)
    for folder, pictures in (("noisy", noisy(clean)), ("clean", clean)):
        (tmp_path / "set" / folder).mkdir(parents=True)
        for number, picture in enumerate(pictures):
            Image.fromarray(picture).save(tmp_path / f"set/{folder}/{number}.png")
    return tmp_path


@pytest.mark.torch
@pytest.mark.parametrize("augment", ["none", "strong"])
def test_losses_are_torchs(augment: str) -> None:
    def loss(values: Any, target: Any) -> Any:
        target = target.to(values.dtype)
        near = ssim_by_torch(values, target, 7)
        return torch().nn.functional.mse_loss(values, target) + 0.5 * (1 - near)

    config = Config(
        ModelChoice("clean.cnn"),
        DataChoice("bytes.npz", augment=augment),
        TrainingChoice(threads=1, learning_rate=RATE, batch=8),
        Sgd(momentum=0.0),
        Constant(),
    )
    with assemble(config) as made:
        assert_torchs_losses(made, STEPS, RATE, loss)


@pytest.mark.parametrize(
    ("spec", "data"),
    [("clean", "set"), ("clean", "bytes.npz"), ("clean", "fractions.npz"), ("larger", "small.npz")],
)
def test_a_training_from_end_to_end(spec: str, data: str, place: Path) -> None:
    run = f"runs/{spec}-001"
    shown = cnndsl(
        *("train", f"{spec}.cnn", "--data", data, "--epochs", "3", "--batch", "8"),
        *("--augment", "strong"),
    ).stdout
    assert "targets   a picture for each picture" in shown and "PSNR" in shown
    assert "a picture to answer each with" in shown and "/ 255" in shown
    results = json.loads((place / run / "results.json").read_text())
    rows = list(csv.DictReader((place / run / "metrics.csv").open()))
    best = min(rows, key=lambda row: float(row["val_loss"]))
    assert results["best"]["epoch"] == int(best["epoch"]) and results["targets"] == "pictures"
    found = json.loads(cnndsl("eval", run, "--split", "val", "--format", "json").stdout)
    for name in ("loss", "mse", "mae", "psnr", "ssim"):
        assert found[name] == pytest.approx(float(best[f"val_{name}"]), rel=1e-5), name
    assert "SSIM" in cnndsl("eval", f"{run}/best.onnx", "--data", data).stdout
    small = Image.fromarray(smooth(1)[0]).resize((8, 8) if spec == "larger" else (16, 16))
    small.save("seen.png")
    said = cnndsl("predict", run, "seen.png", "-o", "answers").stdout
    assert "seen.png: 16x16, values from 0." in said
    with Image.open("answers/seen.png") as image:
        assert image.size == (16, 16) and image.mode == "L"
    page = (place / run / "report.html").read_text()
    assert "<th>target</th>" in page and "What it answers, epoch by epoch" in page


def test_a_run_goes_on_to_the_same_bits(place: Path) -> None:
    arguments = ("train", "clean.cnn", "--data", "set", "--batch", "8", "--augment", "strong", "-q")
    arguments += ("--schedule", "constant")
    cnndsl(*arguments, "--epochs", "3", "--name", "whole")
    cnndsl(*arguments, "--epochs", "1", "--name", "half")
    cnndsl("resume", "runs/half-001", "--epochs", "3", "-q")
    whole, half = (place / f"runs/{name}-001/last.safetensors" for name in ("whole", "half"))
    assert whole.read_bytes() == half.read_bytes()


def test_grey_may_become_colour(place: Path) -> None:
    (place / "clean.cnn").write_text(SPEC.replace("clean: conv 3x3 1", "clean: conv 3x3 3"))
    cnndsl("train", "clean.cnn", "--data", "set", "--epochs", "1", "--batch", "8", "-q")
    cnndsl("predict", "runs/clean-001", "set/noisy/1.png", "-o", "answers")
    with Image.open("answers/1.png") as image:
        assert image.mode == "RGB"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "lenet5", "--data", "fractions.npz"), "a class for each picture, and the data"),
        (("train", "larger.cnn", "--data", "set"), "16x16: the net makes 16x16 of 8x8"),
        (("train", "larger.cnn", "--data", "bytes.npz"), "targets 16x16: the net makes 16x16 of"),
        (("train", "clean.cnn", "--data", "digits"), "pictures to compare with lie in `targets/`"),
        (("train", "clean.cnn", "--data", "low.npz"), "values from -1 to 255, and a net that is"),
        (("train", "clean.cnn", "--data", "nan.npz"), "entries that are no numbers (NaN"),
        (("train", "clean.cnn", "--data", "fewer.npz"), "`y` in `fewer.npz` has 39 entries for 40"),
        (("train", "clean.cnn", "--data", "set", "--noise", "0.1"), "--noise is for nets that are"),
        (("train", "clean.cnn", "--data", "bytes.npz", "--class-weights", "1"), "for data with c"),
        (("train", "fc.cnn", "--data", "set"), "the loss compares it with 2: `loss mse(out, tar"),
    ],
)  # fmt: skip
def test_what_does_not_go_together(arguments: tuple[str, ...], message: str, place: Path) -> None:
    clean = smooth(40)
    lines = ["cnndsl 1", "net Two", "input x 1@16x16", "out: fc 2", "loss mse(out, target)"]
    (place / "fc.cnn").write_text("\n".join(lines) + "\n")
    np.savez("low.npz", x=np.where(clean == clean.max(), 255, -1.0), y=clean)
    np.savez("nan.npz", x=clean, y=np.where(clean > 100, np.nan, 0.5))
    np.savez("fewer.npz", x=clean, y=clean[:39])
    found = cnndsl(*arguments, code=1).stderr
    assert message in found.replace("\n", " ")
    assert not (place / "runs").exists()


def test_other_data_is_refused(place: Path) -> None:
    cnndsl("train", "clean.cnn", "--data", "bytes.npz", "--epochs", "1", "--batch", "8", "-q")
    found = cnndsl("eval", "runs/clean-001", "--data", "digits", code=1).stderr
    assert "answers with pictures, and digits has none" in found


def test_damaged_pairs_are_named(place: Path) -> None:
    Image.fromarray(smooth(1)[0][:5]).save(place / "set/clean/3.png")
    (place / "set/clean/4.png").write_bytes(b"no picture")
    (place / "set/clean/5.png").unlink()
    shown = cnndsl("train", "clean.cnn", "--data", "set", "--epochs", "1", "--batch", "8").stdout
    shown = shown.replace("\n", " ")
    assert "left out: the target `clean/3.png` is 5x16, and its picture" in shown
    assert "without a target, left out: 1 (`5.png`)" in shown
    checked = cnndsl("data", "check", "set", "--mosaic", "a.png").stdout
    assert "folders noisy → clean, a picture to answer each with" in checked
    assert "damaged         2 of 39" in checked and "each beside its answer" in checked
