"""`cnndsl transfer` from the command line to the files."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

from cnndsl import parse
from cnndsl.data.randomness import key, order
from cnndsl.preprocessing import Preprocessing
from cnndsl.runtime import run
from cnndsl.weights.save import read_tensors, write_tensors
from tests.support.command_line import cnndsl
from tests.support.data import real_data
from tests.support.toy_data import write_toy

BASE = ("tiny.cnn", "--weights", "base.safetensors", "--data", "quarters.npz", "--threads", "1")
PICTURES = ("--mean", "0.2", "--std", "0.15")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own with data, a spec, and weights for it that know something."""
    write_toy(tmp_path)
    monkeypatch.chdir(tmp_path)
    cnndsl(
        *("train", "tiny.cnn", "--data", "quarters.npz", "--epochs", "3", "-q"),
        *("--runs", "before", "--threads", "1", *PICTURES),
    )
    (tmp_path / "before/tiny-001/best.safetensors").rename(tmp_path / "base.safetensors")
    return tmp_path


def transfer(*arguments: str, code: int = 0, model: tuple[str, ...] = BASE) -> Result:
    return cnndsl("transfer", *model, *PICTURES, *arguments, code=code)


def results(run: str) -> dict[str, Any]:
    return json.loads(Path(f"runs/{run}/results.json").read_text())


def changed(run: str) -> set[str]:
    """The layers whose values aren't those of the start."""
    start, end = (
        read_tensors(Path(path))[0] for path in ("base.safetensors", f"runs/{run}/last.safetensors")
    )
    return {
        name.split(".")[0]
        for name, values in end.items()
        if name not in start or not np.array_equal(values, start[name])
    }


@pytest.mark.parametrize(
    ("pool", "how", "numbers"),
    [
        ("none", "all values", 512),
        ("mean", "the mean of each", 8),
        ("max", "the greatest of each", 8),
    ],
)
def test_maps_of_an_earlier_layer_become_a_vector(pool: str, how: str, numbers: int) -> None:
    shapes = dict(zip(("none", "mean", "max"), ("flatten1", "gap1", "gmp1"), strict=True))
    words = ("--strategy", "features", "--at", "relu1", "--pool", pool)
    lines = transfer(*words).output
    assert f"features are {how} of `relu1`, " in lines
    net = parse("runs/tiny-001/network.cnn")
    assert net.by_name[shapes[pool]].output.elements == numbers
    assert f": {numbers} numbers a picture (--pool)" in lines


def test_pool_belongs_to_an_earlier_layer() -> None:
    assert "--pool is for the maps" in transfer("--pool", "none", code=1).stderr


def test_a_run_is_called_by_its_spec_s_names() -> None:
    model = ("before/tiny-001", "--data", "quarters.npz", "--threads", "1")
    transfer("--strategy", "features", "--at", "relu1", model=model)
    cnndsl("cut", "before/tiny-001", "--at", "relu1", "-q", "-o", "a.onnx")
    cnndsl("cut", "before/tiny-001", "--from", "relu1", "-q", "-o", "b.onnx")
    x = np.random.default_rng(0).random((2, 1, 8, 8), np.float32)
    (whole,) = run("before/tiny-001/best.onnx", x).outputs.values()
    (code,) = run("a.onnx", x).outputs.values()
    (again,) = run("b.onnx", code).outputs.values()
    np.testing.assert_allclose(again, whole, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "how",
    [("linear",), ("mlp",), ("logistic",), ("linear", "--at", "relu1")],
    ids=["linear", "mlp", "logistic", "earlier"],
)
def test_a_head_on_features_makes_a_whole_net(how: tuple[str, ...]) -> None:
    output = transfer("--strategy", "features", "--head", *how).output
    assert "features of 240 pictures, made in" in output
    verdict = json.loads(cnndsl("eval", "runs/tiny-001", "--format", "json").output)
    best = results("tiny-001")["best"]
    assert verdict["top1"] == best["val_top1"]
    assert verdict["loss"] == pytest.approx(best["val_loss"], rel=1e-3)
    assert changed("tiny-001") <= {"logits", "hidden"}
    run = Path("runs/tiny-001")
    for name in ("report.html", "plots/confusion.svg", "plots/sample.png", "metrics.csv"):
        assert (run / name).stat().st_size, name
    assert (run / "labels.txt").read_text().splitlines()[0] == "top left"
    if "--at" not in how:
        assert verdict["top1"] > 0.9


def test_the_report_shows_pictures_in_the_order_drawn_and_counts_the_features_time(
    place: Path,
) -> None:
    for split, count in (("train", 20), ("val", 4)):
        for name, grey in (("bright", 200), ("dark", 20)):
            folder = place / "photos" / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                Image.new("L", (8, 8), grey + number).save(folder / f"{number:02}.png")
    model = ("tiny.cnn", "--weights", "base.safetensors", "--threads", "1", "--data", "photos")
    transfer("--strategy", "features", "--epochs", "2", "-q", model=model)
    run = Path("runs/tiny-001")
    page = (run / "report.html").read_text()
    shown = page.partition("What the net was shown")[2].partition("</section>")[0]
    captions = re.findall("<figcaption>(.*?)</figcaption>", shown)
    drawn = order(key(0, 0, "order"), 40)[:32]  # folders are read in alphabetical order
    assert captions == ["bright" if number < 20 else "dark" for number in drawn]
    assert len(set(captions[:16])) == 2
    assert "for the features of all pictures" in page and "images/s" not in page
    assert "in 2 tensors; 88 others stay as they are" in page
    assert "Tiny(classes=2) on photos" in page
    assert results("tiny-001")["features_seconds"] >= 0


def test_features_are_made_once_for_all_tries() -> None:
    transfer("--strategy", "features", "--epochs", "2", "-q")
    for more in (("--head", "mlp"), ("--seed", "3"), ("--strategy", "last")):
        options = more if "--strategy" in more else ("--strategy", "features", *more)
        output = transfer(*options, "--epochs", "2").output
        # another seed makes another validation split of these data
        assert ("features are those of runs/" in output) == ("--seed" not in more)
    assert "features of 240" in transfer("--epochs", "2", "--at", "relu1").output


def test_features_of_pictures_that_were_swapped_are_made_again(place: Path) -> None:
    """Their names, sizes and times are as before; only the bytes tell."""
    model = (*BASE[:3], "--threads", "1", "--data", "photos", "--strategy", "features")
    files: list[Path] = []
    for name, grey in (("a", 99), ("b", 100)):
        folder = place / "photos/train" / name
        folder.mkdir(parents=True)
        for number in range(4):
            files.append(folder / f"{number}.bmp")
            Image.new("L", (8, 8), grey + 9 * number).save(files[-1])
            os.utime(files[-1], (1, 1))
    more = ("--epochs", "1", "--head", "mlp")
    transfer("--epochs", "1", model=model)
    assert "features are those of runs/" in transfer(*more, model=model).output
    first, last = files[0].read_bytes(), files[-1].read_bytes()
    assert len(first) == len(last)
    for path, content in ((files[0], last), (files[-1], first)):
        path.write_bytes(content)
        os.utime(path, (1, 1))
    output = transfer(*more, model=model).output
    assert "features of 8 pictures, made in" in output


@pytest.mark.parametrize("damaged", ["[" * 99_999, "7", "\0", "{}"], ids=["deep", "7", "0", "{}"])
def test_an_earlier_runs_damaged_features_are_made_again(damaged: str) -> None:
    transfer("--strategy", "features", "--epochs", "1", "-q")
    Path("runs/tiny-001/features.json").write_text(damaged)
    output = transfer("--strategy", "features", "--epochs", "1").output
    assert "features of 240 pictures, made in" in output
    Path("runs/tiny-002/features.npz").write_bytes(b"PK no zip")
    output = transfer("--strategy", "features", "--epochs", "1").output
    assert "features.npz` is no npz" in output and "features of 240 pictures, made in" in output


def test_a_run_on_features_goes_on_to_the_same_bits() -> None:
    constant = ("--strategy", "features", "--schedule", "constant", "-q")
    transfer(*constant, "--epochs", "4", "--name", "whole")
    transfer(*constant, "--epochs", "2", "--name", "part")
    cnndsl("resume", "runs/part-001", "--epochs", "4", "-q")
    whole, part = (Path(f"runs/{name}-001/last.safetensors") for name in ("whole", "part"))
    assert whole.read_bytes() == part.read_bytes()
    transfer(*constant, "--head", "logistic", "--name", "solved")
    cnndsl("resume", "runs/solved-001", "-q")
    assert results("solved-001")["ended"] == "epochs"


@pytest.mark.parametrize(
    ("strategy", "layers"),
    [
        ("last", {"logits", "conv1", "bn1"}),
        ("gradual", {"logits", "conv1", "bn1"}),
        ("full", {"logits", "conv1", "bn1"}),
        ("scratch", {"logits", "conv1", "bn1"}),
    ],
)
def test_other_strategies_train_more(strategy: str, layers: set[str]) -> None:
    output = transfer("--strategy", strategy, "--epochs", "2").output
    assert changed("tiny-001") == layers
    config = tomllib.loads(Path("runs/tiny-001/config.toml").read_text())
    assert config["transfer"]["strategy"] == results("tiny-001")["strategy"] == strategy
    assert config["data"]["augment"] == "light" and config["training"]["batch"] == 16
    assert ("features of 240" in output) == (strategy != "scratch")
    assert ("nothing is taken over from the old weights" in output) == (strategy == "scratch")
    if strategy != "scratch":  # begins with a head that suits
        assert results("tiny-001")["best"]["val_top1"] > 0.9


def test_from_scratch_pictures_are_prepared_as_the_data_wants_it_not_as_the_old_weights_did() -> (
    None
):
    known = ("--weights", "base.safetensors", "--set", "classes=4")
    raw = ("--scale", "1", "--mean", "104", "--bgr")
    cnndsl("compile", "tiny.cnn", *known, *raw, "-o", "raw.onnx")
    model = ("transfer", "raw.onnx", "--data", "quarters.npz", "--threads", "1", "--epochs", "1")
    kept = cnndsl(*model, "--strategy", "full").output
    about = json.loads(Path("runs/raw-001/data.json").read_text())["preprocessing"]
    assert (about["scale"], about["mean"], about["order"]) == (1.0, [104.0], "BGR")
    assert "nothing is taken over" not in kept
    output = cnndsl(*model, "--strategy", "scratch").output
    assert "nothing is taken over from the old weights, how they want pictures neither" in output
    about = json.loads(Path("runs/raw-002/data.json").read_text())["preprocessing"]
    pictures = np.load("quarters.npz")["x"] / 255
    assert (about["scale"], about["order"]) == (255.0, "RGB")
    assert about["mean"] == [pytest.approx(pictures.mean(), abs=0.02)]
    assert about["std"] == [pytest.approx(pictures.std(), abs=0.02)]
    cnndsl(*model, "--strategy", "scratch", "--mean", "0.5")  # what is given by hand counts
    about = json.loads(Path("runs/raw-003/data.json").read_text())["preprocessing"]
    assert (about["scale"], about["mean"]) == (255.0, [0.5])


def test_what_stays_frozen_can_be_said() -> None:
    transfer("--strategy", "full", "--freeze", "conv1", "--epochs", "1", "-q")
    assert changed("tiny-001") == {"logits", "bn1"}
    transfer("--strategy", "full", "--unfreeze", "1:bn1", "--epochs", "1", "-q")
    assert changed("tiny-002") == {"logits"}


def test_auto_says_what_it_chose() -> None:
    output = transfer("--epochs", "1").output
    assert "strategy features: 48 training pictures a class are few, much like" in output
    assert "strategy features at pool1" in transfer("--epochs", "1", "--different").output


def test_any_model_and_any_input_will_do(place: Path) -> None:
    known = ("--weights", "base.safetensors", "--set", "classes=4")
    cnndsl("compile", "tiny.cnn", *known, "-o", "tiny.onnx")
    model = ("tiny.onnx", "--data", "quarters.npz", "--threads", "1")
    transfer("--strategy", "features", "-q", model=model)
    assert results("tiny-001")["best"]["val_top1"] > 0.9
    spec = (place / "tiny.cnn").read_text().replace("1@8x8", "3@8x8")
    (place / "colour.cnn").write_text(spec)
    cnndsl("compile", "colour.cnn", "-o", "colour.onnx")
    grey = ("--input", "1@8x8", "--strategy", "features")
    output = transfer(*grey, model=("colour.onnx", *model[1:])).output
    assert "input 1@8x8 instead of 3@8x8" in output
    assert "input image 1@8x8" in (place / "runs/colour-001/network.cnn").read_text()
    transfer(*grey, "--mean", "0.1,0.2,0.3", model=("colour.onnx", *model[1:]))
    about = json.loads((place / "runs/colour-002/data.json").read_text())["preprocessing"]
    assert about["mean"] == [pytest.approx(0.2)]


@pytest.mark.parametrize("strategy", ["features", "last"])
def test_another_output_of_the_net_stays(strategy: str, place: Path) -> None:
    spec = (place / "tiny.cnn").read_text()
    spec = (
        spec.replace("conv 3x3", "early: conv 3x3")
        .replace(" -> pool", "\npool")
        .replace("output logits", "output logits early")
    )
    (place / "two.cnn").write_text(spec)
    cnndsl("compile", "two.cnn", "-o", "two.onnx")
    model = ("two.onnx", "--data", "quarters.npz", "--threads", "1")
    transfer("--strategy", strategy, "--epochs", "1", "-q", model=model)
    assert "output logits" in (place / "runs/two-001/network.cnn").read_text()


def test_few_pictures_without_validation_and_damaged_ones_will_do(place: Path) -> None:
    model = ("tiny.cnn", "--weights", "base.safetensors", "--threads", "1", "--data", "photos")
    for name, grey in (("a", 99), ("b", 9)):
        folder = place / "photos/train" / name
        folder.mkdir(parents=True)
        Image.new("L", (8, 8), grey).save(folder / "1.png")
    transfer("--epochs", "2", "-q", model=model)
    for damaged in ("train/a/2.png", "val/a/1.png"):
        path = place / "photos" / damaged
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"no picture")
        transfer("--epochs", "2", "-q", model=model)
    assert Path("runs/tiny-003/report.html").is_file()
    cnndsl("resume", "runs/tiny-003", "--epochs", "3", "-q")


def test_a_file_of_weights_is_no_model() -> None:
    Path("weights.th").write_bytes(b"PK\3\4\0\xff" + bytes(1 << 20))
    model = ("weights.th", "--data", "quarters.npz")
    assert "goes with one by --weights" in transfer(model=model, code=1).stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--strategy", "features", "--augment", "light"), "can't be augmented"),
        (("--strategy", "full", "--head", "logistic"), "--strategy features"),
        (("--at", "conv9"), "has no value `conv9`"),
        (("--mean", "1,2"), "mean or std have 2 numbers, but input `image` has 1 channel"),
        (("--resize", "4", "--crop", "centre"), "pictures resized to 4 are smaller than the 8x8"),
        (("--at", "image"), "no layer comes before it"),
        (("--strategy", "last", "--unfreeze", "1:cnov1"), "matches no parameter"),
    ],
)
def test_mistakes_are_explained(options: tuple[str, ...], message: str) -> None:
    assert message in transfer(*options, code=1).stderr
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    "how", [("last",), ("full",), ("features",), ("features", "--head", "logistic")]
)
def test_a_net_that_makes_no_numbers_is_refused(how: tuple[str, ...], place: Path) -> None:
    values, _ = read_tensors(place / "base.safetensors")
    values = {n: -np.abs(a) if n.startswith("bn1.") else a for n, a in values.items()}
    write_tensors(place / "base.safetensors", values)
    error = transfer("--strategy", *how, code=1).stderr
    assert "the loss became nan at step 1; first in the batch's" in error or "no numbers" in error


def test_weights_are_needed(place: Path) -> None:
    data = ("--data", "quarters.npz")
    error = transfer("--strategy", "last", model=("tiny.cnn", *data), code=1).stderr
    assert "no weights to start from" in error
    output = transfer("--epochs", "1", model=("tiny.cnn", *data)).output
    assert "strategy scratch: there are no weights" in output
    targets = np.zeros((40, 2), np.float32)
    np.savez("numbers.npz", x=np.zeros((40, 1, 8, 8), np.uint8), y=targets)
    numbers = ("tiny.cnn", "--weights", "base.safetensors", "--data", "numbers.npz")
    assert "transfer is for classes" in transfer(model=numbers, code=1).stderr
    assert "there is no file" in transfer(model=("no.onnx", *data), code=1).stderr


def test_the_example_compares_runs() -> None:
    for strategy in ("features", "full"):
        transfer("--strategy", strategy, "--epochs", "2", "-q")
    script = Path(__file__).parents[2] / "examples/transfer/compare.py"
    command = [sys.executable, str(script), "runs", "comparison.svg"]
    table = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "| features | a new head, on stored features | 516 |" in table
    assert "| full | all layers | 604 |" in table
    assert Path("comparison.svg").read_text().startswith("<svg")


def test_python_has_the_verb_too() -> None:
    import cnndsl as package

    how = Preprocessing(mean=(0.2,), std=(0.15,))
    weights = Path("base.safetensors")
    outcome = package.transfer(
        "tiny.cnn",
        "quarters.npz",
        weights=weights,
        strategy="features",
        preprocessing=how,
        epochs=20,
        threads=1,
        quiet=True,
    )
    assert outcome.accuracy is not None and outcome.accuracy > 0.9


@pytest.mark.slow
@pytest.mark.parametrize(
    ("weights", "pictures", "wanted"),
    [
        ("mobilenet_v2_1.0_224.onnx", ("--scale", "127.5", "--mean", "1"), 95),
        (
            "squeezenet1_1_fp16.onnx",
            ("--scale", "1", "--mean", "104,117,123", "--bgr"),
            91.5,
        ),
    ],
)
def test_a_few_photos_are_told_apart(
    weights: str, pictures: tuple[str, ...], wanted: float
) -> None:
    model, data = real_data("weights", weights), real_data("hymenoptera")
    found = ("transfer", str(model), "--data", str(data), *pictures, "-q", "--name", "photos")
    for seed in range(3):
        cnndsl(*found, "--strategy", "features", "--seed", str(seed))
    right = [results(f"photos-00{n}")["last"]["val_top1"] for n in (1, 2, 3)]
    assert 100 * np.mean(right) >= wanted
