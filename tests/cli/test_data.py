import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from cnndsl.cli import main
from tests.data.making import class_folders, mnist_folder, noise, photo


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CNNDSL_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def refused(*_: Any, **__: Any) -> Any:
        raise OSError("no network in tests")

    monkeypatch.setattr("urllib.request.urlopen", refused)


def data(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["data", *map(str, arguments)])


def test_a_folder_is_checked_and_drawn(tmp_path: Path) -> None:
    result = data("check", class_folders(tmp_path / "pets", {"cat": 10, "dog": 10}))
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("pets: class folders, 2 classes (cat, dog), 16 train + 4 val")
    assert "damaged         0 of 20 pictures" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("pets-samples.png: samples as they are, then")
    assert (tmp_path / "pets-samples.png").is_file()


def test_json_has_everything(tmp_path: Path) -> None:
    folder = class_folders(tmp_path / "pets", {"cat": 10, "dog": 10})
    result = data("check", folder, "--format", "json", "--mosaic", tmp_path / "m.png")
    content = json.loads(result.stdout)
    assert content["splits"]["train"]["count"] == 16
    assert content["mosaic"] == str(tmp_path / "m.png")
    assert len(content["pictures"]["mean"]) == 3 and content["sound"]
    result = data("check", folder, "--format", "json", "--no-mosaic")
    assert json.loads(result.stdout)["mosaic"] is None
    assert [path.name for path in tmp_path.glob("*.png")] == ["m.png"]


@pytest.mark.parametrize(("strict", "status"), [((), 0), (("--strict",), 1)])
def test_strict_fails_on_what_is_wrong(tmp_path: Path, strict: tuple[str], status: int) -> None:
    folder = class_folders(tmp_path / "pets", {"train/cat": 3, "train/dog": 3, "val/dog": 2})
    photo(folder / "train" / "cat" / "0.png").write_bytes(b"broken")
    result = data("check", folder, "--no-mosaic", *strict)
    assert result.exit_code == status
    assert "  train/cat/0.png (train): " in result.stdout
    assert data("check", class_folders(tmp_path / "d", {"a": 9, "b": 9}), "--strict").exit_code == 0


def test_nothing_readable_is_said_and_not_drawn(tmp_path: Path) -> None:
    folder = class_folders(tmp_path / "pets", {"cat": 2, "dog": 2})
    for path in folder.rglob("*.png"):
        path.write_bytes(b"broken")
    result = data("check", folder)
    assert result.exit_code == 0 and "damaged         4 of 4 pictures" in result.stdout
    assert not list(tmp_path.glob("*.png"))


def test_sizes_and_augmentations_are_chosen(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=noise(40, 9, 9), y=np.arange(40) % 2)
    (tmp_path / "a.toml").write_text("rotation = 30")
    result = data("check", "a.npz", "--size", "20x24", "--augment", "a.toml")
    assert "a-samples.png: samples as they are, then augmented (rotation 30, fill" in result.stdout
    assert "(nothing is augmented)" in data("check", "a.npz", "--augment", "none").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--size", "20"], "error: `--size 20` is no height and width up to 512: 128x128"),
        (["--size", "20x9999"], "is no height and width"),
        (["--size", "0x3"], "is no height and width"),
        (["--size", "ax3"], "is no height and width"),
        (["--augment", "lite"], "there is no augmentation `lite`; did you mean `light`?"),
        (["--mosaic", "no/where.png"], "`no/where.png`: can't be written: there is no folder `no`"),
    ],
)
def test_mistakes_are_said(tmp_path: Path, arguments: list[str], message: str) -> None:
    np.savez(tmp_path / "a.npz", x=noise(40, 9, 9), y=np.arange(40) % 2)
    result = data("check", "a.npz", *arguments)
    assert result.exit_code == 1 and message in result.stderr


def test_built_in_data_sets_are_listed_and_fetched(tmp_path: Path) -> None:
    mnist_folder(tmp_path / "mnist")
    lines = data("list", "--data-dir", tmp_path).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["digits", "mnist", "fashion-mnist", "cifar10"]
    assert lines[1].endswith(str(tmp_path / "mnist"))
    assert lines[3].endswith("170 MB to download")
    result = data("fetch", "mnist", "--data-dir", tmp_path)
    assert result.stdout.startswith("mnist: idx files, 10 classes, 40 train + 10 val (made) + 10")
    assert result.stdout.rstrip().endswith(f" in {tmp_path / 'mnist'}")
    result = data("fetch", "cifar10", "--data-dir", tmp_path)
    assert result.exit_code == 1 and "`cifar10` is not at hand: " in result.stderr
    result = data("fetch", "mnst")
    assert "there is no built-in data set `mnst`; did you mean `mnist`?" in result.stderr


@pytest.mark.parametrize(
    ("folders", "note"),
    [
        ({"test/a": 9, "test/b": 9}, "note: there is nothing to train on; `cnndsl eval` judges"),
        ({"a": 9}, "note: training takes two classes at least; `cnndsl eval` judges by one, too"),
    ],
)
def test_data_that_only_judge_are_looked_at(
    tmp_path: Path, folders: dict[str, int], note: str
) -> None:
    result = data("check", class_folders(tmp_path / "pets", folders))
    assert result.exit_code == 0 and note in result.stdout, result.output
    assert (tmp_path / "pets-samples.png").is_file()
