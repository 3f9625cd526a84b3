import json
from pathlib import Path
from typing import Any

import click
import numpy as np
import onnx
import onnx.numpy_helper
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from cnndsl.cli import main
from cnndsl.preprocessing import Preprocessing
from tests.support.data import real_data
from tests.support.small_models import channel_means, difference, identity, saved


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with models and pictures."""
    monkeypatch.chdir(tmp_path)
    saved(tmp_path, channel_means(), "means.onnx")
    saved(tmp_path, difference(), "gap.onnx")
    saved(tmp_path, identity(("N", 1, "H", "W")), "same.onnx")
    saved(tmp_path, identity((2, 3, 8, 8)), "pairs.onnx")
    (tmp_path / "photos").mkdir()
    for name, colour in (("a", (255, 0, 0)), ("b", (0, 255, 0)), ("c", (0, 0, 255))):
        Image.new("RGB", (8, 8), colour).save(tmp_path / "photos" / f"{name}.png")
    (tmp_path / "photos" / "notes.txt").write_text("no picture")
    Image.new("L", (9, 7), 100).save(tmp_path / "grey.png")
    (tmp_path / "labels.txt").write_text("red\ngreen\nblue\n")
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["run", *arguments, "--threads", "1"])


def lines(*arguments: str) -> list[str]:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def test_arrays_themselves(folder: Path) -> None:
    np.save(folder / "x.npy", np.array([[[[1, -2.5], [3, 4]]], [[[0, 0], [1 / 3, 1e-9]]]], "f4"))
    assert lines("same.onnx", "x.npy", "--format", "array") == [
        "x.npy[0]: y 1x2x2",
        "[[[ 1.  -2.5]",
        "  [ 3.   4. ]]]",
        "x.npy[1]: y 1x2x2",
        "[[[0.     0.    ]",
        "  [0.3333 0.    ]]]",
    ]
    np.save(folder / "large.npy", np.zeros((1, 1, 200, 300), "f4"))
    printed = lines("same.onnx", "large.npy", "--format", "array")
    assert len(printed) < 20
    assert any("..." in line for line in printed)


def test_best_classes(folder: Path) -> None:
    shared = ("photos/b.png", "--labels", "labels.txt", "--top", "2")
    assert lines("means.onnx", *shared, "--scale", "127.5") == [
        "photos/b.png: logits, softmax",
        "    78.70 %  green (1)",
        "    10.65 %  red (0)",
    ]
    result = run("means.onnx", *shared)
    assert result.stdout.startswith("photos/b.png: logits\n   100.00 %  green (1)\n")
    assert result.stderr == (
        "`means.onnx` doesn't say how it wants pictures; taken: shorter side 9, the middle 8x8, "
        "RGB / 255 (see --scale, --mean, --std, --bgr, --resize)\n"
    )


def test_a_net_of_imagenets_classes_gets_what_is_usual_for_them(folder: Path) -> None:
    text = "cnndsl 1\nnet Wide(classes=1000)\ninput x 3@8x8\ngap\nlogits: fc classes\n"
    (folder / "wide.cnn").write_text(text)
    invoke = CliRunner().invoke
    assert not invoke(main, ["compile", "wide.cnn", "-o", "wide.onnx"]).exit_code
    weights = read_tensors_of(folder / "wide.onnx")
    Image.new("RGB", (8, 8), (200, 100, 50)).save("c.png")
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    means = np.array([200, 100, 50]) / 255
    for options, features in (
        ((), (means - mean) / std),
        (("--resize", "8"), (means - mean) / std),  # says nothing about numbers
        (("--scale", "1"), means * 255),
        (("--mean", "0.5"), means - 0.5),
        (("--bgr",), means[::-1]),
    ):
        result = run("wide.onnx", "c.png", "-o", "out.npz", *options)
        wanted = weights["logits.weight"] @ features + weights["logits.bias"]
        found = np.load("out.npz")["logits"][0]
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-3)
        said = (
            "(RGB / 255 − (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225), as usual for ImageNet's"
        )
        assert (said in result.stderr) == (options in ((), ("--resize", "8")))
    for command in (
        ("predict", "wide.onnx", "c.png"),
        ("features", "wide.onnx", "--data", "classes", "-o", "f.npz"),
    ):
        for name in "ab":
            (folder / "classes" / name).mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8), (200, 100, 50)).save(folder / "classes" / name / "1.png")
        result = invoke(main, command)
        assert result.exit_code == 0, result.output
        assert "as usual for ImageNet's classes" in result.stderr
    found = np.load("f.npz")["features"][0]
    np.testing.assert_allclose(found, (means - mean) / std, rtol=1e-4, atol=1e-3)


def read_tensors_of(path: Path) -> dict[str, Any]:
    """The weights of a model by their names."""
    return {
        tensor.name: onnx.numpy_helper.to_array(tensor)
        for tensor in onnx.load(path).graph.initializer
    }


def test_a_folder(folder: Path) -> None:
    shared = ("--top", "1", "--no-softmax", "--labels", "labels.txt")
    assert lines("means.onnx", "photos", *shared, "--scale", "5")[1::2] == [
        "         51  red (0)",
        "         51  green (1)",
        "         51  blue (2)",
    ]
    result = run("means.onnx", "photos", "--top", "1")
    assert "no pictures, left out: 1 .txt" in result.stderr
    assert run("means.onnx", "photos", "-q").stderr == ""


def test_options_prepare_pictures(folder: Path) -> None:
    shared = ("--scale", "1", "--mean", "5,0,0", "--std", "1,1,2", "--bgr", "--top", "0")
    assert lines("means.onnx", "photos/c.png", *shared) == ["photos/c.png: logits 250 0 0"]
    how = ("--resize", "16", "--crop", "centre", "--interpolation", "nearest", "--rgb")
    assert lines("means.onnx", "photos/c.png", *how, "--top", "0") == ["photos/c.png: logits 0 0 1"]


def test_options_go_over_the_models_metadata(folder: Path) -> None:
    how = Preprocessing(scale=10, order="BGR")
    saved(folder, channel_means(**{"cnndsl.preprocessing": how.to_json()}), "own.onnx")
    result = run("own.onnx", "photos/a.png", "--top", "0")
    assert result.stdout == "photos/a.png: logits 0 0 25.5\n" and result.stderr == ""
    assert lines("own.onnx", "photos/a.png", "--scale", "1", "--top", "0") == [
        "photos/a.png: logits 0 0 255"
    ]


def test_labels_in_the_model(folder: Path) -> None:
    saved(folder, channel_means(**{"cnndsl.labels": '["r", "g", "b"]'}), "own.onnx")
    assert lines("own.onnx", "photos/a.png", "--top", "1")[1].split()[-2:] == ["r", "(0)"]


def test_json(folder: Path) -> None:
    result = run("means.onnx", "photos", "--format", "json", "--top", "1")
    whole = json.loads(result.stdout)
    assert whole["model"] == "means.onnx" and not whole["random_weights"]
    assert whole["preprocessing"] == json.loads(Preprocessing().to_json())
    assert [e["top"][0]["class"] for e in whole["results"]] == [0, 1, 2]


def test_outputs_in_files(folder: Path) -> None:
    result = run("means.onnx", "photos", "-o", "y.npz", "--batch", "2")
    assert result.stdout == "" and "y.npz: logits 3x3" in result.stderr
    with np.load("y.npz") as arrays:
        np.testing.assert_array_equal(arrays["logits"], np.eye(3))
    assert lines("means.onnx", "photos/a.png", "-o", "y.npy", "--format", "text", "--top", "1")
    np.testing.assert_array_equal(np.load("y.npy"), [[1, 0, 0]])


def test_one_output_of_several(folder: Path) -> None:
    pairs = ("gap.onnx", "left=photos/a.png", "right=photos/b.png")
    assert lines(*pairs) == [
        "input: gap 3x8x8, -1 to 1, mean 0",
        "input: sum 3x8x8, 0 to 1, mean 0.6667",
    ]
    assert lines(*pairs, "--only", "sum") == ["input: sum 3x8x8, 0 to 1, mean 0.6667"]
    np.savez("both.npz", left=np.ones((1, 3, 8, 8)), right=np.ones((1, 3, 8, 8)))
    assert lines("gap.onnx", "both.npz", "--only", "gap") == ["both.npz: gap 3x8x8, 0 to 0, mean 0"]


def test_a_picture_of_the_output(folder: Path) -> None:
    result = run("same.onnx", "grey.png", "-o", "out.png")
    assert result.exit_code == 0 and "values from 0 to 1 are written as 0 to 255" in result.stderr
    with Image.open("out.png") as image:
        assert image.size == (9, 7) and image.getpixel((0, 0)) == 100
    assert lines("same.onnx", "grey.png", "--size", "4x6") == [
        "grey.png: y 1x4x6, 0.3922 to 0.3922, mean 0.3922"
    ]


def test_a_fixed_batch(folder: Path) -> None:
    assert len(lines("pairs.onnx", "photos")) == 3


def test_a_spec_has_random_weights(folder: Path) -> None:
    result = run("lenet5", "grey.png", "--set", "classes=4", "--top", "9")
    assert result.exit_code == 0 and len(result.stdout.splitlines()) == 5
    assert result.stderr == (
        "`LeNet5` has random weights (seed 0), so its answers mean nothing yet\n"
    )
    again = run("lenet5", "grey.png", "--set", "classes=4", "--top", "9")
    other = run("lenet5", "grey.png", "--set", "classes=4", "--top", "9", "--seed", "1")
    assert again.stdout == result.stdout != other.stdout
    assert lines("lenet5", "grey.png", "--input", "1@60x60", "--top", "1")


def test_mistakes_in_a_spec_are_shown_as_always(folder: Path) -> None:
    (folder / "net.cnn").write_text("cnndsl 1\nnet N\ninput x 3@8x8\nconv 3x3 4 rellu\n")
    result = run("net.cnn", "photos/a.png")
    assert result.exit_code == 1 and "did you mean `relu`" in result.stderr


def test_a_progress_bar_is_for_terminals(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[dict[str, Any]] = []
    make = click.progressbar

    def progressbar(**options: Any) -> Any:
        shown.append(options)
        return make(**options)

    monkeypatch.setattr(click, "progressbar", progressbar)
    run("means.onnx", "photos", "--batch", "2", "-o", "y.npy")
    run("means.onnx", "photos", "--batch", "3", "-o", "y.npy")
    assert [(s["length"], s["hidden"]) for s in shown] == [(3, True)]


MISTAKES = [
    (("missing.onnx", "grey.png"), "there is no file `missing.onnx`"),
    (("resnet", "grey.png"), "there is no file `resnet`, and the zoo has no net called 'resnet'"),
    (("photos", "grey.png"), "`photos` is a folder; a model is an .onnx file, a spec or a zoo"),
    (("grey.png", "grey.png"), "`grey.png` is no ONNX model, or a damaged one"),
    (("means.onnx", "missing.png"), "there is no file or folder `missing.png`"),
    (("means.onnx", "labels.txt"), "`labels.txt` is no picture in a known format"),
    (("means.onnx", "bad.npy"), "`bad.npy` is 1x2x8x8, and input `image` takes Nx3x8x8"),
    (("gap.onnx", "grey.png"), "`gap.onnx` has 2 inputs (`left`, `right`): give each by its name"),
    (("gap.onnx", "left=grey.png"), "the input lacks `right`, which `gap.onnx` takes"),
    (("gap.onnx", "left=grey.png", "left=grey.png"), "an input of the model is given twice"),
    (("means.onnx", "grey.png", "--mean", "1,2"), "mean or std have 2 numbers, but input `image`"),
    (("means.onnx", "grey.png", "--mean", "a"), "`--mean a` is no list of numbers such as"),
    (("means.onnx", "grey.png", "--std", "0"), "`std` is what channels are divided by, so it"),
    (("means.onnx", "grey.png", "--std", "1,,"), "`--std 1,,` is no list of numbers such as"),
    (("means.onnx", "grey.png", "--resize", "2"), "pictures resized to 2 are smaller than the 8x8"),
    (("means.onnx", "grey.png", "--size", "9x9"), "input `image` takes pictures of 8x8, not 9x9"),
    (("same.onnx", "grey.png", "--size", "9"), "`--size 9` isn't written as height and width"),
    (("same.onnx", "grey.png", "--size", "0x9"), "`--size 0x9` isn't written as height and"),
    (("means.onnx", "grey.png", "--labels", "two.txt"), "there are 2 labels, but 3 classes"),
    (("means.onnx", "grey.png", "--labels", "no.txt"), "`no.txt` can't be read: No such file"),
    (("means.onnx", "grey.png", "--only", "loggits"), "has no output `loggits`; did you mean"),
    (("means.onnx", "grey.png", "-o", "y.csv"), "outputs go to .npz, .npy, .png, and `y.csv` is"),
    (("means.onnx", "grey.png", "-o", "no/y.npy"), "there is no folder `no` to write `y.npy` into"),
    (("means.onnx", "grey.png", "-o", "y.png"), "maps alone make a picture"),
    (("same.onnx", "photos", "-o", "y.png"), "a .png holds one picture, and there are 3 inputs"),
    (("pairs.onnx", "photos", "--batch", "3"), "`pairs.onnx` is fixed to batches of 2, not 3"),
    (("means.onnx", "grey.png", "--device", "cuda"), "this ONNX Runtime has no CUDA"),
    (("means.onnx", "grey.png", "--set", "a=1"), "`means.onnx` is no spec, so --set and --input"),
    (("lenet5", "grey.png", "--set", "a"), "`--set a` isn't written `--set name=value`"),
    (("c3d", "grey.png"), "input `clip` takes Nx3x16x112x112, which is no picture; give an array"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "message"), MISTAKES, ids=[m for _, m in MISTAKES])
def test_a_mistake_is_one_sentence(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    np.save("bad.npy", np.ones((1, 2, 8, 8), np.float32))
    Path("two.txt").write_text("a\nb\n")
    if "cuda" in arguments:
        import onnxruntime

        if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
            pytest.skip("this ONNX Runtime has CUDA")
    before = set(folder.rglob("*"))
    result = run(*arguments)
    assert result.exit_code == 1 and result.stdout == ""
    error = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(error) == 1 and message in error[0]
    assert "Traceback" not in result.output and set(folder.rglob("*")) == before


@pytest.mark.data
def test_a_real_net_sees_a_cat() -> None:
    labels = str(real_data("photos", "imagenet_class_index.json"))
    cat = str(real_data("photos", "cat.jpg"))
    squeezenet = str(real_data("weights", "squeezenet1_1_fp16.onnx"))
    caffe = ("--scale", "1", "--mean", "104,117,123", "--bgr", "--labels", labels)
    first, *ranked = lines(squeezenet, cat, *caffe)
    assert first == f"{cat}: softmaxout_1"
    assert {line.split()[2] for line in ranked[:3]} == {"tabby", "tiger_cat", "Egyptian_cat"}

    mobilenet = str(real_data("weights", "mobilenet_v2_1.0_224.onnx"))
    tensorflow = ("--scale", "127.5", "--mean", "1", "--labels", labels)
    result = run(mobilenet, cat, *tensorflow)
    assert "1000 labels, but 1001 classes; if class 0 is the background" in result.stderr
    assert "tabby (282)" in lines(mobilenet, cat, *tensorflow, "--labels-from", "1")[1]
