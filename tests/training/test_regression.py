"""Nets that answer with numbers."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnndsl.data.opening import open_data
from cnndsl.data.targets import Numbers
from cnndsl.diagnostics import UsageError
from cnndsl.runtime import open_model, run
from tests.support.command_line import cnndsl

SPEC = """cnndsl 1
net Shades
input image 1@8x8
conv 3x3 8 same relu
gap
out: fc 2
output out
loss mse(out, target)
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pictures with their mean, and 1 less it, in a list."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shades.cnn").write_text(SPEC)
    random = np.random.default_rng(0)
    rows = ["image,note,light,dark,split"]
    (tmp_path / "photos").mkdir()
    for number in range(60):
        light = random.random()
        pixels = np.clip(255 * light + random.normal(0, 9, (8, 8)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"photos/{number}.png")
        split = "test" if number > 50 else "train"
        rows.append(f"photos/{number}.png,n{number},{light:.4f},{1 - light:.4f},{split}")
    (tmp_path / "list.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


def test_columns_of_numbers_are_targets(place: Path) -> None:
    data = open_data("list.csv", numbers=True)
    assert {n: len(s) for n, s in data.splits.items()} == {"train": 41, "val": 10, "test": 9}
    assert data.train.targets.shape == (41, 2) and data.classes == 0
    assert "numbers to answer with: `light`, `dark`" in data.notes
    assert "columns of `list.csv` that aren't used: `note`" in data.notes
    assert "2 numbers each" in data.describe()


@pytest.mark.parametrize("loss", ["mse", "l1", "huber"])
def test_a_regression_from_end_to_end(loss: str, place: Path) -> None:
    (place / "shades.cnn").write_text(SPEC.replace("mse", loss))
    shown = cnndsl(
        *("train", "shades.cnn", "--data", "list.csv", "--epochs", "80", "--batch", "8"),
        *("--lr", "0.02"),
    ).stdout
    assert "R²" in shown and "top-1" not in shown
    rows = list(csv.DictReader((place / "runs/shades-001/metrics.csv").open()))
    best = min(rows, key=lambda row: float(row["val_loss"]))
    found = json.loads(
        cnndsl("eval", "runs/shades-001", "--split", "val", "--format", "json").stdout
    )
    for name in ("loss", "mse", "mae", "r2"):
        assert found[name] == pytest.approx(float(best[f"val_{name}"]), rel=1e-4), name
    assert found["r2"] > 0.8
    assert "R²" in cnndsl("eval", "runs/shades-001", "--data", "list.csv", "--split", "test").stdout
    error = cnndsl("eval", "runs/shades-001", "--data", "digits", code=1).stderr
    assert "answers with numbers, and digits has none" in error


def test_numbers_are_predicted(place: Path) -> None:
    cnndsl("train", "shades.cnn", "--data", "list.csv", "--epochs", "1", "-q")
    (place / "bad.png").write_text("no picture")
    inputs = "predict", "runs/shades-001", "photos/1.png", "bad.png", "photos/2.png"
    best = open_model("runs/shades-001/best.onnx")
    (wanted,) = run(best, ["photos/1.png", "photos/2.png"]).values()
    rows = list(csv.reader(cnndsl(*inputs, "--format", "csv", code=1).stdout.splitlines()))
    assert rows[0] == ["input", "number_1", "number_2", "error"]
    found = [[float(cell) for cell in rows[n][1:3]] for n in (1, 3)]
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
    assert rows[2][1:3] == ["", ""] and "bad.png" in rows[2][0] and rows[2][3]
    entries = json.loads(cnndsl(*inputs, "--format", "json", code=1).stdout)
    np.testing.assert_allclose(entries[2]["numbers"], wanted[1], rtol=1e-6)
    text = cnndsl(*inputs, code=1).stdout
    assert f"photos/1.png: {wanted[0][0]:.6g}, {wanted[0][1]:.6g}\n" in text


def test_scores_by_hand() -> None:
    scorer = Numbers().scorer()
    numbers = np.array([[1.0, 5], [2, 5], [4, 5]])
    answers = np.array([[1.5, 5], [2, 6], [3, 5]])
    scorer.add(answers[:2], {"target": numbers[:2]})
    scorer.add(answers[2:], {"target": numbers[2:]})
    spread = ((numbers[:, 0] - 7 / 3) ** 2).sum()
    assert scorer.scores() == pytest.approx(
        {"mse": (0.25 + 1 + 1) / 6, "mae": 2.5 / 6, "r2": 1 - 1.25 / spread}
    )  # what is the same for all examples has no R²
    assert Numbers().scorer().scores() == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "image,light\nphotos/1.png,0.5\nphotos/2.png,much\n",
            "line 3 of .* has `much` for `light`",
        ),
        ("image,light\nphotos/1.png,0.5\nphotos/2.png,nan\n", "line 3 of .* has `nan` for `light`"),
        ("image,light\nphotos/1.png,\nphotos/2.png,1\n", "line 2 of .* has `` for `light`"),
        ("image,light\nphotos/1.png,1\nphotos/2.png,1e39\n", "has `1e39` for `light`"),
        ("image,light\nphotos/1.png,some\n", "has no column of numbers beside `image`"),
        ("light,dark\n1,2\n", "one of them `path`"),
        ("image,light,split\nphotos/1.png,1,other\n", "has the split `other`"),
        ("image,light\nphotos/1.png,1\nphotos/nothing.png,1\n", "that isn't there"),
    ],
)
def test_what_is_no_list_of_numbers(text: str, message: str, place: Path) -> None:
    (place / "list.csv").write_text(text)
    with pytest.raises(UsageError, match=message):
        open_data("list.csv", numbers=True)


def test_numbers_of_lines_are_nothing_to_answer_with(place: Path) -> None:
    lines = [f"{n},{n},photos/{n}.png,{n / 9}" for n in (*range(9), 3)]
    (place / "list.csv").write_text("\n".join([",id,image,light", *lines, "9,4,photos/4.png,7"]))
    data = open_data("list.csv", numbers=True, validation=0)
    assert data.train.targets.shape == (10, 1)
    assert "columns of `list.csv` that aren't used: `id`" in data.notes
    assert "`list.csv` repeats lines, 1 in all, which count once" in data.notes
    assert "`list.csv` lists pictures with several numbers: `photos/4.png`" in data.notes


def test_another_count_of_numbers_is_refused(place: Path) -> None:
    (place / "shades.cnn").write_text(SPEC.replace("fc 2", "fc 3"))
    found = cnndsl("train", "shades.cnn", "--data", "list.csv", code=1).stderr
    assert "the net answers with 3 numbers for each picture, and the data has 2" in found


def test_bce_wants_probabilities(place: Path) -> None:
    (place / "shades.cnn").write_text(SPEC.replace("mse", "bce"))
    found = cnndsl("train", "shades.cnn", "--data", "list.csv", code=1).stderr
    assert "bce compares probabilities, and `out` can be below 0 and above 1" in found


def test_arrays(place: Path) -> None:
    random = np.random.default_rng(0)
    np.savez("a.npz", x=random.integers(0, 255, (40, 8, 8), np.uint8), y=random.random((40, 2)))
    cnndsl("train", "shades.cnn", "--data", "a.npz", "--epochs", "1", "--batch", "8", "-q")
    assert "MAE" in cnndsl("eval", "runs/shades-001").stdout


def test_a_runs_net_is_read_without_warnings(place: Path) -> None:
    """The kept net is written by the training, so nobody could heed them."""
    spec = SPEC.replace("gap", "conv 3x3 2 bias bn\ngap")
    (place / "shades.cnn").write_text(spec)
    cnndsl("train", "shades.cnn", "--data", "list.csv", "--epochs", "1", "-q")
    assert "conv 3x3 2\n" in (place / "runs/shades-001/network.cnn").read_text()
    shown = cnndsl("look", "runs/shades-001", "--show", "kernels", "-o", "kernels.png")
    assert "warning" not in shown.stderr


def test_a_run_goes_on_when_its_spec_is_gone(place: Path) -> None:
    cnndsl("train", "shades.cnn", "--data", "list.csv", "--epochs", "1", "-q")
    (place / "shades.cnn").unlink()
    assert "R²" in cnndsl("resume", "runs/shades-001", "--epochs", "2").stdout


def test_a_mistake_in_the_spec_is_said_before_the_data_is_read(place: Path) -> None:
    (place / "shades.cnn").write_text(SPEC.replace("gap", "gapp"))
    error = cnndsl("train", "shades.cnn", "--data", "list.csv", code=1).stderr
    assert "shades.cnn:5:1" in error and "list.csv" not in error


def test_a_model_says_what_it_answers_with(place: Path) -> None:
    cnndsl("train", "shades.cnn", "--data", "list.csv", "--epochs", "1", "-q")
    (place / "runs/shades-001/best.onnx").rename(place / "alone.onnx")
    (numbers,) = run("alone.onnx", "photos/3.png").outputs.values()
    for command in ("run", "predict"):
        shown = cnndsl(command, "alone.onnx", "photos/3.png").stdout
        assert f"{numbers[0, 0]:.4g}" in shown and "%" not in shown and "class" not in shown
    error = cnndsl("eval", "alone.onnx", "--data", "list.csv", code=1).stderr
    assert "answers with no classes" in error or "label" in error


def test_a_step_beyond_the_memory_is_refused_before_it_is_begun(place: Path) -> None:
    large = SPEC.replace("conv 3x3", "upsample 2000x2000\nconv 3x3")
    (place / "shades.cnn").write_text(large)
    error = cnndsl("train", "shades.cnn", "--data", "list.csv", code=1).stderr
    assert "a step of 41 examples holds at least" in error and "GB: take" in error
