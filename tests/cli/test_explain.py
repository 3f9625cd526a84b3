"""`cnndsl explain … --numbers`: what is asked for, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import cnndsl as package
from cnndsl.cli import main


def cnndsl(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["explain", *map(str, arguments)])
    return result.exit_code, result.output


def test_a_line_and_a_layer_of_a_net() -> None:
    assert cnndsl("relu", "--numbers")[1].startswith("relu on @7 → @7\n")
    status, printed = cnndsl("lenet5", "--at", "C3", "--gradient", "--steps", 1)
    assert status == 0
    assert printed.startswith("C3: conv 5x5 16 on 6@14x14 → 16@10x10\n")
    assert "… and 5 more filters" not in printed
    assert "… and 13 more filters" in printed
    assert "over all 6 channels" in printed


def test_an_input_of_a_layer_of_a_net(tmp_path: Path) -> None:
    values = np.random.default_rng(0).standard_normal((1, 6, 5, 7))
    np.save(tmp_path / "x.npy", values)
    printed = cnndsl("lenet5", "--at", "S2", "--numbers", "--input", tmp_path / "x.npy")[1]
    assert printed.startswith("S2: pool 2x2 s2 on 6@5x7 → 6@2x3\n")
    assert f"largest {values[0, 0, :2, :2].max():.4f}".replace("-", "−") in printed


def test_a_large_input_of_a_net_becomes_a_small_one() -> None:
    printed = cnndsl("alexnet_tv", "--at", "pool1", "--numbers")[1]
    assert "In the net its input is 64@55x55; a small one is made up here." in printed


@pytest.mark.parametrize("suffix", [".svg", ".html", ".txt"])
def test_files(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"steps{suffix}"
    assert cnndsl("pool 2x2", "--gradient", "-o", path) == (0, "")
    assert "dX: each dY goes to its maximum alone" in path.read_text("utf-8")


SPEC = """cnndsl 1
net Small(classes=30)
input image 3@40x40
first: conv 3x3 6 s2 p1
norm: bn
act: relu
second: conv 3x3 6 same
sum: add act
gap
logits: fc classes
"""


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a net as a spec, its weights, a model, and a picture."""
    monkeypatch.chdir(tmp_path)
    Path("net.cnn").write_text(SPEC)
    package.compile("net.cnn", "net.onnx", seed=3)
    pixels = np.random.default_rng(0).integers(0, 256, (40, 40, 3)).astype(np.uint8)
    Image.fromarray(pixels).save("noise.png")
    return tmp_path


@pytest.mark.parametrize(
    ("word", "layer", "row", "column", "channel"),
    [
        ("net.cnn", "first", 1, 1, 1),
        ("net.cnn", "norm", 20, 20, 6),
        ("net.cnn", "act", 3, 17, 2),
        ("net.cnn", "second", 7, 9, 3),
        ("net.cnn", "sum", 20, 2, 2),
        ("net.onnx", "conv2", 7, 9, 3),
    ],
)
def test_a_place_of_a_net_with_its_own_weights(
    net: Path, word: str, layer: str, row: int, column: int, channel: int
) -> None:
    """What is worked out is what the model gives there, of a spec with weights or of a model."""
    weights = [] if word == "net.onnx" else ["--weights", "net.onnx"]
    shown = ["--place", f"{row},{column}", "--channel", channel]
    arguments = [word, *weights, "--at", layer, "--numbers", "--picture", "noise.png", *shown]
    status, printed = cnndsl(*arguments)
    assert status == 0, printed
    assert f"Channel {channel} of 6 is shown, {channel - 1} for `cnndsl look`" in printed
    assert "noise.png" in printed
    found = float(re.split("\nOutput.*\n", printed)[1].split()[0].replace("−", "-"))
    made = package.cut("net.onnx", {"conv2": "second"}.get(layer, layer), "part.onnx")
    (values,) = package.run(made.path, "noise.png").outputs.values()
    assert found == pytest.approx(float(values[0, channel - 1, row - 1, column - 1]), abs=6e-5)


def test_a_run_has_weights_and_a_large_layer_one_channel(net: Path) -> None:
    status, printed = cnndsl("net.onnx", "--at", "logits", "--numbers", "--channel", 7)
    assert status == 0 and "unit 7:" in printed and "Weight and bias: those of net.onnx." in printed
    Path("large.cnn").write_text("cnndsl 1\nnet Large\ninput x 64@40x40\nfc 60\n")
    package.compile("large.cnn", "large.onnx")
    status, printed = cnndsl("large.cnn", "--weights", "large.onnx", "--at", "fc1", "--numbers")
    assert status == 0 and "Channel 1 of 60 is shown" in printed
    np.save("x.npy", np.ones((64, 40, 40)))
    given = ("large.cnn", "--at", "fc1", "--numbers", "--input", "x.npy")
    assert "6,144,000 weights" in cnndsl(*given)[1]
    np.save("x.npy", np.ones((64, 3, 3)))
    status, printed = cnndsl(*given, "--weights", "large.onnx")
    assert status == 1 and "aren't those that it has on 64@3x3: give an --input of" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["conv 3x3"], "`cnndsl explain 'conv 3x3' --numbers` works it through"),
        (["conv 3x3", "--input", "1"], "--input goes with --numbers or --gradient"),
        (["conv", "--parameter", "bias=1"], "--parameter goes with --numbers or --gradient"),
        (["--numbers"], "which layer? write its line"),
        (["lenet5", "--numbers"], "`lenet5` is a whole net: --at says which of its layers"),
        (["lenet5", "--at", "S3", "--numbers"], "there is no layer `S3`; "),
        (["lenet5", "--at", "S2", "--numbers", "--input", "1"], "`S2` takes 6"),
        (["relu", "--numbers", "-o", "x.png"], "numbers go to .txt, .svg, .html"),
        (["fc 2", "--numbers", "--parameter", "bias"], "isn't written `--parameter bias="),
        (["relu", "--numbers", "-o", "nowhere/x.svg"], "there is no folder `nowhere`"),
        (["relu", "--numbers", "--place", "0,1"], "isn't written as row and column: --place 12,7"),
        (
            ["conv 3x3", "--numbers", "--place", "3,9"],
            "--place 3,9 is none of the output's 2x2 places",
        ),
        (["conv 3x3", "--numbers", "--place", "1"], "--place 1 is none of the output's 2x2 places"),
        (["gap", "--numbers", "--place", "1,1"], "no place of `gap` on 1@3x3 is shown by itself"),
        (
            ["conv 3x3 4", "--numbers", "--channel", "5"],
            "no channel 5: the output has 4, from 1 on",
        ),
        (["softmax", "--numbers", "--channel", "1"], "`softmax` is shown with all of its channels"),
        (["relu", "--numbers", "--weights", "x"], "--weights is for a layer of a net, which --at"),
        (["relu", "--numbers", "--picture", "x"], "--picture is for a layer of a net, which --at"),
        (["lenet5", "--at", "C3", "--numbers", "--picture", "x.png"], "name some by --weights"),
        (["lenet5", "--at", "C1", "--numbers", "--picture", "x.png"], "no file or folder `x.png`"),
        (
            ["unet_same", "--at", "e1.conv1", "--numbers", "--picture", "x.png"],
            "of any size; give --in",
        ),
    ],
)
def test_what_is_refused(arguments: list[str], message: str) -> None:
    status, printed = cnndsl(*arguments)
    assert status == 1
    assert message in printed
