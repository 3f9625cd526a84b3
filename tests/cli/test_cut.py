"""`cnndsl cut` and `cnndsl features`, as they are called."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from cnndsl.cli import main
from cnndsl.graphs.files import read_model
from cnndsl.preprocessing import Preprocessing
from cnndsl.runtime import run as run_model
from cnndsl.shape import Shape, Symbolic
from cnndsl.training.adapters import spec_adapter
from cnndsl.verbs import compile, features, parse
from cnndsl.weights.save import read_tensors, write_tensors
from tests.data.making import class_folders

SPEC = """cnndsl 1
net Small(classes=3)
input image 3@8x8
stem: conv 3x3 4 p1 relu
gap
logits: fc classes softmax
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("small.cnn").write_text(SPEC)
    Path("labels.txt").write_text("a\nb\nc\n")
    class_folders(tmp_path / "data", {"train/ant": 3, "train/bee": 3, "val/ant": 1, "val/bee": 1})
    values = spec_adapter(parse("small.cnn"), SPEC).start("auto", seed=5)
    write_tensors(Path("small.safetensors"), values)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_a_part_of_a_spec(folder: Path) -> None:
    result = run("cut", "small.cnn", "--at", "stem", "--at", "gap1", "--mean", "0.5")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("small-stem-gap1.onnx: small.cnn up to `stem`, `gap1`, ")
    assert result.stderr == "small.cnn has random weights (seed 0)\n"
    made = run_model("small-stem-gap1.onnx", np.ones((1, 3, 8, 8), np.float32), threads=1)
    shapes = {name: values.shape for name, values in made.items()}
    assert shapes == {"stem": (1, 4, 8, 8), "gap1": (1, 4, 1, 1)}


def test_a_part_of_a_model_keeps_its_preprocessing_and_no_labels(folder: Path) -> None:
    how = Preprocessing(mean=(0.5,))
    compile("small.cnn", "whole.onnx", labels=["a", "b", "c"], preprocessing=how)
    assert run("cut", "whole.onnx", "--at", "stem", "-o", "part.onnx", "-q").output == ""
    kept = {p.key: p.value for p in read_model(Path("part.onnx")).metadata_props}
    assert Preprocessing.from_json(kept["cnndsl.preprocessing"]) == how
    assert "cnndsl.labels" not in kept
    assert run("cut", "whole.onnx", "--at", "stem", "-o", "part.onnx", "--std", "2").exit_code == 0
    kept = {p.key: p.value for p in read_model(Path("part.onnx")).metadata_props}
    assert Preprocessing.from_json(kept["cnndsl.preprocessing"]).std == (2.0,)


def test_a_heat_map_beside_a_part_or_the_whole(folder: Path) -> None:
    result = run("cut", "small.cnn", "--at", "gap1", "--with", "cam=stem", "--class", "2")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("small-gap1-cam_stem.onnx: small.cnn up to `gap1` with cam")
    run("compile", "small.cnn", "--labels", "labels.txt", "-o", "whole.onnx")
    result = run("cut", "whole.onnx", "--with", "cam", "--class", "c", "-o", "cam.onnx")
    assert result.stdout.startswith("cam.onnx: whole.onnx with cam, "), result.output
    result = run("compile", "small.cnn", "--with", "cam", "-o", "compiled.onnx")
    assert result.stdout.startswith("compiled.onnx: Small, 5 layers with cam, "), result.output
    x = np.random.default_rng(0).random((2, 3, 8, 8), np.float32)
    part, whole, compiled = (
        run_model(name, x, threads=1)
        for name in ("small-gap1-cam_stem.onnx", "cam.onnx", "compiled.onnx")
    )
    assert [*part] == ["gap1", "cam"] and [*whole] == [*compiled] == ["logits", "cam"]
    np.testing.assert_allclose(part["cam"], whole["cam"], atol=1e-6)
    assert part["cam"].shape == compiled["cam"].shape == (2, 1, 8, 8)


def test_a_heat_map_for_pictures_of_one_size(folder: Path) -> None:
    sizes = {"image": Shape(3, (Symbolic("H"), Symbolic("W")))}
    compile(parse("small.cnn", input_shapes=sizes), "open.onnx")
    result = run("cut", "open.onnx", "--with", "cam", "-o", "heat.onnx")
    assert "takes pictures of any size: choose one by --size 224x224" in result.output
    run("cut", "open.onnx", "--with", "cam", "--size", "12x16", "-o", "heat.onnx")
    found = run_model("heat.onnx", np.ones((2, 3, 12, 16), np.float32), threads=1)
    assert found["cam"].shape == (2, 1, 12, 16)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("cut", "small.cnn"), "say where the part ends by --at"),
        (("cut", "small.cnn", "--at", "stem", "--class", "1"), "ask for one by --with cam"),
        (("cut", "small.cnn", "--with", "cam=stm"), "no value `stm`; did you mean `stem`?"),
        (("cut", "small.cnn", "--with", "heat"), "`heat` isn't cam, cam=LAYER"),
        (("compile", "small.cnn", "--with", "cam", "--class", "9"), "no class 9: `Small` has 3"),
        (("compile", "small.cnn", "--with", "cam", "--weights", "none"), "drop `none`"),
    ],
)
def test_no_heat_map(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code != 0 and message in result.output
    assert not list(folder.glob("*.onnx"))


def test_features_with_weights_are_those_of_the_compiled_model(folder: Path) -> None:
    shared = ("--data", "data", "--threads", "1")
    result = run("features", "small.cnn", "--weights", "small.safetensors", *shared, "-o", "f.npz")
    assert result.exit_code == 0, result.output
    assert result.stdout == "f.npz: `gap1` 4x1x1 of 6 train + 2 val pictures\n".replace(
        "4x1x1", "4"
    )
    assert "small.cnn doesn't say how it wants pictures; taken: " in result.stderr
    compile("small.cnn", "whole.onnx", weights=Path("small.safetensors"))
    assert run("features", "whole.onnx", *shared, "-o", "g.npz", "-q").output == ""
    with np.load("f.npz") as f, np.load("g.npz") as g:
        np.testing.assert_allclose(f["features"], g["features"], rtol=1e-5, atol=1e-6)
        assert f["names"].tolist() == g["names"].tolist()
    found = features("small.cnn", "data", weights=Path("small.safetensors"), splits=["val"])
    with np.load("f.npz") as f:
        np.testing.assert_allclose(found.arrays["gap1"], f["features"][6:], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("classes", [None, 7])
def test_weights_need_no_head_or_may_have_another(folder: Path, classes: int | None) -> None:
    values, _ = read_tensors(Path("small.safetensors"))
    rest = {name: array for name, array in values.items() if not name.startswith("logits")}
    if classes:
        rest |= {
            "logits.weight": np.zeros((classes, 4), np.float32),
            "logits.bias": np.zeros(classes, np.float32),
        }
    write_tensors(Path("rest.safetensors"), rest)
    for name in ("small", "rest"):
        weights = f"{name}.safetensors"
        shared = ("--data", "data", "--weights", weights, "-o", f"{name}.npz", "-q")
        assert run("features", "small.cnn", *shared).output == ""
        shared = ("--at", "stem", "--weights", weights, "-o", f"{name}.onnx", "-q")
        assert run("cut", "small.cnn", *shared).output == ""
    with np.load("small.npz") as f, np.load("rest.npz") as g:
        assert np.array_equal(f["features"], g["features"])
    assert Path("small.onnx").read_bytes() == Path("rest.onnx").read_bytes()
    shared = ("--at", "logits", "--weights", "rest.safetensors", "-o", "no.onnx")
    assert "logits.weight" in run("cut", "small.cnn", *shared).stderr


def test_models_of_any_size_are_told_one(folder: Path) -> None:
    compile(
        parse("small.cnn", input_shapes={"": Shape(3, (Symbolic("H"), Symbolic("W")))}), "o.onnx"
    )
    assert "say one" in run("features", "o.onnx", "--data", "data", "-o", "f.npz").stderr
    sized = ("--size", "12x9", "--at", "stem", "--keep-maps", "-q")
    assert run("features", "o.onnx", "--data", "data", "-o", "f.npz", *sized).output == ""
    with np.load("f.npz") as f:
        assert f["features"].shape == (8, 4, 12, 9)


def test_what_was_left_out_is_said(folder: Path) -> None:
    (folder / "data" / "val" / "ant" / "broken.png").write_bytes(b"no picture")
    result = run("features", "small.cnn", "--data", "data", "-o", "f.npz", "--split", "val")
    assert result.exit_code == 1, result.output
    assert "f.npz: `gap1` 4 of 2 val pictures" in result.stdout
    assert "left out: `data/val/ant/broken.png` is no picture in a known format" in result.stderr
    assert "1 of 3 pictures can't be read" in result.stderr
    assert "small.cnn has random weights (seed 0)" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("cut", "small.cnn", "--at", "stm"), "did you mean `stem`?"),
        (("cut", "small.cnn", "--at", "stem", "-o", "no/x.onnx"), "there is no folder `no`"),
        (("cut", "small.cnn", "--at", "stem", "-o", "small.cnn"), "would replace `small.cnn`"),
        (("cut", "missing.onnx", "--at", "stem"), "there is no file `missing.onnx`"),
        (("cut", "data", "--at", "stem"), "holds no best.onnx"),
        (
            ("cut", "model.onnx", "--at", "stem", "--set", "classes=2"),
            "`model.onnx` is no spec, so --set and --input don't apply to it",
        ),
        (
            ("cut", "model.onnx", "--at", "stem", "--weights", "small.safetensors"),
            "`model.onnx` has weights of its own, so it takes no others",
        ),
        (
            ("features", "small.cnn", "--data", "data", "-o", "f.csv"),
            "features go to .npz, .parquet, .svg, and `f.csv` is none of these",
        ),
        (
            ("features", "small.cnn", "--data", "data", "-o", "f.npz", "--split", "vall"),
            "has no split `vall`; did you mean `val`?",
        ),
    ],
)
def test_mistakes(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    compile("small.cnn", "model.onnx")
    result = run(*arguments)
    assert result.exit_code == 1
    assert message in result.stderr
