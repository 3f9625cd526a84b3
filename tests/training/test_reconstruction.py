"""Nets that are to give back the picture that went in."""

from __future__ import annotations

import csv
import json
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cnndsl.training.adapters import SpecAdapter
from cnndsl.training.assembly import Training
from cnndsl.training.config import Config
from cnndsl.training.noise import fill_noise
from cnndsl.training.optimisers import Sgd
from cnndsl.training.options import DataChoice, ModelChoice, TrainingChoice
from cnndsl.training.running import assemble
from cnndsl.training.schedules import Constant
from tests.data.making import noise, photo
from tests.support.command_line import cnndsl
from tests.support.peers import torch
from tests.support.torch_training import theirs

STEPS, RATE = 50, 0.5
SPEC = """cnndsl 1
net Small(code=4)
input x 1@8x8
conv 3x3 8 s2 p1 relu
conv 3x3 code s2 p1 relu
deconv 4x4 8 s2 p1 relu
xhat: deconv 4x4 1 s2 p1 sigmoid
output xhat
loss mse(xhat, x)
"""
VAE = """cnndsl 1
net VAE
input x 1@8x8
conv 3x3 8 s2 p1 relu
h: fc 16 relu
mu: fc 3 from h
logvar: fc 3 from h
sample mu logvar
fc (8*4*4) relu -> reshape 8@4x4
xhat: deconv 4x4 1 s2 p1 sigmoid
output xhat
loss bce(xhat, x) + 4*kl(mu, logvar, ramp=1.5)
"""


def training(folder: Path, net: str = "autoencoder", rate: float = RATE, **data: Any) -> Training:
    np.save(folder / "pictures.npy", noise(200, 28, 28))
    made = assemble(
        Config(
            ModelChoice(net),
            DataChoice(str(folder / "pictures.npy"), **data),
            TrainingChoice(threads=1, learning_rate=rate, batch=32),
            Sgd(momentum=0.0),
            Constant(),
        )
    )
    made.start()
    return made


@pytest.mark.torch
@pytest.mark.parametrize("added", [0.0, 0.2])
def test_losses_are_torchs(added: float, tmp_path: Path) -> None:
    with training(tmp_path, noise=added) as made:
        start = {name: values.copy() for name, values in made.weights.read().items()}
        steps = made.epoch_steps
        batches = list(chain.from_iterable(made.feed.epoch(n, 0) for n in range(10)))[:STEPS]
        ours = [made.train_step.step([b], RATE, n)["loss"] for n, b in enumerate(batches)]
        assert steps * 10 >= STEPS == len(ours)
        for batch in batches:  # the clean picture is what is compared with
            clean, seen = batch.get("target", batch["x"]), batch["x"]
            assert (np.abs(seen - clean).std() > 0.05) == (added > 0)
            assert seen.min() >= 0 and seen.max() <= 1
        expected = theirs(
            made, start, [b | {"target": b.get("target", b["x"])} for b in batches], RATE,
            loss=torch().nn.functional.mse_loss,
        )  # fmt: skip
        np.testing.assert_allclose(ours, expected, rtol=1e-4)
        assert ours[-1] < ours[0]


@pytest.mark.torch
def test_losses_of_a_variational_autoencoder_are_torchs(tmp_path: Path) -> None:
    """With the same noise in the code: Kingma and Welling 2013, equation 10."""
    rate = 1e-5
    with training(tmp_path, "conv_vae", rate) as made:
        start = {name: values.copy() for name, values in made.weights.read().items()}
        batches = list(chain.from_iterable(made.feed.epoch(n, 0) for n in range(10)))[:STEPS]
        ours = [made.train_step.step([b], rate, n)["loss"] for n, b in enumerate(batches)]
        seed, (drawn,) = made.config.training.seed, made.graphs.noises.values()
    library, expected = torch(), list[float]()
    f = library.nn.functional
    p = {n: library.from_numpy(v).double().requires_grad_() for n, v in start.items()}
    peer = library.optim.SGD(p.values(), lr=rate)
    for n, batch in enumerate(batches):
        eps = np.zeros((len(batch["x"]), *drawn.shape[1:]), np.float32)
        fill_noise(eps, drawn.kind, seed, n, "code")
        x = library.from_numpy(batch["x"]).double()
        y = f.relu(f.conv2d(x, p["conv1.weight"], p["conv1.bias"], 2, 1))
        y = f.relu(f.conv2d(y, p["conv2.weight"], p["conv2.bias"], 2, 1)).flatten(1)
        h = f.relu(f.linear(y, p["h.weight"], p["h.bias"]))
        mu, logvar = (f.linear(h, p[f"{k}.weight"], p[f"{k}.bias"]) for k in ("mu", "logvar"))
        z = mu + (logvar / 2).exp() * library.from_numpy(eps)
        y = f.relu(f.linear(z, p["fc1.weight"], p["fc1.bias"]))
        y = f.relu(f.linear(y, p["fc2.weight"], p["fc2.bias"])).reshape(-1, 64, 7, 7)
        y = f.relu(f.conv_transpose2d(y, p["deconv1.weight"], p["deconv1.bias"], 2, 1))
        y = f.conv_transpose2d(y, p["xhat.weight"], p["xhat.bias"], 2, 1).sigmoid()
        kl = -0.5 * (1 + logvar - mu**2 - logvar.exp()).sum()
        loss = (f.binary_cross_entropy(y, x, reduction="sum") + kl) / len(x)
        peer.zero_grad()
        loss.backward()
        peer.step()
        expected.append(loss.item())
    np.testing.assert_allclose(ours, expected, rtol=1e-4)
    assert len(ours) == STEPS and ours[-1] < ours[0]


def test_noise_is_the_same_for_validation_and_another_in_each_epoch(tmp_path: Path) -> None:
    with training(tmp_path, noise=0.2) as made:
        first, again = (next(iter(made.split("val")))["x"] for _ in range(2))
        np.testing.assert_array_equal(first, again)
        assert isinstance(made.task.adapter, SpecAdapter) and made.task.target.clean
        assert made.evaluate() == made.evaluate()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.cnn").write_text(SPEC)
    for number in range(20):
        photo(tmp_path / "photos" / f"{number}.png", 12, 10, seed=number)
    return tmp_path


@pytest.mark.parametrize("options", [(), ("--noise", "0.1"), ("--std", "0.5", "--mean", "0.5")])
def test_eval_finds_the_trainings_validation_loss(options: tuple[str, ...], place: Path) -> None:
    shown = cnndsl(
        *("train", "small.cnn", "--data", "photos", "--epochs", "3", "--batch", "4", *options)
    ).stdout
    assert "targets   the picture itself" in shown and "PSNR" in shown and "top-1" not in shown
    results = json.loads((place / "runs/small-001/results.json").read_text())
    rows = list(csv.DictReader((place / "runs/small-001/metrics.csv").open()))
    best = min(rows, key=lambda row: float(row["val_loss"]))
    assert results["best"]["epoch"] == int(best["epoch"]) and results["targets"] == "itself"
    for model in ("runs/small-001", "runs/small-001/best.onnx"):
        data = () if model.endswith("1") else ("--data", "photos", "--split", "train")
        found = json.loads(cnndsl("eval", model, *data, "--format", "json").stdout)
        if not data:
            for name in ("loss", "mse", "mae", "psnr", "ssim"):
                assert found[name] == pytest.approx(float(best[f"val_{name}"]), rel=1e-6), name
        else:
            assert found["examples"] == 20
    page = (place / "runs/small-001/report.html").read_text()
    assert "What it answers, epoch by epoch" in page and "top-1" not in page
    assert len(list((place / "runs/small-001/plots/answers").iterdir())) == 3


def test_predict_writes_what_came_out(place: Path) -> None:
    cnndsl("train", "small.cnn", "--data", "photos", "--epochs", "1", "--batch", "4", "-q")
    (place / "photos/broken.png").write_bytes(b"no picture")
    shown = cnndsl("predict", "runs/small-001", "photos", "-o", "answers", code=1)
    assert shown.stdout.count("PSNR") == 20 and "broken.png" in shown.stderr
    with Image.open(place / "answers/3.png") as image:
        assert image.size == (8, 8) and image.mode == "L"
    message = cnndsl("predict", "runs/small-001", "photos", "-o", "a.csv", code=1).stderr
    assert "answers with pictures: -o names a folder" in message


def test_labelled_data_serves_as_well(place: Path) -> None:
    np.savez("a.npz", x=noise(30, 8, 8), y=np.zeros(30, int))  # a single class does no harm
    cnndsl("train", "small.cnn", "--data", "a.npz", "--epochs", "1", "--batch", "8", "-q")
    assert "SSIM" in cnndsl("eval", "runs/small-001").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "lenet5", "--data", "photos"), "no pictures in class folders"),
        (("train", "lenet5", "--noise", "0.1"), "--noise is for nets that are to give back"),
        (("eval", "runs/small-001", "--predictions", "a.csv"), "for models that answer with class"),
        (("eval", "runs/small-001", "--assert-accuracy", "3"), "whose answers are classes"),
        (("transfer", "lenet5", "--data", "photos"), "no pictures in class folders"),
    ],
)
def test_what_does_not_go_together(arguments: tuple[str, ...], message: str, place: Path) -> None:
    if arguments[0] == "eval":
        cnndsl("train", "small.cnn", "--data", "photos", "--epochs", "1", "--batch", "4", "-q")
    assert message in cnndsl(*arguments, code=1).stderr


def test_a_run_goes_on_to_the_same_bits(place: Path) -> None:
    arguments = ("train", "small.cnn", "--data", "photos", "--batch", "4", "--noise", "0.2", "-q")
    cnndsl(*arguments, "--epochs", "4", "--name", "whole", "--schedule", "constant")
    cnndsl(*arguments, "--epochs", "2", "--name", "half", "--schedule", "constant")
    cnndsl("resume", "runs/half-001", "--epochs", "4", "-q")
    whole, half = (place / f"runs/{name}-001/last.safetensors" for name in ("whole", "half"))
    assert whole.read_bytes() == half.read_bytes()


@pytest.mark.parametrize("stop", [1, 2])
def test_a_growing_weight_goes_on_to_the_same_bits(stop: int, place: Path) -> None:
    """Stopped within the epochs over which the weight of kl grows, and behind them."""
    (place / "vae.cnn").write_text(VAE)
    arguments = ("train", "vae.cnn", "--data", "photos", "--batch", "4", "-q")
    arguments += ("--schedule", "constant")
    cnndsl(*arguments, "--epochs", "3", "--name", "whole")
    cnndsl(*arguments, "--epochs", str(stop), "--name", "half")
    cnndsl("resume", "runs/half-001", "--epochs", "3", "-q")
    whole, half = (place / f"runs/{name}-001" for name in ("whole", "half"))
    assert (whole / "last.safetensors").read_bytes() == (half / "last.safetensors").read_bytes()
    rows = list(csv.DictReader((whole / "metrics.csv").open()))
    parts = [{part: float(row[f"train_loss_{part}"]) for part in ("bce", "kl")} for row in rows]
    losses = [float(row["train_loss"]) for row in rows]
    assert losses[0] < parts[0]["bce"] + 4 * parts[0]["kl"]
    assert losses[2] == pytest.approx(parts[2]["bce"] + 4 * parts[2]["kl"], rel=1e-6)
    for row in rows:  # validation counts the whole weight
        whole_loss = float(row["val_loss_bce"]) + 4 * float(row["val_loss_kl"])
        assert float(row["val_loss"]) == pytest.approx(whole_loss, rel=1e-6)


def test_pixels_below_0_are_refused(place: Path) -> None:
    np.save("low.npy", (noise(12, 16, 16) / 127.5 - 1).astype(np.float32))
    found = cnndsl("train", "autoencoder", "--data", "low.npy", code=1).stderr
    assert "low has values from -1 to 1, and a net that is to give pictures" in found
