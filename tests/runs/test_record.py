"""What is read of a run's folder is what its training knew."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

import cnndsl
from cnndsl.diagnostics import UsageError
from cnndsl.runs import RunRecord, differing, find_runs
from cnndsl.training.folder import RunFolder
from tests.support.run_folders import MACS, NET, PARAMETERS, epochs, write_run
from tests.support.toy_data import write_toy


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("trained")
    spec, data = write_toy(folder, 96)
    return cnndsl.train(spec, data, epochs=3, threads=1, quiet=True, runs=folder / "runs")


def test_a_training_is_read_as_it_was(outcome: Any) -> None:
    run = RunRecord.read(outcome.folder)
    assert run.epochs == outcome.progress.epochs  # to the last bit
    assert run.best == outcome.progress.best and run.score == outcome.accuracy
    assert run.seconds == pytest.approx(outcome.progress.seconds, abs=0.001)
    assert (run.net, run.data, run.metric, run.ended) == ("tiny", "quarters", "top1", "epochs")
    assert (run.test, run.planned) == (None, 3)
    analysis = cnndsl.analyse(RunFolder(outcome.folder).network)
    assert (run.parameters, run.macs) == (analysis.totals.params, analysis.totals.macs)


def test_the_best_epoch_is_that_of_the_training(tmp_path: Path) -> None:
    over = epochs([0.5, 0.75, 0.75, 0.25], [0.9, 0.4, 0.5, 0.1])
    run = RunRecord.read(write_run(tmp_path / "a", over, test={"loss": 0.45, "top1": 0.7}))
    assert run.best == over[1] and (run.score, run.loss) == (0.75, 0.4)
    assert run.test == {"loss": 0.45, "top1": 0.7}
    assert (run.parameters, run.macs, run.seconds) == (PARAMETERS, MACS, 6.0)


@pytest.mark.parametrize("name", ["iou", "psnr", "r2", "mae"])
def test_scores_of_other_answers(name: str, tmp_path: Path) -> None:
    over = epochs([0.5, 0.25], [0.9, 0.4], name)
    run = RunRecord.read(write_run(tmp_path / "a", over))
    assert run.metric == name
    assert run.best == over[0 if name == "iou" else 1]  # the others are judged by their loss


def test_without_validation_training_is_judged(tmp_path: Path) -> None:
    over = epochs([0.5], [0.9])
    over[0].val = {}
    run = RunRecord.read(write_run(tmp_path / "a", over))
    assert (run.score, run.loss) == (0.25, 0.45)


def test_before_the_first_epoch_there_is_nothing(tmp_path: Path) -> None:
    run = RunRecord.read(write_run(tmp_path / "a", data="photos/garden"))
    assert (run.best, run.metric, run.score, run.loss, run.test) == (None,) * 5
    assert (run.epochs, run.seconds, run.data, run.ended) == ([], 0.0, "garden", "")


HEAD = "epoch,step,lr,seconds,images_per_second,val_loss\n"
DAMAGE = [
    ("metrics.csv", "epoch,step\n1,x\n", "it has no epoch a row"),
    ("metrics.csv", "epoch\n", None),
    ("metrics.csv", "nothing\n1\n", "it has no epoch a row"),
    ("metrics.csv", "epoch,step,lr,seconds,images_per_second\n1,1,0,inf,1\n", "no epoch a row"),
    ("metrics.csv", "epoch,step,lr,seconds,images_per_second\n1,1,0,1,1,5\n", None),
    ("metrics.csv", HEAD + "1,1,0,1,1,1e300\n", "no epoch a row"),
    ("metrics.csv", HEAD + "1,1,0,1,1,nan\n", None),
    ("metrics.csv", b"\xff", "is no UTF-8 text"),
    ("results.json", "[]", "doesn't say what came of the run"),
    ("results.json", "[" * 9999, "doesn't say what came of the run"),
    ("results.json", '{"seconds": -1}', "doesn't say what came of the run"),
    ("results.json", '{"seconds": 1e999}', "doesn't say what came of the run"),
    ("results.json", '{"test": {"loss": 1e99}}', "doesn't say what came of the run"),
    ("results.json", '{"ended": 3, "test": 1}', "doesn't say what came of the run"),
    ("results.json", "{}", None),
    ("config.toml", "epochs", "it is no TOML"),
    ("network.cnn", "net", None),
    ("network.cnn", b"\xff", None),
]


@pytest.mark.parametrize(("name", "content", "message"), DAMAGE)
def test_damage_is_named(
    name: str, content: str | bytes, message: str | None, tmp_path: Path
) -> None:
    path = write_run(tmp_path / "runs" / "a", epochs([0.5], [0.9]))
    whole = write_run(tmp_path / "runs" / "b", epochs([0.5], [0.9]))
    data = content if isinstance(content, bytes) else content.encode()
    (path / name).write_bytes(data)
    if message is None:
        assert RunRecord.read(path).parameters in (PARAMETERS, 7)
        return
    with pytest.raises(UsageError, match=f"{name}.*{message}"):
        RunRecord.read(path)
    found = find_runs(tmp_path / "runs")
    assert [run.folder.path for run in found] == [whole]
    assert len(found.problems) == 1 and message in found.problems[0]


@pytest.mark.parametrize("name", ["metrics.csv", "results.json", "config.toml", "network.cnn"])
def test_a_pipe_is_not_waited_for(name: str, tmp_path: Path) -> None:
    path = write_run(tmp_path / "a", epochs([0.5], [0.9]))
    (path / name).unlink()
    os.mkfifo(path / name)
    with pytest.raises(UsageError):
        RunRecord.read(path)


def test_runs_are_found_below_a_folder(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    for name in ("net-1000", "net-002", "search/trial-001", "net-002/deeper"):
        write_run(root / name)
    (root / "notes").mkdir()
    (root / ".hidden").mkdir()
    (root / "data-1.npz").write_bytes(b"")
    (root / "circle").symlink_to(root)
    found = find_runs(root)
    names = [str(run.folder.path.relative_to(root)) for run in found]
    assert names == ["net-002", "net-1000", "search/trial-001"]
    assert found.problems == (f"`{root / 'notes'}` holds no run",)
    assert [run.name for run in find_runs(root / "net-002")] == ["net-002"]
    assert str(found) == "3 runs" and len(find_runs(root / "notes")) == 0
    with pytest.raises(UsageError, match="there is no folder"):
        find_runs(tmp_path / "nowhere")


DIFFERENCES: list[tuple[list[dict[str, Any]], list[dict[str, Any]]]] = [
    ([{}, {}], [{}, {}]),
    ([{"seed": 0}, {"seed": 1}], [{"seed": 0}, {"seed": 1}]),
    ([{"threads": 1}, {"threads": 2}], [{}, {}]),
    ([{"batch": 8, "clip": 1.0}, {}], [{"batch": 8, "clip": 1.0}, {"batch": 64, "clip": None}]),
    ([{"learning_rate": 0.5}, {}], [{"lr": 0.5}, {"lr": 0.1}]),
    ([{"settings": {"width": 8}}, {}], [{"width": 8}, {"width": None}]),
    ([{"settings": {"seed": 8}}, {}], [{"set seed": 8}, {"set seed": None}]),
    (
        [{"spec": "nets/a.cnn"}, {"spec": "b.cnn", "net": NET.replace("8 p1", "9 p1")}],
        [{"net": "nets/a.cnn"}, {"net": "b.cnn"}],
    ),
]


@pytest.mark.parametrize(("given", "expected"), DIFFERENCES)
def test_where_runs_differ(
    given: list[dict[str, Any]], expected: list[dict[str, Any]], tmp_path: Path
) -> None:
    runs = [RunRecord.read(write_run(tmp_path / str(n), **g)) for n, g in enumerate(given)]
    assert differing(runs) == expected


def test_a_net_that_changed_under_its_name_is_another(tmp_path: Path) -> None:
    nets = (NET, NET.replace("8 p1", "9 p1"), NET)
    runs = [RunRecord.read(write_run(tmp_path / str(n), net=net)) for n, net in enumerate(nets)]
    first, second, third = (chosen["network"] for chosen in differing(runs))
    assert first == third != second
    assert runs[1].parameters == 9 * 9 + 9 + 9 * 4 * 4 * 4 + 4


def test_a_row_a_run(tmp_path: Path, outcome: Any) -> None:
    shutil.copytree(outcome.folder, tmp_path / "runs" / "a")
    write_run(tmp_path / "runs" / "b", epochs([0.5, 0.75], [0.9, 0.5]), seed=3)
    first, second = find_runs(tmp_path / "runs").rows()
    assert list(first) == list(second)
    assert second["run"] == str(tmp_path / "runs" / "b")
    figures = ("epochs", "best_epoch", "train_loss", "val_loss", "train_score", "val_score", "seed")
    assert [second[name] for name in figures] == [2, 2, 0.25, 0.5, 0.375, 0.75, 3]


@pytest.mark.torch
def test_runs_are_a_table_of_pandas(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    for seed in (0, 1):
        write_run(tmp_path / str(seed), epochs([0.5], [0.25]), seed=seed)
    frame = find_runs(tmp_path).to_pandas()
    assert frame["val_loss"].mean() == 0.25 and list(frame["seed"]) == [0, 1]
