"""Runs whose files were damaged in ways that fuzzing found: each ends in a sentence, or goes on."""

from __future__ import annotations

import csv
import json
import os
import shutil
from pathlib import Path

import pytest

from cnndsl.diagnostics import UsageError
from cnndsl.training.progress import Epoch, Progress
from tests.support.command_line import cnndsl
from tests.support.mutations import lists_on_a_line
from tests.support.toy_data import write_toy


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one epoch."""
    folder = tmp_path_factory.mktemp("sound")
    spec, data = write_toy(folder, 48)
    options = ("--epochs", "1", "--threads", "1", "-q", "--runs", str(folder / "runs"))
    cnndsl("train", str(spec), "--data", str(data), *options)
    return folder / "runs" / "tiny-001"


def resumed(run: Path, code: int = 1) -> str:
    """What `resume` says."""
    return cnndsl("resume", str(run), "--epochs", "2", "-q", code=code).output


@pytest.mark.parametrize("content", ["[]", "7", "{}", '{"preprocessing": 1}', "[" * 9999, "\0"])
def test_a_record_of_the_data_that_says_nothing(sound: Path, tmp_path: Path, content: str) -> None:
    run = shutil.copytree(sound, tmp_path / "run")
    (run / "data.json").write_text(content, encoding="utf-8")
    assert "data.json` is damaged" in resumed(run)


@pytest.mark.parametrize("metadata", ["x", 7, [1], {"cnndsl.progress": 7}], ids=str)
def test_metadata_that_is_no_text(sound: Path, tmp_path: Path, metadata: object) -> None:
    run = shutil.copytree(sound, tmp_path / "run")
    path = run / "checkpoint.safetensors"
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size]) | {"__metadata__": metadata}
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + size :])
    assert "is damaged" in resumed(run)


PIPES = ("checkpoint.safetensors", "data.json", ".lock", "log.txt", "graphs/grad.onnx")


@pytest.mark.parametrize("name", PIPES)
def test_a_pipe_is_not_waited_for(sound: Path, tmp_path: Path, name: str) -> None:
    run = shutil.copytree(sound, tmp_path / "run")
    (run / name).unlink()
    os.mkfifo(run / name)
    said = resumed(run)
    assert f"{name}`" in said and "no ordinary file" in said


def test_links_that_lead_in_a_circle(sound: Path, tmp_path: Path) -> None:
    run = shutil.copytree(sound, tmp_path / "run")
    (run / "best.onnx").unlink()
    (run / "best.onnx").symlink_to("best.onnx")
    assert "symbolic links" in resumed(run)


def test_weights_that_are_written_over_the_configuration(sound: Path, tmp_path: Path) -> None:
    """A link stays one, wherever it leads."""
    run = shutil.copytree(sound, tmp_path / "run")
    (run / "best.safetensors").unlink()
    (run / "best.safetensors").symlink_to("config.toml")
    resumed(run, code=0)


def test_lost_plots_are_drawn_again(sound: Path, tmp_path: Path) -> None:
    run = shutil.copytree(sound, tmp_path / "run")
    shutil.rmtree(run / "plots")
    resumed(run, code=0)
    assert (run / "plots" / "loss.svg").is_file()


def test_a_graph_of_another_training(sound: Path, tmp_path: Path) -> None:
    """The graphs are kept, so an edited config.toml doesn't go with them."""
    run = shutil.copytree(sound, tmp_path / "run")
    shutil.copy(run / "graphs" / "evaluation.onnx", run / "graphs" / "grad.onnx")
    assert "graphs of another training" in resumed(run)


def test_an_edited_choice_takes_effect(sound: Path, tmp_path: Path) -> None:
    """Label smoothing is part of the graphs, and those that are kept were made without it."""
    losses: list[str] = []
    for smoothing in ("0.0", "0.5"):
        run = shutil.copytree(sound, tmp_path / smoothing)
        text = (run / "config.toml").read_text()
        assert "label_smoothing = 0.0" in text
        (run / "config.toml").write_text(
            text.replace("smoothing = 0.0", f"smoothing = {smoothing}")
        )
        resumed(run, code=0)
        _, second = csv.DictReader((run / "metrics.csv").open())
        losses.append(second["train_loss"])
        again = (run / "graphs" / "grad.onnx").read_bytes()
        assert (again == (sound / "graphs" / "grad.onnx").read_bytes()) == (smoothing == "0.0")
    assert losses[0] != losses[1]


def test_an_edited_batch_may_leave_a_smaller_last_one(sound: Path, tmp_path: Path) -> None:
    """Which is no sign of a run that was begun without one."""
    run = shutil.copytree(sound, tmp_path / "run")
    graphs = run / "graphs"
    text = (run / "config.toml").read_text()
    assert "batch = 38" in text and not (graphs / "grad-rest.onnx").exists()
    (run / "config.toml").write_text(text.replace("batch = 38", "batch = 20"))
    resumed(run, code=0)
    assert (graphs / "grad-rest.onnx").is_file()


def test_an_edited_stage_takes_effect(tmp_path: Path) -> None:
    """What a stage frees is part of its graph."""
    spec, data = write_toy(tmp_path, 48)
    options = ("--epochs", "1", "--threads", "1", "-q", "--runs", str(tmp_path / "runs"))
    stages = ("--freeze", "*", "--unfreeze", "0:logits,0:bn1")
    cnndsl("train", str(spec), "--data", str(data), *options, *stages)
    run = tmp_path / "runs" / "tiny-001"
    graph = run / "graphs" / "grad.onnx"
    before = graph.read_bytes()
    text = lists_on_a_line((run / "config.toml").read_text())
    assert '["logits", "bn1"]' in text
    (run / "config.toml").write_text(text.replace('["logits", "bn1"]', '["logits"]'))
    resumed(run, code=0)
    assert graph.read_bytes() != before


EPOCH = Epoch(1, 3, 0.1, {"loss": 1.0}, {}, 1.0, 48.0)


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": -1},
        {"steps": 10**30},
        {"steps": "3"},
        {"seconds": [1]},
        {"epochs": 7},
        {"running_metrics": {"examples": 1, "answers": 1, "sums": {"loss": "x"}}},
        {"running_metrics": {"examples": 1, "answers": 1, "sums": 3}},
        {"epochs": [{"number": 1, "steps": 3}]},
        {"ended": "never"},
    ],
    ids=str,
)
def test_progress_is_of_its_types(changes: dict[str, object]) -> None:
    sound = Progress(3, [EPOCH])
    assert Progress.from_json(sound.to_json()) == sound
    with pytest.raises(UsageError, match="damaged"):
        Progress.from_json(json.dumps(json.loads(sound.to_json()) | changes))
