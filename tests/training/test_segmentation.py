"""Nets that tell the class of each pixel."""

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
from tests.support.data import real_data
from tests.support.peers import torch
from tests.support.torch_training import assert_torchs_losses

STEPS, RATE = 25, 0.05
RUN = "runs/unet-001"
UNET = """cnndsl 1
net SmallUNet(classes=2, w=4)
input image 1@16x16
def two(n): conv 3x3 n same bn relu *2
e1: two w
pool 2x2 s2
e2: two (2*w)
pool 2x2 s2
two (4*w)
for e, n in (e2, 2*w) (e1, w):
    deconv 2x2 n s2
    concat e
    two n
mask: conv 1x1 classes
output mask
"""
BINARY = """cnndsl 1
net Binary
input image 1@16x16
conv 3x3 8 same bn relu
mask: conv 3x3 1 same sigmoid
output mask
loss bce(mask, target)
"""


def squares(count: int, classes: int, side: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """Noisy pictures with squares, whose class is their brightness; borders don't count."""
    random = np.random.default_rng(0)
    masks = np.zeros((count, side, side), np.uint8)
    for mask in masks:
        top, left = random.integers(0, side - 7, 2)
        mask[top : top + 8, left : left + 8] = random.integers(1, classes)
    pictures = masks * (200 // (classes - 1)) + random.integers(0, 40, masks.shape)
    masks[:, 0], masks[:, :, -1] = 255, 255
    masks[0, 5:7] = 255
    return pictures.astype(np.uint8), masks


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    specs = {
        "unet.cnn": UNET,
        "binary.cnn": BINARY,
        "open.cnn": BINARY.replace(" sigmoid", ""),
        "small.cnn": UNET.replace("mask: conv 1x1 classes", "mask: conv 2x2 classes s2"),
    }
    for name, text in specs.items():
        (tmp_path / name).write_text(text)
    for classes in (2, 3):
        pictures, masks = squares(60, classes)
        np.savez(tmp_path / f"squares{classes}.npz", images=pictures, masks=masks)
    return tmp_path


@pytest.mark.torch
@pytest.mark.parametrize("weights", ["none", "0.5,2,1"])
def test_losses_of_a_unet_are_torchs(weights: str) -> None:
    config = Config(
        ModelChoice("unet.cnn"),
        DataChoice("squares3.npz"),
        TrainingChoice(threads=1, learning_rate=RATE, batch=8, class_weights=weights),
        Sgd(momentum=0.0),
        Constant(),
    )
    each = None if weights == "none" else torch().tensor([0.5, 2, 1], dtype=torch().float64)

    def loss(values: object, target: object) -> object:
        function = torch().nn.functional.cross_entropy
        return function(values, target, each, ignore_index=-1)

    with assemble(config) as made:
        assert any((batch["target"] == -1).any() for batch in made.feed.epoch(0, 0))
        assert_torchs_losses(made, STEPS, RATE, loss)


@pytest.mark.parametrize("spec", ["unet", "binary"])
def test_a_training_from_end_to_end(spec: str, place: Path) -> None:
    shown = cnndsl(
        *("train", f"{spec}.cnn", "--data", "squares2.npz", "--epochs", "12", "--batch", "8"),
        *("--augment", "light", "--lr", "0.02"),
    ).stdout
    assert "targets   a class for each pixel, 2 in all" in shown
    assert "mean IoU" in shown and "top-1" not in shown
    run = place / f"runs/{spec}-001"
    results = json.loads((run / "results.json").read_text())
    rows = list(csv.DictReader((run / "metrics.csv").open()))
    best = max(rows, key=lambda row: (float(row["val_iou"]), -float(row["val_loss"])))
    assert results["best"]["epoch"] == int(best["epoch"]) and results["targets"] == "masks"
    assert float(best["val_iou"]) > 0.7
    found = json.loads(cnndsl("eval", str(run), "--batch", "3", "--format", "json").stdout)
    for name in ("loss", "accuracy", "iou", "dice"):  # whatever the batch, which pixels don't count
        assert found[name] == pytest.approx(float(best[f"val_{name}"]), rel=1e-5), name
    assert [entry["label"] for entry in found["classes"]] == ["0", "1"]
    text = cnndsl("eval", str(run)).stdout
    assert "pixels" in text and "IoU" in text and "Dice" in text
    Image.fromarray(squares(1, 2)[0][0]).save("seen.png")
    assert "1 " in cnndsl("predict", str(run), "seen.png", "-o", "answers").stdout
    with Image.open("answers/seen.png") as image:  # as masks are read
        assert image.mode == "P" and set(np.unique(np.asarray(image))) <= {0, 1}
    page = (run / "report.html").read_text()
    assert 'class="legend"' in page and "How well each class is met" in page
    cnndsl("eval", str(run), "--assert-accuracy", "50")
    cnndsl("eval", str(run), "--assert-accuracy", "100", code=1)


def test_other_masks_are_refused(place: Path) -> None:
    cnndsl("train", "unet.cnn", "--data", "squares2.npz", "--epochs", "1", "--batch", "8", "-q")
    assert (place / "runs/unet-001/labels.txt").read_text() == "0\n1\n"
    found = cnndsl("eval", "runs/unet-001", "--data", "squares3.npz", code=1).stderr
    assert "masks of `2`, which `runs/unet-001` doesn't tell apart: it has `0`, `1`" in found
    np.save("pictures.npy", squares(4, 2)[0])
    found = cnndsl("eval", "runs/unet-001", "--data", "pictures.npy", code=1).stderr
    assert "answers with masks, and pictures has none" in found
    cnndsl("resume", "runs/unet-001", "--epochs", "2", "-q")


def test_ignored_pixels_change_nothing(place: Path) -> None:
    """Whatever the picture's mask has where it doesn't count."""
    losses = []
    for ignored in (255, 7):
        pictures, masks = squares(24, 3)
        np.savez("a.npz", images=pictures, masks=np.where(masks == 255, ignored, masks))
        cnndsl(
            *("train", "unet.cnn", "--data", "a.npz", "--epochs", "2", "--batch", "8", "-q"),
            *("--ignore-index", str(ignored), "--name", f"i{ignored}"),
        )
        losses.append((place / f"runs/i{ignored}-001/last.safetensors").read_bytes())
    assert losses[0] == losses[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("train", "binary.cnn", "--data", "squares3.npz"),
            "takes masks of two classes, and these",
        ),
        (("train", "unet.cnn", "--data", "squares3.npz", "--set", "classes=2"), "the data has 3"),
        (("train", "lenet5", "--ignore-index", "3"), "a number in masks, and digits has none"),
        (("train", "lenet5", "--data", "squares2.npz"), "a class for each picture, and the masks"),
        (("train", "unet.cnn", "--data", "squares2.npz", "--input", "1@18x18"), "9"),
        (("train", "unet_same", "--data", "squares2.npz", "--input", "1@24x24"), "3"),
        (("train", "small.cnn", "--data", "squares2.npz"), "maps of 8x8, and the masks are 16x16"),
        (("train", "open.cnn", "--data", "squares2.npz"), "let a sigmoid follow it"),
        (("transfer", "lenet5", "--data", "squares2.npz"), "has masks, a class for each pixel"),
        (("train", "unet.cnn", "--data", "squares2.npz", "--noise", "0.1"), "--noise is for nets"),
        (
            ("train", "unet.cnn", "--data", "squares2.npz", "--class-weights", "1"),
            "1 class weights",
        ),
    ],
)
def test_what_does_not_go_together(arguments: tuple[str, ...], message: str) -> None:
    assert message in cnndsl(*arguments, code=1).stderr


def test_masks_of_a_single_class(place: Path) -> None:
    for number, picture in enumerate(squares(6, 2)[0]):
        for folder, pixels in (("images", picture), ("masks", np.zeros_like(picture))):
            (place / "set" / folder).mkdir(exist_ok=True, parents=True)
            Image.fromarray(pixels).save(place / "set" / folder / f"{number}.png")
    found = cnndsl("train", "binary.cnn", "--data", "set", code=1).stderr
    assert "the masks of set have a single class, `0`; training takes two at least" in found


def test_masks_of_which_nothing_counts(place: Path) -> None:
    pictures, masks = squares(16, 2)
    masks[4:] = 255
    np.savez("a.npz", images=pictures, masks=masks)
    cnndsl("train", "unet.cnn", "--data", "a.npz", "--epochs", "1", "--batch", "4", "-q")


def test_damaged_masks_are_named(place: Path) -> None:
    pictures, masks = squares(12, 2)
    place = place / "set"
    for number in range(12):
        for folder, pixels in (("images", pictures[number]), ("masks", masks[number])):
            (place / folder).mkdir(exist_ok=True, parents=True)
            Image.fromarray(pixels).save(place / folder / f"{number}.png")
    Image.fromarray(masks[3][:5]).save(place / "masks/3.png")
    (place / "masks/4.png").write_bytes(b"no picture")
    shown = cnndsl("train", "unet.cnn", "--data", "set", "--epochs", "1", "--batch", "4").stdout
    assert "left out: the mask `masks/3.png` is 5x16" in shown.replace("\n", " ")
    checked = cnndsl("data", "check", "set", "--no-mosaic").stdout
    assert "damaged         2 of 12" in checked and "masks/3.png` is 5x16" in checked


@pytest.mark.data
def test_membranes_are_learnt(place: Path) -> None:
    where = real_data("segmentation", "membrane")
    cnndsl(
        *("train", "unet.cnn", "--data", str(where), "--epochs", "12", "--batch", "4", "-q"),
        *("--input", "1@64x64", "--set", "w=8"),
    )
    results = json.loads((place / "runs/unet-001/results.json").read_text())
    assert results["best"]["val_iou"] > 0.55


def test_classes_of_masks_are_matched_by_name(place: Path) -> None:
    """Data whose classes are in another order, fewer, or others than those that a run has."""
    cnndsl("train", "unet.cnn", "--data", "squares3.npz", "--epochs", "1", "--batch", "8")
    pictures, masks = squares(12, 3)

    def scores(names: list[str], numbers: list[int]) -> dict[str, Any]:
        changed = np.array([*numbers, *[255] * (256 - len(numbers))])[masks]
        np.savez("other.npz", images=pictures, masks=changed, classes=names)
        return json.loads(cnndsl("eval", RUN, "--data", "other.npz", "--format", "json").stdout)

    plain = scores(["0", "1", "2"], [0, 1, 2])
    turned = scores(["2", "0", "1"], [1, 2, 0])
    for name in ("loss", "accuracy", "iou", "dice", "classes"):
        assert turned[name] == plain[name], name
    named = scores(["sky", "road", "car"], [0, 1, 2])
    assert named["iou"] == plain["iou"]
    assert "only numbers for the names of its classes" in named["notes"][0]
    np.savez("other.npz", images=pictures, masks=np.where(masks == 2, 4, masks))
    assert "masks of `3`, `4`, which" in cnndsl("eval", RUN, "--data", "other.npz", code=1).stderr


def test_a_narrow_deconvnet_trains() -> None:
    """Its unpoolings take the switches of poolings, at the size that it was made for."""
    pictures, masks = squares(8, 3)
    np.savez("few.npz", images=pictures, masks=masks)
    command = ("train", "deconvnet", "--set", "width=1", "--data", "few.npz", "--batch", "2")
    cnndsl(*command, "--epochs", "3", "--threads", "1", "-q")
    lines = Path("runs/deconvnet-001/metrics.csv").read_text().splitlines()
    losses = [float(row["train_loss"]) for row in csv.DictReader(lines)]
    assert losses[-1] < losses[0]
