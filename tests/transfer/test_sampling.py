"""Pictures made of codes: drawn, between two pictures, one number at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import cnndsl
from cnndsl.diagnostics import UsageError
from cnndsl.training.adapters import spec_adapter
from cnndsl.weights.save import write_tensors
from tests.support.command_line import cnndsl as command

VAE = """cnndsl 1
net Vae(z=20)
input x 1@4x4
h: fc 8 relu
mu: fc z from h
logvar: fc z from h
code: sample mu logvar
fc 16 -> reshape 1@4x4
xhat: sigmoid
output xhat
loss bce(xhat, x) + kl(mu, logvar)
"""
PLAIN = """cnndsl 1
net Plain
input x 1@4x4
z: conv 2x2 3 s2 relu
xhat: deconv 2x2 1 s2 sigmoid
output xhat
loss mse(xhat, x)
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two nets with weights, and two pictures."""
    monkeypatch.chdir(tmp_path)
    for name, text in (("vae", VAE), ("plain", PLAIN)):
        Path(f"{name}.cnn").write_text(text)
        values = spec_adapter(cnndsl.parse(f"{name}.cnn"), text).start("auto", seed=3)
        write_tensors(Path(f"{name}.safetensors"), values)
    for number in range(2):
        pixels = np.random.default_rng(number).integers(0, 256, (4, 4)).astype(np.uint8)
        Image.fromarray(pixels).save(f"{number}.png")


def decoded(net: str, codes: np.ndarray, code: str) -> np.ndarray:
    """By the part of the net as a model of its own."""
    cnndsl.cut(f"{net}.cnn", (), "decoder.onnx", start=code, weights=f"{net}.safetensors")
    return next(iter(cnndsl.run("decoder.onnx", codes, threads=1).outputs.values()))


def test_a_seed_draws_the_same_pictures_from_the_prior() -> None:
    made = cnndsl.sample("vae.cnn", 100, weights="vae.safetensors", seed=5)
    again = cnndsl.sample("vae.cnn", 100, weights="vae.safetensors", seed=5)
    other = cnndsl.sample("vae.cnn", 100, weights="vae.safetensors", seed=6)
    assert np.array_equal(made.pictures, again.pictures)
    assert not np.array_equal(made.codes, other.codes)
    assert made.codes.shape == (100, 20) and made.pictures.shape == (100, 1, 4, 4)
    assert abs(made.codes.mean()) < 0.1 and abs(made.codes.std() - 1) < 0.1
    np.testing.assert_allclose(made.pictures, decoded("vae", made.codes, "code"), atol=1e-6)


def test_between_two_pictures() -> None:
    made = cnndsl.sample(
        "plain.cnn", 5, between=("0.png", "1.png"), at="z", weights="plain.safetensors"
    )
    whole = cnndsl.run("plain.cnn", ["0.png", "1.png"], weights="plain.safetensors", threads=1)
    np.testing.assert_allclose(made.pictures[[0, -1]], whole.outputs["xhat"], atol=1e-6)
    np.testing.assert_allclose(made.codes[2], made.codes[[0, -1]].mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(made.pictures, decoded("plain", made.codes, "z"), atol=1e-6)


def test_a_walk_changes_one_number_a_row() -> None:
    made = cnndsl.sample("vae.cnn", 3, walk=True, weights="vae.safetensors")
    codes = made.codes.reshape(16, 3, 20)
    assert made.across == 3
    assert [codes[row, :, row].tolist() for row in range(16)] == [[-3, 0, 3]] * 16
    assert np.count_nonzero(codes) == 32
    assert made.notes == ("the first 16 of the code's 20 numbers",)


def test_the_command_writes_a_grid_and_the_numbers() -> None:
    output = command("sample", "vae.cnn", "-n", "10", "--weights", "vae.safetensors").output
    assert output == "vae-samples.png: 10 pictures, their numbers and codes in vae-samples.npz\n"
    with Image.open("vae-samples.png") as image:
        assert image.size == (8 * 5 - 1, 2 * 5 - 1)
    arrays = np.load("vae-samples.npz")
    assert arrays["codes"].shape == (10, 20) and arrays["pictures"].shape == (10, 1, 4, 4)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("vae.cnn", "has no weights: name a file by --weights"),
        ("plain.cnn --weights plain.safetensors", "Plain has no `sample` layer: say by --at"),
        ("plain.cnn --weights plain.safetensors --at z", "none can be drawn"),
        ("plain.cnn --weights plain.safetensors --at z --walk", "none can be walked through"),
        ("vae.cnn --weights vae.safetensors --walk --between 0.png 1.png", "take one"),
        ("vae.cnn --weights vae.safetensors --between 0.png 2.png", "2.png"),
        ("vae.cnn --weights vae.safetensors -o a.jpg", "pictures go into a .png"),
        ("vae.cnn --weights vae.safetensors -o no/a.png", "there is no folder `no`"),
        ("lenet5 --weights vae.safetensors --at conv1", "has nothing for"),
    ],
)
def test_what_cant_be_made(words: str, message: str) -> None:
    assert message in command("sample", *words.split(), code=1).stderr


def test_what_is_no_picture_isnt_made() -> None:
    text = PLAIN.replace("deconv 2x2 1 s2", "deconv 2x2 5 s2").replace("loss", "# loss")
    Path("five.cnn").write_text(text)
    values = spec_adapter(cnndsl.parse("five.cnn"), text).start("auto", seed=3)
    write_tensors(Path("five.safetensors"), values)
    with pytest.raises(UsageError, match="what Plain makes is 5@4x4, no picture"):
        cnndsl.sample("five.cnn", weights="five.safetensors", at="z")
