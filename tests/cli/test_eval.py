"""`cnndsl eval` says what a count by hand says, made with ONNX Runtime and Pillow alone."""

from __future__ import annotations

import csv
import json
import math
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from tests.support.command_line import cnndsl
from tests.support.data import real_data

SIDE = 6
NFC, NFD = "K\u00e4fer", "Ka\u0308fer"
NAMES = ("ant", "bee", "cat", "dog", NFC, "fox", "gnu")
Values = Any
Examples = list[tuple[Path, str]]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_model(
    path: Path,
    labels: Sequence[str] | None = NAMES,
    batch: int | str = "N",
    classes: int = len(NAMES),
    last: Sequence[str] = (),
    weight: float = 1.0,
) -> Path:
    """A model of random weights: the colours' means → classes, then the operators `last`."""
    rng = np.random.default_rng(classes)
    weights = (weight * rng.normal(0, 9, (3, classes))).astype(np.float32)
    offset = (weight * rng.normal(0, 1, classes)).astype(np.float32)
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["means"]),
        helper.make_node("Flatten", ["means"], ["flat"]),
        helper.make_node("Gemm", ["flat", "weights", "offset"], ["value0"]),
    ]
    for number, kind in enumerate(last):
        nodes.append(helper.make_node(kind, [f"value{number}"], [f"value{number + 1}"]))
    nodes.append(helper.make_node("Identity", [f"value{len(last)}"], ["scores"]))
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [batch, classes])],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(offset, "offset")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    if labels is not None:
        helper.set_model_props(made, {"cnndsl.labels": json.dumps(list(labels))})
    onnx.save(made, path)
    return path


def write_pictures(root: Path, folders: dict[str, int]) -> Path:
    """So many pictures of random shades in each folder."""
    rng = np.random.default_rng(1)
    for folder, count in folders.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            shade = rng.integers(0, 256, 3)
            noise = rng.integers(-20, 21, (SIDE, SIDE, 3))
            pixels = np.clip(shade + noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(root / folder / f"{number}.png")
    return root


def in_folder(root: Path) -> Examples:
    """Pictures with the names of their folders."""
    paths = sorted(path for path in root.rglob("*.png") if path.is_file())
    return [(path, path.parent.name) for path in paths]


def values_of(model: Path, paths: Sequence[Path]) -> Values:
    """What the model says about each picture, one at a time (copies fill a fixed batch)."""
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    size = entry.shape[0] if isinstance(entry.shape[0], int) else 1
    rows: list[Values] = []
    for path in paths:
        pixels = np.asarray(Image.open(path).convert("RGB"), np.float32) / 255
        feed = np.repeat(pixels.transpose(2, 0, 1)[None], size, 0)
        rows.append(np.asarray(session.run(None, {entry.name: feed})[0])[0].reshape(-1))
    return np.stack(rows).astype(np.float64)


def among_best(row: Values, right: int, ranks: int) -> float:
    """The part of all draws among equals that has the right class among the best."""
    if math.isnan(row[right]):
        return 0.0
    ahead = sum(math.isnan(v) or v > row[right] for v in row)
    equal = sum(v == row[right] for v in row)
    return sum(ahead + draw < ranks for draw in range(equal)) / equal


def by_hand(
    model: Path, examples: Examples, names: Sequence[str], probabilities: bool = False
) -> dict[str, Any]:
    """Figures over examples, some of which are of classes that the model doesn't have."""
    known = [unicodedata.normalize("NFC", name) for name in names]
    rows = values_of(model, [path for path, _ in examples])
    first, five, losses = 0.0, 0.0, list[float]()
    for row, (_, label) in zip(rows, examples, strict=True):
        label = unicodedata.normalize("NFC", label)
        if label not in known:
            continue
        right = known.index(label)
        first += among_best(row, right, 1)
        five += among_best(row, right, 5)
        if probabilities:
            losses.append(-math.log(row[right]))
        else:
            losses.append(float(np.log(np.exp(row - row.max()).sum()) + row.max() - row[right]))
    count = len(examples)
    loss = sum(losses) / len(losses) if losses else math.nan
    return {
        "examples": count,
        "top1": first / count,
        "top5": five / count,
        "loss": None if math.isnan(loss) else loss,
    }


def judged(model: Path, data: Path, *options: str) -> dict[str, Any]:
    """What the command says in JSON."""
    command = ["eval", str(model), "--data", str(data), "--format", "json", "--threads", "1"]
    return json.loads(cnndsl(*command, *options).stdout)


def agree(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert found["examples"] == expected["examples"]
    for figure in ("top1", "top5"):
        assert found[figure] == pytest.approx(expected[figure], abs=1e-12), figure
    assert found["loss"] == (expected["loss"] and pytest.approx(expected["loss"], rel=1e-5))


WHOLE = dict.fromkeys(NAMES, 8)


@pytest.mark.parametrize(
    ("folders", "split", "part", "unknown"),
    [
        (WHOLE, "all", "", []),
        ({"cat": 9, "gnu": 7}, "all", "", []),  # part of the classes
        ({"cat": 9}, "all", "", []),  # one class
        ({"gnu": 4, "ant": 9, "zebra": 6}, "all", "", ["zebra"]),
        ({"a": 4, "b": 4, "c": 4, "d": 4, "e": 4, "f": 4, "gnu": 4}, "all", "", list("abcdef")),
        ({NFC: 6, "bee": 9}, "all", "", []),
        ({NFD: 6, "bee": 9}, "all", "", []),
        ({NFD: 6, NFC: 5, "bee": 9}, "all", "", []),
        ({"val/cat": 5, "test/cat": 6, "test/dog": 3}, "test", "test", []),
        ({"val/cat": 5, "val/dog": 6}, "val", "val", []),
        ({"test/cat": 8}, "test", "test", []),
        ({"train/cat": 5, "val/dog": 6, "val/fox": 3}, "val", "val", []),
        ({"train/cat": 5, "train/dog": 6}, "all", "train", []),
        ({"inside/cat": 5, "inside/dog": 5}, "all", "", []),
    ],
)
def test_folders_are_judged_as_by_hand(
    place: Path, folders: dict[str, int], split: str, part: str, unknown: list[str]
) -> None:
    model, data = write_model(place / "m.onnx"), write_pictures(place / "data", folders)
    examples = in_folder(data / part)
    found = judged(model, data)
    agree(found, by_hand(model, examples, NAMES))
    assert (found["split"], found["unknown"]) == (split, unknown)
    left = judged(model, data, "--unknown", "left-out")
    agree(left, by_hand(model, [e for e in examples if e[1] not in unknown], NAMES))


@pytest.mark.parametrize(
    ("name", "build"),
    [
        ("logits", lambda p: write_model(p)),
        ("a fixed batch", lambda p: write_model(p, batch=4)),
        ("a batch of one", lambda p: write_model(p, batch=1)),
        ("ties", lambda p: write_model(p, last=["Floor"], weight=0.1)),
        ("all alike", lambda p: write_model(p, weight=0)),
        ("some NaN", lambda p: write_model(p, last=["Sqrt"])),
        ("all NaN", lambda p: write_model(p, last=["Sqrt", "Softmax"])),
        ("dead", lambda p: write_model(p, last=["Neg", "Abs", "Neg", "Relu"])),
        ("nearly as probabilities", lambda p: write_model(p, last=["Sigmoid"])),
    ],
)
def test_models_are_judged_as_by_hand(
    place: Path, name: str, build: Callable[[Path], Path]
) -> None:
    model, data = build(place / "m.onnx"), write_pictures(place / "data", WHOLE)
    found = judged(model, data)
    agree(found, by_hand(model, in_folder(data), NAMES))
    if name in ("all alike", "dead"):
        assert (found["top1"], found["top5"]) == pytest.approx((1 / 7, 5 / 7))
    assert ("several best classes" in str(found["notes"])) == (
        name in ("ties", "all alike", "dead")
    )
    assert ("NaN" in str(found["notes"])) == ("NaN" in name)


def test_probabilities_are_judged_as_by_hand(place: Path) -> None:
    model = write_model(place / "m.onnx", last=["Softmax"])
    data = write_pictures(place / "data", WHOLE)
    agree(judged(model, data), by_hand(model, in_folder(data), NAMES, probabilities=True))
    for batch in ("1", "5"):
        found = judged(model, data, "--batch", batch)
        agree(found, by_hand(model, in_folder(data), NAMES, probabilities=True))


@pytest.mark.parametrize("names", [[str(n) for n in range(1, 13)], None])
def test_a_list_with_classes_from_1_is_judged_as_by_hand(
    place: Path, names: list[str] | None
) -> None:
    """A model that names its classes so, and one that names none of as many."""
    model = write_model(place / "m.onnx", names, classes=12)
    data = write_pictures(place / "data", {str(n): 4 for n in range(1, 13)})
    examples = in_folder(data)
    rows = "".join(f"{path.relative_to(place)},{label}\n" for path, label in examples)
    (place / "list.csv").write_text(f"path,label\n{rows}")
    found = judged(model, place / "list.csv", "--classes")
    agree(found, by_hand(model, examples, [str(n) for n in range(1, 13)]))
    assert [entry["label"] for entry in found["classes"]] == [str(n) for n in range(1, 13)]
    assert ("taken in their order" in str(found["notes"])) == (names is None)


def test_a_model_with_names_in_another_order_is_judged_as_by_hand(place: Path) -> None:
    """As of a run whose classes were sorted as texts."""
    names = sorted(f"class {n}" for n in range(1, 12))
    model = write_model(place / "m.onnx", names, classes=11)
    data = write_pictures(place / "data", dict.fromkeys(names, 4))
    found = judged(model, data, "--classes")
    agree(found, by_hand(model, in_folder(data), names))
    assert found["classes"][1]["label"] == "class 2"


def test_unreadable_pictures_are_left_out_and_named(place: Path) -> None:
    model, data = write_model(place / "m.onnx"), write_pictures(place / "data", WHOLE)
    for name in ("cat/1.png", "gnu/7.png"):
        (data / name).write_bytes(b"broken")
    readable = [e for e in in_folder(data) if e[0].read_bytes() != b"broken"]
    found = judged(model, data)
    agree(found, by_hand(model, readable, NAMES))
    assert [entry["name"] for entry in found["unreadable"]] == ["cat/1.png", "gnu/7.png"]
    text = cnndsl("eval", str(model), "--data", "data").stdout
    assert "note: left out 2 that can't be read: `data/cat/1.png` is no picture" in text


def test_everything_that_was_answered_is_told(place: Path) -> None:
    model = write_model(place / "m.onnx")
    data = write_pictures(place / "data", {"gnu": 9, "ant": 9, "zebra": 9})
    paths = [path for path, _ in in_folder(data)]
    answers = [NAMES[n] for n in values_of(model, paths).argmax(axis=1)]
    found = judged(model, data, "--classes", "--predictions", "p.csv")
    rows = list(csv.DictReader((place / "p.csv").open(encoding="utf-8")))
    assert {row["example"]: row["answer"] for row in rows} == {
        str(path.relative_to(data)): answer for path, answer in zip(paths, answers, strict=True)
    }
    labels = ["ant", "gnu", "zebra"]
    assert found["answers"][:3] == labels and found["answers"][-1] is None
    for label, row in zip(labels, found["confusion"], strict=True):
        given = [a for (_, own), a in zip(in_folder(data), answers, strict=True) if own == label]
        assert row == [given.count(answer) for answer in found["answers"]]
    text = cnndsl("eval", str(model), "--data", "data", "--classes").stdout
    assert "note: the model doesn't have the class `zebra`: its 9 examples count as wrong" in text
    assert "answers that are no class of the data: `" in text
    text = cnndsl("eval", str(model), "--data", "data", "--unknown", "left-out").stdout
    assert "data, all: 18 examples" in text and "`zebra`: its 9 examples are left out" in text


def test_a_nan_is_no_answer(place: Path) -> None:
    model = write_model(place / "m.onnx", last=["Sqrt", "Softmax"])
    data = write_pictures(place / "data", {"cat": 3})
    found = judged(model, data, "--classes", "--predictions", "p.csv")
    assert found["loss"] is None and found["confusion"] == [[0, 3]]
    rows = list(csv.DictReader((place / "p.csv").open()))
    assert [(row["answer"], row["probability"]) for row in rows] == [("", "")] * 3


def test_predict_and_run_say_that_a_nan_is_no_answer(place: Path) -> None:
    """Of a dark picture the model knows all; of a light one nothing."""
    write_model(place / "m.onnx", last=["Sqrt", "Softmax"])
    data = write_pictures(place / "data", {"cat": 1})
    text = cnndsl("predict", "m.onnx", "data").stdout
    assert (
        text == "data/cat/0.png: no answer, since 7 of the model's 7 values are NaN or infinite\n"
    )
    (entry,) = json.loads(cnndsl("predict", "m.onnx", "data", "--format", "json").stdout)
    assert entry["top"] == [] and "7 values are NaN" in entry["error"]
    rows = list(
        csv.reader(cnndsl("predict", "m.onnx", "data", "--format", "csv").stdout.split("\n"))
    )
    assert rows[1][0] == str(data.name + "/cat/0.png") and "NaN" in rows[1][-1]
    assert "nan nan nan" in cnndsl("run", "m.onnx", "data").stdout


@pytest.mark.parametrize(
    ("folders", "options", "message"),
    [
        ({"a": 2, "b": 2}, [], "none of the classes of data (`a`, `b`) is one of `m.onnx`"),
        ({"cat": 2, "dog": 2}, ["--split", "val"], "has no split `val`; without --split every"),
        ({"test/cat": 2}, ["--split", "val"], "data has no split `val`; there are test"),
        ({"test/cat": 2}, ["--labels", "two.txt"], "names for 2 classes, and `m.onnx` has 7"),
        ({"cat": 2}, ["--assert-accuracy", "100"], "and 100 % was asked for"),
    ],
)
def test_what_can_t_be_judged_is_said(
    place: Path, folders: dict[str, int], options: list[str], message: str
) -> None:
    write_model(place / "m.onnx")
    (place / "two.txt").write_text("a\nb\n")
    write_pictures(place / "data", folders)
    assert message in cnndsl("eval", "m.onnx", "--data", "data", *options, code=1).stderr


def test_labels_name_the_classes_of_a_model_that_doesn_t(place: Path) -> None:
    model = write_model(place / "m.onnx", None, classes=8)
    (place / "labels.txt").write_text("\n".join(NAMES), encoding="utf-8")
    data = write_pictures(place / "data", {"cat": 9, "gnu": 9})
    error = cnndsl("eval", "m.onnx", "--data", "data", code=1).stderr
    assert "there are 8 of `m.onnx` and 2 of data" in error and "--labels FILE" in error
    found = judged(model, data, "--labels", "labels.txt", "--labels-from", "1")
    agree(found, by_hand(model, in_folder(data), ["", *NAMES]))


# Real nets and photos


def photo_examples() -> Examples:
    """The hundred photos with the names in their files, such as n01440764_tench."""
    folder = real_data("photos", "imagenet")
    return [(path, path.stem) for path in sorted(folder.iterdir())]


@pytest.mark.data
@pytest.mark.slow
def test_a_net_of_1000_classes_on_photos_of_100(place: Path) -> None:
    """SqueezeNet 1.1: 65 photos by its best class of all, though 91 by its best of these 100."""
    model = real_data("weights", "squeezenet1_1_fp16.onnx")
    index = real_data("photos", "imagenet_class_index.json")
    known = [entry[0] for entry in json.loads(index.read_text()).values()]
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    first = five = 0
    lines = ["path,label"]
    for path, name in photo_examples():
        number = name.split("_")[0]
        lines.append(f"{path},{name}")
        picture = Image.open(path).convert("RGB")
        width, height = picture.size
        scale = 256 / min(width, height)
        picture = picture.resize(
            (int(width * scale), int(height * scale)), Image.Resampling.BILINEAR
        )
        left, top = round((picture.width - 224) / 2), round((picture.height - 224) / 2)
        pixels = np.asarray(picture.crop((left, top, left + 224, top + 224)), np.float32)
        feed = (pixels[..., ::-1] - (104, 117, 123)).transpose(2, 0, 1)[None].astype(np.float16)
        row = np.asarray(session.run(None, {session.get_inputs()[0].name: feed})[0]).reshape(-1)
        best = np.argsort(-row.astype(np.float64), kind="stable")
        first += best[0] == known.index(number)
        five += known.index(number) in best[:5]
    (place / "photos.csv").write_text("\n".join(lines))
    options = ["--labels", str(index), "--scale", "1", "--bgr", "--mean", "104,117,123"]
    found = judged(model, place / "photos.csv", *options)
    assert found["examples"] == 100 and first == 65
    assert found["top1"] == pytest.approx(first / 100)
    assert found["top5"] == pytest.approx(five / 100)
