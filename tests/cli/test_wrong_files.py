"""Files of a wrong kind, and names that are no text: a sentence, at once."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tests.support.command_line import program, run

KINDS = ("folder", "empty", "noise", "pipe", "zeros", "nothing")

COMMANDS = (
    ("report {}", "cnn"),
    ("run {} picture.png", "onnx"),
    ("import {} -o made.cnn", "onnx"),
    ("cut {} --at x -o made.onnx", "onnx"),
    ("predict {} picture.png", "onnx"),
    ("run tiny.cnn {}", "png"),
    ("run tiny.cnn {}", "npy"),
    ("run tiny.cnn {}", "npz"),
    ("run tiny.cnn picture.png --labels {}", "txt"),
    ("data check {}", "npz"),
    ("data check {}", "csv"),
    ("weights inspect {}", "pt"),
    ("train tiny.cnn --data quarters.npz --augment {}", "toml"),
    ("resume {}", "run"),
)

TINY = "cnndsl 1\ninput image 3@8x8\nconv 3x3 8 p1 relu\ngap\nlogits: fc 4\noutput logits\n"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.cnn").write_text(TINY)
    picture = Path(__file__).parents[2] / "examples" / "harbour.png"
    (tmp_path / "picture.png").symlink_to(picture)
    images = np.zeros((9, 8, 8, 3), np.uint8)
    np.savez(tmp_path / "quarters.npz", x=images, y=np.arange(9) % 4)
    return tmp_path


def make(kind: str, path: Path) -> None:
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind in ("zeros", "nothing"):
        path.symlink_to("/dev/zero" if kind == "zeros" else "/dev/null")
    else:
        path.write_bytes(np.random.default_rng(1).bytes(3000) if kind == "noise" else b"")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("command", "suffix"), COMMANDS, ids=[c for c, _ in COMMANDS])
def test_a_file_of_a_wrong_kind_is_a_sentence(
    place: Path, command: str, suffix: str, kind: str
) -> None:
    make(kind, place / f"it.{suffix}")
    result = run(*command.format(f"it.{suffix}").split())
    if (suffix, kind) == ("toml", "empty"):
        assert result.exit_code == 0  # it augments nothing, as it says
    else:
        assert result.exit_code in (1, 2)
        assert "rror" in result.stderr and len(result.stderr) < 700


@pytest.mark.slow
def test_names_of_files_that_are_no_text(tmp_path: Path) -> None:
    """Folders of classes, pictures, data and runs: all may be called by any bytes."""
    picture = (Path(__file__).parents[2] / "examples" / "harbour.png").read_bytes()
    place = os.fsencode(tmp_path) + b"/\xff-photos"
    for name in (b"\xfe", b"b\xc3\xa4r"):
        Path(os.fsdecode(place + b"/" + name)).mkdir(parents=True)
        for number in range(3):
            with open(place + b"/" + name + b"/\xfa%d.png" % number, "wb") as file:  # noqa: PTH123
                file.write(picture)
    data = os.fsdecode(place)
    (tmp_path / "tiny.cnn").write_text(
        TINY.replace("fc 4", "fc classes").replace("cnndsl 1", "cnndsl 1\nnet Tiny(classes=2)")
    )
    options = {"cwd": tmp_path}
    program("data", "check", data, code=0, **options)
    refused = program("train", "tiny.cnn", "--data", data, "-q", code=1, **options).stderr
    assert "is no UTF-8 text, as a run needs it: rename it" in refused
    good = tmp_path / "photos"
    Path(data).rename(good)
    train = ("train", "tiny.cnn", "--data", "photos", "--epochs", "1", "--batch", "2", "-q")
    program(*train, "--runs", "r\udcff", **options)
    (folder,) = (tmp_path / "r\udcff").iterdir()
    assert (folder / "labels.txt").read_text().splitlines() == ["\\udcfe", "bär"]
    program("eval", str(folder), **options)
    program("resume", str(folder), "--epochs", "2", "-q", **options)
    said = program("predict", str(folder), "photos", **options).stdout
    assert said.count("photos/") == 6
    program("predict", str(folder), "photos", "-o", "a.csv", **options)
    program("report", "\udcff.cnn", code=1, **options)
    program("run", "tiny.cnn", "photos/\udcfe/\udcfa0.png", "--format", "json", **options)


def model(*nodes: onnx.NodeProto) -> onnx.ModelProto:
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 3, 8, 8]) for n in "xy")
    graph = helper.make_graph(list(nodes), "net", [x], [y])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize(
    "command",
    [
        "import {} -o made.cnn",
        "run {} picture.png",
        "predict {} picture.png",
        "cut {} --at x -o made.onnx",
        "eval {} --data quarters.npz",
        "weights inspect {}",
        "train {} --data quarters.npz -q",
        "transfer {} --data quarters.npz -q",
    ],
)
@pytest.mark.parametrize("what", [b"relu_node", b"net", b"value", b"cnndsl.labels", b"hidden"])
def test_names_in_models_that_are_no_text(place: Path, command: str, what: bytes) -> None:
    made = model(
        helper.make_node("Relu", ["x"], ["hidden"], "relu_node"),
        helper.make_node("Relu", ["hidden"], ["y"]),
    )
    helper.set_model_props(made, {"cnndsl.labels": "value"})
    damaged = b"\xff" * len(what)
    (place / "it.onnx").write_bytes(made.SerializeToString().replace(what, damaged))
    result = run(*command.format("it.onnx").split())
    assert result.exit_code in (0, 1)


def half(kind: str, inputs: int) -> list[onnx.NodeProto]:
    """A layer norm in arithmetic, in which nodes of one kind have so many inputs."""
    nodes = [
        helper.make_node("Constant", [], ["two"], value_float=2.0),
        helper.make_node("Constant", [], ["eps"], value_float=1e-5),
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[1, 2, 3]),
        helper.make_node("Sub", ["x", "mean"], ["off"]),
        helper.make_node("Pow", ["off", "two"], ["squares"]),
        helper.make_node("ReduceMean", ["squares"], ["variance"], axes=[1, 2, 3]),
        helper.make_node("Add", ["variance", "eps"], ["sum"]),
        helper.make_node("Sqrt", ["sum"], ["root"]),
        helper.make_node("Div", ["off", "root"], ["y"]),
    ]
    for node in nodes:
        if node.op_type == kind:
            given = [*node.input, "x", "mean"][:inputs]
            del node.input[:]
            node.input.extend(given)
    return nodes


@pytest.mark.parametrize("inputs", [0, 1, 3])
@pytest.mark.parametrize("kind", ["ReduceMean", "Sub", "Pow", "Add", "Sqrt", "Div", "Constant"])
def test_a_norm_in_arithmetic_that_lacks_inputs(place: Path, kind: str, inputs: int) -> None:
    onnx.save(model(*half(kind, inputs)), place / "it.onnx")
    assert run("import", "it.onnx", "-o", "made.cnn").exit_code in (0, 1)


@pytest.mark.parametrize("axes", [b"axes", ["a"], [0.5], 1.5, 7, [2**40], []])
def test_axes_of_any_kind(place: Path, axes: object) -> None:
    nodes = half("", 0)
    for node in nodes:
        if node.op_type == "ReduceMean":
            del node.attribute[:]
            node.attribute.append(
                helper.make_attribute(
                    "axes", axes, attr_type=None if axes != [] else onnx.AttributeProto.INTS
                )
            )
    onnx.save(model(*nodes), place / "it.onnx")
    assert run("import", "it.onnx", "-o", "made.cnn").exit_code in (0, 1)


@pytest.mark.parametrize(
    "command",
    [
        "train tiny.cnn --data quarters.npz",
        "lr-find tiny.cnn --data quarters.npz",
        "transfer it.onnx --data quarters.npz",
        "run tiny.cnn picture.png",
        "features tiny.cnn --data quarters.npz -o f.npz",
    ],
)
def test_cuda_where_there_is_none(place: Path, command: str) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has CUDA")
    assert run("compile", "tiny.cnn", "-o", "it.onnx", "-q").exit_code == 0
    result = run(*command.split(), "--device", "cuda", "-q")
    assert result.exit_code == 1
    assert "this ONNX Runtime has no CUDA" in result.stderr
