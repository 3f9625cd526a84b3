"""`cnndsl train` and what goes with it, from the command line to the files."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import onnx
import pytest

from tests.cli.training import place, train
from tests.data.making import class_folders
from tests.support.command_line import cnndsl
from tests.support.toy_data import write_toy

KEPT = (
    *("config.toml", "spec.cnn", "network.cnn", "environment.json", "data.json", "split.csv"),
    *("labels.txt", "log.txt", "metrics.csv", "results.json", "report.html", "best.onnx"),
    *("checkpoint.safetensors", "best.safetensors", "last.safetensors"),
    *("graphs/grad.onnx", "graphs/apply.onnx", "graphs/evaluation.onnx"),
    *("plots/loss.svg", "plots/confusion.svg", "plots/sample.png"),
)


@pytest.mark.parametrize(
    ("ending", "inner", "said"),
    [
        ("last: fc classes\noutput last", "4", True),  # the output has as many as the data
        ("inner: fc classes relu\nlast: fc 4\noutput last", "6", False),
        ("inner: fc classes relu\nlast: fc classes\noutput last", "4", True),
    ],
)
def test_the_parameter_classes_is_set_where_the_output_has_it(
    place: Path, ending: str, inner: str, said: bool
) -> None:
    head = "cnndsl 1\nnet Imported(classes=6)\ninput image 1@8x8\nconv 3x3 8 p1 relu\ngap\n"
    (place / "imported.cnn").write_text(head + ending + "\n")
    data = ("train", "imported.cnn", "--data", "quarters.npz", "--epochs", "1", "--threads", "1")
    output = cnndsl(*data).output
    assert ("classes=4 instead of 6, as the data has it" in output) == said
    network = (place / "runs/imported-001/network.cnn").read_text()
    assert f"(classes={inner})" in network
    first = network[network.index("fc") :].split()[1]
    assert first == inner


def test_a_run_leaves_everything_that_is_needed_later(place: Path) -> None:
    output = train("--epochs", "4", "--augment", "light").output
    run = place / "runs" / "tiny-001"
    for said in ("4 classes", "classes=4 instead of 3", "epoch", "4/4", "best.onnx"):
        assert said in output
    for name in KEPT:
        assert (run / name).stat().st_size, name
    results = json.loads((run / "results.json").read_text())
    assert results["best"].keys() >= {"epoch", "val_loss", "val_top1", "val_top5"}
    assert results["ended"] == "epochs" and results["epochs"] == 4
    rows = list(csv.DictReader((run / "metrics.csv").open()))
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4"]
    assert (run / "labels.txt").read_text().splitlines()[3] == "bottom right"
    splits = [row["split"] for row in csv.DictReader((run / "split.csv").open())]
    assert splits.count("train") == 192 and splits.count("val") == 48
    train("--epochs", "1", "-q")
    assert (place / "runs" / "tiny-002").is_dir()


def test_the_header_tells_what_becomes_of_the_last_batch(place: Path) -> None:
    output = train("--epochs", "2", "--batch", "50").output
    assert "2 epochs of 4 steps, batch 50 (the last one 42)" in output
    assert (place / "runs/tiny-001/graphs/grad-rest.onnx").is_file()
    output = train("--epochs", "1", "--batch", "191").output
    assert "1 epoch of 1 step, batch 191 (1 example left out, others in each epoch)" in output
    graphs = place / "runs/tiny-001/graphs"
    (graphs / "grad-rest.onnx").unlink()
    error = cnndsl("resume", "runs/tiny-001", "--epochs", "3", code=1).stderr
    assert "left each epoch's last 42 examples out" in error
    graph = onnx.load(graphs / "grad.onnx")
    del graph.metadata_props[:]  # those versions didn't say what a graph was made for
    onnx.save(graph, graphs / "grad.onnx")
    assert cnndsl("resume", "runs/tiny-001", "--epochs", "3", code=1).stderr == error


def test_the_same_seed_gives_the_same_bits_and_another_one_others(place: Path) -> None:
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        train("--epochs", "2", "--seed", seed, "--name", name, "-q")
    first, same, other = ((place / f"runs/{n}-001/last.safetensors").read_bytes() for n in "abc")
    assert first == same != other


def test_stages_free_what_was_frozen(place: Path) -> None:
    from cnndsl.weights.save import read_tensors

    stages = ("--freeze", "*", "--unfreeze", "0:logits,1:bn1,2:conv1")
    output = train("--epochs", "3", *stages).output
    assert "stages    after 1 epoch bn1; after 2 epochs conv1" in output
    assert "stage 2 of 3: bn1 too, 532 trained parameters" in output
    run = place / "runs" / "tiny-001"
    assert {p.name for p in (run / "graphs").iterdir()} >= {"grad-2.onnx", "grad-3.onnx"}
    train("--epochs", "1", *stages, "-q", "--name", "head")
    train("--epochs", "1", *stages, "-q", "--name", "start", "--lr", "1e-30")
    head, start = (
        read_tensors(place / f"runs/{name}-001/last.safetensors")[0] for name in ("head", "start")
    )
    same = {name for name, values in head.items() if (values == start[name]).all()}
    assert head.keys() - same == {"logits.weight", "logits.bias"}


def test_accuracy_can_be_asked_for() -> None:
    train("--epochs", "10", "-q", "--assert-accuracy", "90")
    error = train("--epochs", "1", "--lr", "1e-9", "-q", "--assert-accuracy", "90", code=1).stderr
    assert "90 % was asked for" in error


def test_a_loss_that_explodes_is_explained(place: Path) -> None:
    error = train("--epochs", "3", "--optimiser", "sgd", "--lr", "1e38", code=1).stderr
    assert "the loss became" in error and "lower --lr" in error
    assert (place / "runs/tiny-001/checkpoint.safetensors").exists()


def test_changed_data_is_not_trained_on(place: Path) -> None:
    train("--epochs", "1", "-q")
    write_toy(place, 241)
    error = cnndsl("resume", "runs/tiny-001", "--epochs", "2", code=1).stderr
    assert "isn't what the run began with" in error


def test_a_full_disk_is_explained(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cnndsl.training import checkpointer

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device", "checkpoint.safetensors")

    train("--epochs", "1", "-q")
    monkeypatch.setattr(checkpointer, "save_checkpoint", full)
    error = cnndsl("resume", "runs/tiny-001", "--epochs", "2", code=1).stderr
    assert "No space left on device" in error and "cnndsl resume runs/tiny-001" in error
    monkeypatch.undo()
    monkeypatch.chdir(place)
    cnndsl("resume", "runs/tiny-001", "-q")


def test_programs_read_a_line_an_epoch() -> None:
    lines = train("--epochs", "2", "--json").output.splitlines()
    events = [json.loads(line) for line in lines]
    assert [e["epoch"] for e in events if e["event"] == "epoch"] == [1, 2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--optimiser", "adamm"], "no optimiser `adamm`; did you mean"),
        (["--schedule", "cosine ends=1"], "`ends` is not known here; did you mean `end`"),
        (["--freeze", "*"], "nothing is left to train"),
        (["--freeze", "conv1, cnov1"], "matches no parameter; did you mean `conv1`"),
        (["--unfreeze", "1:conv1"], "matches nothing that is frozen then"),
        (["--freeze", "conv1", "--unfreeze", "1:conv9"], "--unfreeze `conv9` matches no parameter"),
        (["--unfreeze", "conv1"], "isn't written EPOCHS:PATTERN"),
        (["--lr-of", "conv7=1"], "no trained parameter is called `conv7`"),
        (["--lr-of", "conv1"], "PATTERN=FACTOR"),
        (["--time-limit", "soon"], "no duration"),
        (["--class-weights", "1,2"], "2 class weights for 4 classes"),
        (["--weights", "nothing.safetensors"], "there is no file"),
        (["--set", "classes=7"], "tells 7 classes apart"),
        (["--class-weights", "1,-1,1,1"], "class weights are 0 or more"),
        (["--class-weights", "1,nan,1,1"], "class weights are 0 or more"),
        (["--class-weights", "0,0,0,0"], "no training example counts"),
    ],
)
def test_mistakes_are_explained(options: list[str], message: str) -> None:
    assert message in train(*options, code=1).stderr


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        ({"test/a": 2, "test/b": 2}, "photos has nothing to train on, only test; training"),
        ({"val/a": 2, "test/b": 2}, "photos has nothing to train on, only val and test"),
        ({"train/a": 2}, "photos has a single class, `a`; training takes two at least"),
    ],
)
def test_what_can_t_be_trained_on_is_said(folders: dict[str, int], message: str) -> None:
    class_folders(Path("photos"), folders)
    for command in ("train", "lr-find"):
        assert message in cnndsl(command, "tiny.cnn", "--data", "photos", code=1).stderr


def test_a_run_with_classes_in_an_older_order_is_not_gone_on_with(place: Path) -> None:
    class_folders(place / "photos", {"class 2": 6, "class 10": 6})
    cnndsl("train", "tiny.cnn", "--data", "photos", "--epochs", "1", "-q")
    run = place / "runs" / "tiny-001"
    assert (run / "labels.txt").read_text() == "class 2\nclass 10\n"
    about = json.loads((run / "data.json").read_text())
    about["labels"].sort()
    (run / "data.json").write_text(json.dumps(about))
    config = (run / "config.toml").read_text()
    (run / "config.toml").write_text(re.sub('fingerprint = ".*"', 'fingerprint = "0"', config))
    error = cnndsl("resume", str(run), "--epochs", "2", code=1).stderr
    assert "are in another order than when the run began" in error


def test_a_trained_net_is_judged_and_names_classes(place: Path) -> None:
    train("--epochs", "12", "-q")
    verdict = json.loads(
        cnndsl("eval", "runs/tiny-001", "--format", "json", "--predictions", "p.csv").output
    )
    results = json.loads((place / "runs/tiny-001/results.json").read_text())
    assert verdict["top1"] == results["best"]["val_top1"]
    assert verdict["loss"] == pytest.approx(results["best"]["val_loss"], rel=1e-4)
    rows = list(csv.DictReader((place / "p.csv").open()))
    assert len(rows) == 48
    assert sum(row["label"] == row["answer"] for row in rows) == round(48 * verdict["top1"])
    text = cnndsl("eval", "runs/tiny-001/best.onnx", "--data", "quarters.npz", "--classes").output
    assert "top right" in text
    error = cnndsl("eval", "runs/tiny-001/best.onnx", code=1).stderr
    assert "name some by --data" in error
    _write_picture(place / "a.png")
    answer = json.loads(cnndsl("predict", "runs/tiny-001", "a.png", "--format", "json").output)
    assert answer[0]["top"][0]["label"] == "bottom left"
    cnndsl("predict", "runs/tiny-001", "a.png", "a.png", "--top", "2", "-o", "answers.csv")
    head, first, _ = (place / "answers.csv").read_text().splitlines()
    assert head == "input,class,probability,class_2,probability_2,error"
    assert first.startswith("a.png,bottom left,")


def _write_picture(path: Path) -> None:
    import numpy as np

    from cnndsl.runtime.images import write_picture

    picture = np.full((8, 8), 30, np.uint8)
    picture[4:, :4] = 90
    with path.open("wb") as file:
        write_picture(file, picture)


def test_any_onnx_model_is_trained_from_its_own_weights(place: Path) -> None:
    train("--epochs", "8", "-q")
    model = ("train", "runs/tiny-001/best.onnx", "--data", "quarters.npz", "--name", "again")
    output = cnndsl(*model, "--epochs", "1", "--lr", "1e-5").output
    assert "1/1" in output
    first, again = (
        json.loads((place / f"runs/{name}-001/results.json").read_text())
        for name in ("tiny", "again")
    )
    assert again["best"]["val_loss"] == pytest.approx(first["best"]["val_loss"], rel=0.05)
    cnndsl("resume", "runs/again-001", "--epochs", "2", "-q")
    cnndsl("eval", "runs/again-001", "--assert-accuracy", "90")
    error = cnndsl(*model, "--set", "classes=3", code=1).stderr
    assert "is no spec" in error


def test_python_trains_too(place: Path) -> None:
    import cnndsl as package

    outcome = package.train(place / "tiny.cnn", place / "quarters.npz", epochs=6, quiet=True)
    assert outcome.folder == Path("runs/tiny-001")
    assert outcome.accuracy is not None and outcome.accuracy > 0.5
    again = package.resume(outcome.folder, quiet=True)
    assert again.progress.steps == outcome.progress.steps


def test_preprocessing_may_be_given(place: Path) -> None:
    train("--epochs", "1", "-q", "--mean", "0.5", "--std", "0.25")
    kept = json.loads((place / "runs/tiny-001/data.json").read_text())["preprocessing"]
    assert (kept["mean"], kept["std"]) == ([0.5], [0.25])


def test_a_learning_rate_is_found(place: Path) -> None:
    found = ("lr-find", "tiny.cnn", "--data", "quarters.npz", "--batch", "32")
    output = cnndsl(*found, "--steps", "60", "-o", "curve.svg").output
    assert 1e-6 < float(output.splitlines()[-1]) < 10
    assert (place / "curve.svg").read_text().startswith("<svg")
    assert not (place / "runs").exists()


def test_half_precision(place: Path) -> None:
    """In float16 it learns as well; the columns tell what was skipped. The CPU has no bfloat16."""
    result = train("--precision", "float16", "--epochs", "2", "--json")
    assert "float16" in next(iter(place.glob("runs/*/config.toml"))).read_text()
    events = [json.loads(line) for line in result.stdout.splitlines()]
    epochs = [event for event in events if event["event"] == "epoch"]
    assert all(epoch["train_skipped"] >= 0 for epoch in epochs)
    refused = train("--precision", "bfloat16", "--epochs", "1", code=1)
    assert "no arithmetic in bfloat16 on the CPU; take --device cuda" in refused.output
    assert len(list(place.glob("runs/*"))) == 1


__all__ = ["place"]
