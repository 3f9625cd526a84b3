"""Looking inside nets: the numbers behind the pictures, and the pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from click.testing import CliRunner, Result
from PIL import Image

import cnndsl
from cnndsl.cli import main
from cnndsl.diagnostics import UsageError
from cnndsl.looking.heat import MOST_PICTURES
from cnndsl.looking.view import Tile, about_zero, coloured, overlaid, sheet, signed, spread
from cnndsl.preprocessing import Preprocessing
from cnndsl.surgery.attribution import Attribution, attributed
from tests.support.data import real_data

SPEC = """cnndsl 1
net Small(classes=3)
input image 3@16x16
first: conv 3x3 6 same relu
pool 2x2
second: conv 3x3 300 same relu
gap
logits: fc classes
"""

MEANS = """
<ir_version: 8, opset_import: ["" : 18]>
means (float[N, 3, H, W] x) => (float[N, 3] y)
{
    maps = Relu(x)
    gap = GlobalAveragePool(maps)
    y = Flatten(gap)
}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("small.cnn").write_text(SPEC)
    Path("labels.txt").write_text("ant, emmet\nbee\nfly\n")
    text = MEANS.replace("H, W", "16, 16")
    Path("means.onnx").write_bytes(onnx.parser.parse_model(text).SerializeToString())
    Path("open.onnx").write_bytes(onnx.parser.parse_model(MEANS).SerializeToString())
    (tmp_path / "photos").mkdir()
    random = np.random.default_rng(0)
    for name, box in (("a", (0, 0, 8, 8)), ("b", (8, 8, 12, 16)), ("c", (4, 0, 6, 2))):
        pixels = random.integers(0, 40, (16, 16, 3)).astype(np.uint8)
        image = Image.fromarray(pixels)
        image.paste((0, 250, 0), box)
        image.save(tmp_path / "photos" / f"{name}.png")
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["look", *arguments])


def size_of(path: str) -> tuple[int, int]:
    with Image.open(path) as image:
        assert image.mode == "RGB"
        return image.size


def test_a_heat_map_is_that_of_the_model(folder: Path) -> None:
    cnndsl.compile("small.cnn", "small.onnx", labels=["ant", "bee", "fly"])
    seen = cnndsl.look("small.onnx", ["photos"], of=["fly", 0])
    assert seen.values["cam"].shape == (3, 2, 16, 16)
    assert seen.lines[0] == "cam at `second.relu1`, Nx300x8x8"
    assert [line.split(":")[0] for line in seen.lines[1:3]] == ["photos/a.png"] * 2
    assert "fly" in seen.lines[1] and "ant" in seen.lines[2]
    made = attributed(Path("small.onnx"), Attribution("cam", of=2))
    Path("heat.onnx").write_bytes(made.SerializeToString())
    whole = cnndsl.run("heat.onnx", ["photos"], threads=1)
    np.testing.assert_allclose(seen.values["cam"][:, 0], whole["cam"][:, 0], atol=1e-5)
    rows = np.exp(whole["logits"]) / np.exp(whole["logits"]).sum(1, keepdims=True)
    assert seen.lines[1].endswith(f"fly {100 * rows[0, 2]:.1f} %")
    same = cnndsl.look("small.cnn", "photos", of=2)
    np.testing.assert_allclose(same.values["cam"], seen.values["cam"][:, :1], atol=1e-6)


def test_a_patch_takes_away_what_it_hides(folder: Path) -> None:
    """The classes are means of channels: only what hides green makes green less."""
    seen = cnndsl.look("means.onnx", "photos/a.png", "occlusion", patch=4)
    (heat,) = seen.values["occlusion"][0]
    assert seen.lines[0] == "occlusion by grey patches of 4x4, 49 places"
    assert "class 1" in seen.lines[1]
    pixels = np.asarray(Image.open("photos/a.png"), np.float64) / 255

    def probability(values: Any) -> float:
        powers = np.exp(values.mean((0, 1)))
        return powers[1] / powers.sum()

    drops = np.zeros((16, 16)), np.zeros((16, 16))
    for top in range(0, 13, 2):
        for left in range(0, 13, 2):
            hidden = pixels.copy()
            hidden[top : top + 4, left : left + 4] = 0.5
            drops[0][top : top + 4, left : left + 4] += probability(pixels) - probability(hidden)
            drops[1][top : top + 4, left : left + 4] += 1
    np.testing.assert_allclose(heat, drops[0] / drops[1], atol=1e-5)
    assert heat[:8, :8].min() > heat[8:, 8:].max()


def test_maps_and_how_many_are_shown(folder: Path) -> None:
    cnndsl.compile("small.cnn", "small.onnx")
    seen = cnndsl.look("small.onnx", "photos/b.png", "maps", at="second")
    part = cnndsl.cut("small.onnx", "second", "part.onnx")
    expected = cnndsl.run(part.path, "photos/b.png", threads=1)["second.relu1"][0]
    np.testing.assert_allclose(seen.values["maps"], expected, atol=1e-6)
    assert seen.lines[1] == "150 of 300 channels are shown, one of 2"
    chosen = cnndsl.look("small.cnn", "photos/b.png", "maps", at="second", channels=[299, 3])
    assert len(chosen.lines) == 1
    assert chosen.pixels.shape == (4 + 17 + 160 + 4, 4 + 2 * (160 + 4), 3)  # few are larger


def test_maps_are_what_run_draws(folder: Path) -> None:
    """Of an output of many maps `run -o` makes the same tiles; what is no maps is no picture."""
    cnndsl.compile("small.cnn", "small.onnx")
    cnndsl.cut("small.onnx", "second", "part.onnx")
    command = ["run", "part.onnx", "photos/b.png", "-o"]
    result = CliRunner().invoke(main, [*command, "maps.png"])
    assert result.exit_code == 0 and result.stderr.endswith(
        "maps.png: second.relu1 1x300x8x8\n"
        "a tile for each channel, each from its least to its largest value; "
        "150 of 300 channels are shown, one of 2\n"
    )
    seen = cnndsl.look("small.onnx", "photos/b.png", "maps", at="second")
    np.testing.assert_array_equal(np.asarray(Image.open("maps.png")), seen.pixels)
    cnndsl.cut("small.onnx", "logits", "part.onnx")
    result = CliRunner().invoke(main, [*command, "none.png"])
    assert result.exit_code == 1 and "is 1x3, and maps alone make a picture" in result.stderr
    assert not Path("none.png").exists()


def test_kernels(folder: Path) -> None:
    how = Preprocessing(order="BGR")
    cnndsl.compile("small.cnn", "small.onnx", preprocessing=how)
    seen = cnndsl.look("small.onnx", show="kernels")
    stored = {
        t.name: onnx.numpy_helper.to_array(t) for t in onnx.load("small.onnx").graph.initializer
    }
    weights = stored["first.weight"]
    np.testing.assert_array_equal(seen.values["kernels"], weights)
    assert seen.lines == (
        "kernels of `first`, 6x3x3x3, 0 in the middle of each filter's scale",
        "in colour: red, green, blue are channels 2, 1, 0",
    )
    tile = seen.pixels[18:, 4:][: 3 * 53 : 53, : 3 * 53 : 53]  # caption and gap, then pixels of 53
    expected = np.rint(127.5 * (1 + about_zero(weights[0][::-1]).transpose(1, 2, 0)))
    np.testing.assert_array_equal(tile, expected)
    later = cnndsl.look("small.onnx", show="kernels", at="second")
    assert later.lines[1:] == (
        "blue is below 0, white is 0, red is above",
        "each strip is a filter, its tiles are the channels that it takes",
        "60 of 300 filters are shown, one of 5",
    )
    wide, number = (
        6 * 30 + 5 * 3,
        13 * len("295"),
    )  # a strip with its lines, and what stands before it
    for filter_, column in ((0, 0), (5, 1), (15, 3)):
        left = 4 + column * (number + wide + 4) + number
        last = later.pixels[4 : 4 + 30 : 10, left + wide - 30 : left + wide : 10]
        shown = signed(about_zero(stored["second.weight"][filter_])[5])
        np.testing.assert_array_equal(last, shown)


def test_the_pictures_that_excite_a_channel(folder: Path) -> None:
    seen = cnndsl.look("means.onnx", ["photos"], "best", at="maps", channels=[0])
    greatest = [float(np.asarray(Image.open(f"photos/{n}.png"))[..., 0].max()) for n in "abc"]
    np.testing.assert_allclose(seen.values["largest"], np.array(greatest) / 255, rtol=1e-6)
    order = [line.rsplit("/", 1)[1] for line in seen.lines[1:]]
    assert order == [f"{'abc'[n]}.png" for n in sorted(range(3), key=lambda n: -greatest[n])]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["photos"], "cam at `second.relu1`"),
        (["photos", "--at", "first", "--class", "1", "--class", "2"], "cam at `first.relu1`"),
        (["photos/a.png", "--show", "saliency", "--labels", "labels.txt"], "saliency at `image`"),
        (["photos/a.png", "--show", "guided", "--class", "emmet", "--labels", "labels.txt"],
         "ant, emmet "),
        (["photos/a.png", "--show", "occlusion", "--patch", "8"], "patches of 8x8, 9 places"),
        (["photos/a.png", "--show", "maps", "--at", "first", "--channel", "5"], "6x16x16"),
        (["--show", "kernels", "--at", "second"], "300x6x3x3"),
        (["photos", "--show", "best", "--at", "first", "--channel", "5"], "what excites channel 5"),
    ],
)  # fmt: skip
def test_the_command(folder: Path, arguments: Sequence[str], words: str) -> None:
    result = run("small.cnn", *arguments, "-o", "out.png")
    assert result.exit_code == 0, result.output
    assert words in result.stdout
    assert result.stderr.startswith("small.cnn has random weights (seed 0)\n")
    width, height = size_of("out.png")
    assert result.stdout.endswith(f"out.png: {width}x{height} pixels\n")
    assert run("small.cnn", *arguments, "-q").output == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["small.cnn"], "name a picture to look at"),
        (["small.cnn", "photos", "-o", "a.jpg"], "goes to a .png, and `a.jpg` is none"),
        (["small.cnn", "photos", "-o", "no/a.png"], "there is no folder `no`"),
        (["small.cnn", "photos", "--at", "secnd"], "no value `secnd`; did you mean `second`?"),
        (["small.cnn", "photos", "--at", "logits"], "`logits` is no maps, it is Nx3"),
        (["small.cnn", "photos", "--class", "7"], "no class 7: `Small` has 3, from 0 to 2"),
        (["small.cnn", "photos", "--class", "wasp"], "`Small` doesn't name its classes"),
        (["small.cnn", "photos", "--show", "saliency", "--at", "first"], "--at has no meaning"),
        (["small.cnn", "photos", "--show", "maps"], "`maps` is of a layer: name it by --at"),
        (["small.cnn", "photos", "--show", "maps", "--at", "first"], "one picture at a time"),
        (["small.cnn", "photos", "--show", "best", "--at", "first"], "name it by --channel"),
        (["small.cnn", "photos/a.png", "--show", "maps", "--at", "first", "--channel", "6"],
         "there is no channel 6: the layer has 6"),
        (["small.cnn", "--show", "kernels", "--at", "logits"], "no convolution, so it has no"),
        (["small.cnn", "photos", "--show", "occlusion", "--patch", "17"], "larger than the"),
        (["open.onnx", "photos"], "takes pictures of any size: choose one by --size"),
        (["small.cnn", "labels.txt"], "`labels.txt` is no picture"),
        (["means.onnx", "photos", "--weights", "w.npz"], "has weights of its own"),
        (["small.cnn", "photos", "--show", "cams"], "did you mean `cam`?"),
    ],
)  # fmt: skip
def test_what_can_not_be_seen(folder: Path, arguments: Sequence[str], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code != 0 and message in result.output, result.output
    assert not list(folder.glob("*.png"))


@pytest.mark.parametrize("model", ["small.cnn", "means.onnx"])
def test_a_device_that_is_missing_is_said(folder: Path, model: str) -> None:
    """In the words of `run`; nothing falls back to the CPU."""
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has CUDA")
    given = (model, "photos/a.png", "--device", "cuda")
    result, other = run(*given), CliRunner().invoke(main, ["run", *given])
    assert result.exit_code == 1 and "this ONNX Runtime has no CUDA" in result.stderr
    assert result.stderr.splitlines()[-1] == other.stderr.splitlines()[-1]
    with pytest.raises(UsageError, match="has no CUDA"):
        cnndsl.look(model, "photos/a.png", device="cuda")


def test_a_damaged_picture_is_named(folder: Path) -> None:
    Path("photos/b.png").write_bytes(b"\x89PNG no more")
    for show in (["cam"], ["occlusion"], ["best", "--at", "first", "--channel", "1"]):
        result = run("small.cnn", "photos", "--show", *show, "-o", "out.png")
        assert result.exit_code == 1
        assert "left out: `photos/b.png` is no picture in a known format" in result.stderr
        assert result.stderr.endswith("1 of the pictures can't be read\n")
        assert size_of("out.png")[1] > 100 and "photos/c.png" in result.stdout


def test_a_size_is_chosen(folder: Path) -> None:
    assert run("open.onnx", "photos/a.png", "--size", "24x32", "-o", "a.png").exit_code == 0
    with pytest.raises(UsageError, match="49,729 places; take a larger one by --patch"):
        cnndsl.look("open.onnx", "photos/a.png", "occlusion", patch=2, size=(224, 224))


def test_bounded_numbers_of_pictures(folder: Path) -> None:
    with pytest.raises(UsageError, match=f"too many to show: at most {MOST_PICTURES}"):
        cnndsl.look("means.onnx", ["photos/a.png"] * (MOST_PICTURES + 1))
    with pytest.raises(UsageError, match="which is too large: take fewer or smaller ones"):
        sheet([Tile(np.zeros((100, 100, 3), np.uint8))] * 5000, 5)


def test_a_net_of_another_kind(folder: Path) -> None:
    """Two inputs, and no classes."""
    Path("two.cnn").write_text(
        "cnndsl 1\nnet Two\ninput a 3@8x8\ninput b 3@8x8\nadd a b\ngap\nfc 2\n"
    )
    assert "has 2 inputs" in run("two.cnn", "photos").output
    Path("map.cnn").write_text("cnndsl 1\nnet Map\ninput a 3@8x8\nconv 1x1 3\n")
    assert "has no classes: none of its outputs" in run("map.cnn", "photos").output


def test_a_net_without_colours_and_with_a_fixed_batch(folder: Path) -> None:
    Path("grey.cnn").write_text(SPEC.replace("3@16x16", "1@8x8"))
    cnndsl.compile("grey.cnn", "grey.onnx", batch=4)
    for show in ("cam", "saliency", "occlusion"):
        seen = cnndsl.look("grey.onnx", ["photos"], show)
        (values,) = seen.values.values()
        assert values.shape == (3, 1, 8, 8) and np.isfinite(values).all()


def test_colours_are_as_bright_as_numbers_are_large() -> None:
    pixels = coloured(np.linspace(0, 1, 256)[None])[0].astype(float)
    brightness = pixels @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(brightness) > -0.5).all() and brightness[-1] - brightness[0] > 230
    assert pixels[0].tolist() == [0, 0, 4] and pixels[-1].tolist() == [252, 255, 164]
    photo = np.full((2, 2, 3), 100, np.uint8)
    assert (overlaid(photo, np.zeros((2, 2))) == photo).all()
    colours = signed(np.array([[-1.0, 0.0, 1.0]]))[0].astype(int)
    assert colours[1].min() > 240  # 0 is near white, what is below is blue, what is above red
    assert colours[0, 2] > colours[0, 0] + 100 and colours[2, 0] > colours[2, 2] + 100
    assert (spread(np.array([2.0, 3.0, 4.0])) == [0, 0.5, 1]).all()
    assert (spread(np.ones(3)) == 0).all()


@pytest.mark.data
@pytest.mark.parametrize(
    ("photo", "of", "box"),
    [
        ("n03095699_container_ship", 511, (80, 0, 190, 224)),
        ("n02391049_zebra", 341, (0, 0, 224, 200)),
        ("n01860187_black_swan", 101, (0, 40, 200, 224)),
    ],
)
def test_a_real_net_looks_at_the_thing(photo: str, of: int, box: tuple[int, int, int, int]) -> None:
    path = real_data("weights", "mobilenet_v2_1.0_224.onnx")
    picture = real_data("photos", "imagenet", f"{photo}.JPEG")
    how = Preprocessing(scale=127.5, mean=(1,))
    heat = cnndsl.look(path, picture, of=of, preprocessing=how).values["cam"][0, 0]
    top, left, bottom, right = box
    inside = np.zeros(heat.shape, bool)
    inside[top:bottom, left:right] = True
    assert heat[inside].mean() > 1.3 * heat[~inside].mean()
    assert inside[np.unravel_index(heat.argmax(), heat.shape)]
