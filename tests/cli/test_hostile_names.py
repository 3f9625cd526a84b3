"""Names that somebody else chose reach neither the screen nor a page in a form that is acted on.

Every command is called with files, classes, tensors, values and layers of such a name. What is
printed holds no control character but ends of lines, and no line that a name forged.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result
from onnx import TensorProto, helper

from cnndsl.cli import COMMANDS, main
from cnndsl.cli.guard import BUG
from cnndsl.runtime.images import write_picture
from cnndsl.weights.save import write_tensors
from tests.support.names import HOSTILE_FILE as NAME
from tests.support.names import acted_on

LINE = NAME.replace("\n", "")  # for specs: a text of several lines is one itself
COMMENT = LINE.replace("\r", "")

SPEC = """cnndsl 1
net Small(classes=2)
input image 3@12x12
conv 3x3 4 p1 relu -> pool 2x2 s2
logits: fc classes
output logits
"""
QUICK = ("--epochs", "1", "--batch", "8", "--threads", "1")
FORGED = NAME.replace("\n", "\nerror: forged\n")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of two classes, a spec, a model with its labels, a file of weights, a run."""
    folder = tmp_path_factory.mktemp("hostile") / NAME
    rng = np.random.default_rng(0)
    for channel, label in enumerate((f"red{NAME}", f"green{NAME}")):
        (folder / "data" / label).mkdir(parents=True)
        for number in range(12):
            picture = rng.integers(0, 90, (12, 12, 3)).astype(np.uint8)
            picture[..., channel] += 120
            with (folder / "data" / label / f"{number}{NAME}.png").open("wb") as file:
                write_picture(file, picture)
        (folder / "data" / label / f"damaged{NAME}.png").write_bytes(b"\x89PNG no more")
    (folder / f"net{LINE}.cnn").write_text(SPEC)
    (folder / f"wrong{LINE}.cnn").write_text(SPEC + f"# {COMMENT}\nconv 3x3 {NAME}\n", newline="")
    (folder / f"loud{LINE}.cnn").write_text(SPEC + f"# {COMMENT}\n", newline="")
    write_tensors(folder / f"w{NAME}.safetensors", {"conv1.weight": np.ones((4, 3, 3, 3), "f4")})
    onnx.save(_model(), folder / f"model{NAME}.onnx")
    (folder / "labels.txt").write_text(f"one{NAME}".replace("\n", "") + "\ntwo\n")
    (folder / "recipe.toml").write_text(f'"{NAME}" = 1\n', newline="")
    return folder


def _model() -> onnx.ModelProto:
    """A classifier whose input, output, node, weights and classes have such names."""
    x = helper.make_tensor_value_info(f"x{NAME}", TensorProto.FLOAT, ["N", 3, 12, 12])
    y = helper.make_tensor_value_info(f"y{NAME}", TensorProto.FLOAT, ["N", 2])
    weight = helper.make_tensor(f"w{NAME}", TensorProto.FLOAT, [3, 2], np.ones(6, np.float32))
    nodes = [
        helper.make_node("GlobalAveragePool", [x.name], ["pooled"], f"pool{NAME}"),
        helper.make_node("Flatten", ["pooled"], [f"flat{NAME}"], f"flat{NAME}"),
        helper.make_node("MatMul", [f"flat{NAME}", weight.name], [y.name], f"fc{NAME}"),
    ]
    graph = helper.make_graph(nodes, f"graph{NAME}", [x], [y], [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    labels = json.dumps([f"cat{NAME}", f"dog{FORGED}"])
    helper.set_model_props(model, {"cnndsl.labels": labels, NAME: NAME})
    return model


@pytest.fixture
def call(place: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Call a command in that folder; what it printed is harmless."""
    monkeypatch.chdir(place)
    monkeypatch.setenv("FORCE_COLOR", "0")

    def called(*arguments: str, code: int | None = 0) -> Result:
        result = CliRunner().invoke(main, list(arguments))
        printed = result.stdout + result.stderr
        shown = re.sub(r"^ +\d* \|.*", "", printed, flags=re.MULTILINE)  # a spec's line has tabs
        assert not acted_on(shown), shown
        assert "\nerror: forged" not in printed
        assert result.exit_code != BUG, printed
        assert code is None or result.exit_code == code, printed
        return result

    return called


def _readable(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    assert not acted_on(text.replace("\t", "")), path
    return text


def test_specs(call: Callable[..., Result]) -> None:
    net, wrong, loud = (f"{name}{LINE}.cnn" for name in ("net", "wrong", "loud"))
    for form in ("table", "md", "csv", "json", "html"):
        call("report", net, "--format", form)
        call("report", net, "--format", form, "-o", f"report.{form}")
        _readable(Path(f"report.{form}"))
    call("report", net, "--explain", "conv1")
    call("report", net, "--explain", NAME, code=1)
    for form in ("text", "json"):
        call("check", net, wrong, f"none{LINE}.cnn", "--format", form, code=1)
    call("compare", net, loud)
    call("compare", net, f"{net}:classes={NAME}", code=1)
    call("compile", net, "-o", f"made{NAME}.onnx")
    call("compile", wrong, code=1)
    call("fmt", loud, net)
    for form in ("text", "json", "sarif", "github"):
        call("lint", net, loud, "--format", form, code=None)
    call("lint", wrong, code=1)
    call("fmt", wrong, code=1)
    call("fmt", "--check", f"none{LINE}.cnn", code=1)
    for stage in ("tree", "network", "analysis", "graph", "onnx"):
        call("show", net, "--stage", stage)
    call("zoo", "show", NAME, code=1)
    call("explain", NAME, code=1)
    call("help", NAME, code=2)
    call("zoo", "list")


def test_calls_that_are_wrong(call: Callable[..., Result]) -> None:
    for arguments in (
        [NAME],
        ["report", "lenet5", f"--{NAME}"],
        ["report", "lenet5", NAME],
        ["report", "lenet5", "--batch", NAME],
        ["report", "lenet5", "--format", NAME],
        ["compile", "lenet5", "--labels", NAME],
        ["zoo", NAME],
        ["data", NAME],
    ):
        call(*arguments, code=2)
    call("report", "lenet5", "--set", NAME, code=1)
    call("report", "lenet5", "--input", NAME, code=1)


def test_models(call: Callable[..., Result], place: Path) -> None:
    model, weights, net = f"model{NAME}.onnx", f"w{NAME}.safetensors", f"net{LINE}.cnn"
    picture = str(next(path for path in sorted((place / "data").rglob("*.png"))))
    for form in ("text", "json"):
        call("run", model, picture, "--format", form)
        call("run", model, "data", "--format", form, code=None)
    call("run", model, picture, "-o", f"out{NAME}.npz")
    call("run", model, f"none{NAME}.png", code=1)
    for form in ("text", "csv", "json"):
        call("predict", model, picture, "--format", form)
        call("predict", model, picture, "--format", form, "-o", f"answers.{form}")
        _readable(Path(f"answers.{form}"))
    with Path("answers.csv").open(encoding="utf-8") as file:
        assert len([*csv.reader(file)]) == 2
    call("eval", model, "--data", "data", "--classes", code=None)
    call("cut", model, "--at", f"flat{NAME}", "-o", f"cut{NAME}.onnx")
    call("cut", model, "--at", f"none{NAME}", code=1)
    call("features", model, "--data", "data", "-o", f"features{NAME}.npz", code=1)
    call("sample", model, "--at", f"flat{NAME}", code=1)
    call("sample", f"none{NAME}", code=1)
    call("look", model, picture, "--show", "saliency", "--class", f"cat{NAME}", "-o", "seen.png")
    call("look", model, "data", "--show", "occlusion", "-o", "seen.png", code=1)  # two are damaged
    call("look", model, picture, "--class", f"none{NAME}", code=1)
    call("look", model, picture, "--show", "maps", "--at", f"flat{NAME}", code=1)
    call("import", model, "-o", f"imported{LINE}.cnn")
    call("import", model, "-o", "-")
    call("import", f"none{NAME}.onnx", code=1)
    for path, code in ((weights, 0), (model, 1)):  # no tensor can be called so
        call("weights", "inspect", path, code=code)
        call("weights", "inspect", path, "--format", "json", code=code)
        call("weights", "map", net, path, code=1)
        call("weights", "map", net, path, "--format", "json", code=1)
        call("weights", "convert", path, "-o", f"converted{NAME}.safetensors", code=None)
    call("weights", "fetch", NAME, code=1)


def test_trainings(call: Callable[..., Result]) -> None:
    net, model = f"net{LINE}.cnn", f"model{NAME}.onnx"
    call("data", "check", "data", "--mosaic", f"drawn{NAME}.png")
    call("data", "check", "data", "--no-mosaic", "--format", "json")
    call("data", "check", f"none{NAME}", code=1)
    call("data", "fetch", NAME, code=1)
    call("train", net, "--data", "data", *QUICK, "--name", NAME)
    run = next(Path("runs").iterdir())
    call("train", net, "--data", "data", *QUICK, "--augment", "recipe.toml", code=1)
    call("train", net, "--data", "data", *QUICK, "--freeze", NAME, code=1)
    call("train", net, "--data", "data", *QUICK, "--json")
    call("resume", str(run), "--epochs", "2")
    call("runs")
    call("runs", "--sort", NAME, code=1)
    for form in ("table", "md", "csv", "json"):
        call("compare", "runs", "--format", form)
    for suffix in ("html", "svg", "png"):
        call("compare", "runs", "-o", f"runs/compared{NAME}.{suffix}")
    for form in ("csv", "json"):
        call("runs", "--format", form)
    call("resume", f"none{NAME}", code=1)
    varied = ("--vary", "lr=0.01,0.02", "--method", "grid", "--name", f"found{NAME}")
    call("search", net, "--data", "data", *QUICK, *varied)
    call("search", net, "--data", "data", "--vary", f"{NAME}=1,2", code=1)
    call("search", "show", str(next(Path("runs").glob("found*"))))
    call("search", "best", f"none{NAME}", code=1)
    call("eval", str(run), "--classes", "--predictions", "predictions.csv")
    call("eval", str(run), "--classes", "--format", "json")
    call("predict", str(run), "data", code=None)
    call("lr-find", net, "--data", "data", "--to", "0.1", "--steps", "20", "-o", "curve.svg")
    call("transfer", model, "--data", "data", *QUICK, "--name", "moved")
    for report in Path("runs").rglob("*.html"):
        _readable(report)
    drawings = [Path("curve.svg"), *Path("runs").glob("*/plots/*.svg"), *Path("runs").glob("*.svg")]
    assert len(drawings) > 4
    for drawing in drawings:
        ElementTree.fromstring(_readable(drawing))
    for content in Path("runs").glob("*/*.json"):
        json.loads(_readable(content))
    for log in Path("runs").glob("*/log.txt"):
        _readable(log)


def test_no_command_was_left_out() -> None:
    called = re.findall(r'call\("([a-z-]+)"', Path(__file__).read_text(encoding="utf-8"))
    assert set(COMMANDS) == set(called)
