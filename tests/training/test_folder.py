"""A run's folder: numbered, never overwritten, one process at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from cnndsl.diagnostics import UsageError
from cnndsl.training.environment import environment, memory_in_use
from cnndsl.training.folder import RunFolder, write_csv, write_json


def test_folders_are_numbered_and_never_used_twice(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    names = [RunFolder.create(root, name).path.name for name in ("net", "net", "a/b c", "net")]
    assert names == ["net-001", "net-002", "a-b-c-001", "net-003"]
    (root / "net-0999").mkdir()
    assert RunFolder.create(root, "net").path.name == "net-1000"


def test_another_folder_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folder that `cnndsl train` made"):
        RunFolder.open(tmp_path)


def test_one_process_trains_in_a_folder(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "net")
    with folder.locked(), pytest.raises(UsageError, match="another process"), folder.locked():
        pass
    with folder.locked():
        pass


def test_tables_and_notes(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "net")
    write_csv(folder.metrics, ["epoch", "loss"], [{"epoch": 1, "loss": 0.5}, {"epoch": 2}])
    assert folder.metrics.read_text() == "epoch,loss\n1,0.5\n2,\n"
    write_json(folder.results, {"größe": 1})
    assert folder.results.read_text(encoding="utf-8") == '{\n  "größe": 1\n}\n'
    folder.note("begun")
    folder.note("ended")
    assert [line[21:] for line in folder.log.read_text().splitlines()] == ["begun", "ended"]


def test_the_environment_is_known() -> None:
    found = environment()
    assert found["python"] and found["processor"] and found["cores"]
    memory = memory_in_use()
    assert memory is not None and 1e6 < memory < 1e12
