"""Classes of which nothing can be read are named before training begins."""

from pathlib import Path

import pytest

from cnndsl.data import open_data
from cnndsl.data.readable import unreadable_classes, with_remarks
from tests.data.making import class_folders
from tests.support.command_line import cnndsl

SPEC = """cnndsl 1
net Small(classes=3)
input image 3@16x16
conv 3x3 4 relu -> gap
logits: fc classes
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = class_folders(tmp_path / "data", {"a": 4, "b": 4, "c": 3})
    for path in (folder / "c").iterdir():
        path.write_bytes(path.read_bytes()[:100])
    (folder / "a" / "0.png").write_bytes(b"")
    return folder


def test_classes_without_a_readable_picture_are_found(data: Path) -> None:
    found = open_data(data)
    (number,) = unreadable_classes(found.train)
    assert found.labels[number] == "c"
    note, _ = with_remarks(found).notes
    assert note.startswith("no training picture of `c` can be read: `")
    for label in "defghi":
        (data / label).mkdir()
        (data / label / "x.jpg").touch()
    notes = with_remarks(open_data(data)).notes
    assert notes[-2] == "nor of 2 more classes"
    assert notes[-1].startswith("there are no validation pictures of `")


def test_train_names_them_first(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(data.parent)
    Path("small.cnn").write_text(SPEC)
    output = cnndsl("train", "small.cnn", "--data", "data", "--epochs", "1").output
    assert output.index("no training picture of `c` can be read: `") < output.index("train loss")
    checked = cnndsl("data", "check", "data", "--no-mosaic").output
    assert "note: no picture of `c` in train can be read" in checked


def test_heic_pictures_need_a_library(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        (data / "b" / f"IMG_{number}.HEIC").touch()
    monkeypatch.setattr("cnndsl.data.readable.find_spec", lambda name: None)
    assert open_data(data).notes == (
        "3 pictures are HEIC, which needs pillow-heif (`pip install pillow-heif`); until then they "
        "can't be read",
    )
    monkeypatch.setattr("cnndsl.data.readable.find_spec", lambda name: name)
    assert open_data(data).notes == ()
