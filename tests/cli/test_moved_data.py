"""A run goes on when its data has moved, and says what differs where it isn't the same."""

import csv
from pathlib import Path

import numpy as np
import pytest

from tests.data.making import class_folders, photo
from tests.support.command_line import cnndsl

SPEC = """cnndsl 1
net Small(classes=2)
input image 3@16x16
conv 3x3 4 relu -> gap
logits: fc classes
"""
RUN = "runs/small-001"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    class_folders(tmp_path / "data", {"a": 6, "b": 6})
    Path("small.cnn").write_text(SPEC)
    cnndsl("train", "small.cnn", "--data", "data", "--epochs", "1", "-q")
    return tmp_path


def test_data_that_moved_is_named(place: Path) -> None:
    (place / "data").rename(place / "elsewhere")
    error = cnndsl("resume", RUN, "--epochs", "2", code=1).stderr
    said = f"the run's data isn't at `{place / 'data'}` any more: say where it is now"
    assert error == f"error: {said}, `cnndsl resume {RUN} --data PATH`\n"
    assert cnndsl("eval", RUN, code=1).stderr == f"error: {said} by --data\n"
    cnndsl("resume", RUN, "--epochs", "2", "--data", "elsewhere", "-q")
    cnndsl("resume", RUN, "--epochs", "3", "-q")  # the run knows it now
    cnndsl("eval", RUN)
    assert str(place / "elsewhere") in (place / RUN / "config.toml").read_text()
    error = cnndsl("resume", RUN, "--data", "nowhere", code=1).stderr
    assert "there is no file or folder `nowhere`" in error


def change(place: Path, what: str) -> None:
    data = place / "data"
    if what == "gone":
        (data / "a" / "0.png").unlink()
    elif what == "new":
        photo(data / "b" / "new.png", seed=99)
    elif what == "class":
        (data / "a" / "0.png").rename(data / "b" / "x.png")
    elif what == "size":
        photo(data / "a" / "0.png", 50, 60)
    elif what == "classes":
        (data / "b").rename(data / "c")
    elif what == "other":
        for path in data.glob("*/*.png"):
            path.rename(path.with_stem(f"x{path.stem}"))


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("gone", "1 is gone (`a/0.png`)"),
        ("new", "1 is new (`b/new.png`)"),
        ("class", "1 is gone (`a/0.png`); 1 is new (`b/x.png`)"),
        ("size", "1 is of another size (`a/0.png`)"),
        (
            "classes",
            "6 are gone (`b/0.png`, `b/1.png`, `b/2.png`, …); 6 are new (`c/0.png`, `c/1.png`, "
            "`c/2.png`, …); of the classes 1 is gone (`b`); of the classes 1 is new (`c`)",
        ),
        ("other", "none of its 12 pictures is there by its name"),
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_what_differs_is_said(place: Path, what: str, said: str, named: bool) -> None:
    change(place, what)
    options = ["--data", "data"] if named else []
    error = cnndsl("resume", RUN, "--epochs", "2", *options, code=1).stderr
    start = f"error: the data at `{place / 'data'}` isn't what the run began with: "
    end = ". Put it back, name where it is now by --data, or begin a new run\n"
    assert sorted(error.removeprefix(start).removesuffix(end).split("; ")) == sorted(
        said.split("; ")
    )


def test_runs_of_before_say_what_they_can(place: Path) -> None:
    path = place / RUN / "split.csv"
    rows = list(csv.DictReader(path.open()))
    assert all(
        int(row["bytes"]) == (place / "data" / row["example"]).stat().st_size for row in rows
    )
    path.write_text(
        "example,label,split\n"
        + "".join(f"{r['example']},{r['label']},{r['split']}\n" for r in rows)
    )
    cnndsl("resume", RUN, "--epochs", "2", "-q")
    change(place, "gone")
    assert "1 is gone (`a/0.png`)" in cnndsl("resume", RUN, "--epochs", "3", code=1).stderr
    path.unlink()
    error = cnndsl("resume", RUN, "--epochs", "3", code=1).stderr
    assert "isn't what the run began with: data: class folders" in error


def test_arrays_are_told_apart_by_their_numbers(place: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (20, 16, 16, 3), np.uint8)
    np.savez("x.npz", x=pictures, y=np.arange(20) % 2)
    cnndsl("train", "small.cnn", "--data", "x.npz", "--epochs", "1", "-q", "--name", "arrays")
    Path("x.npz").rename("y.npz")
    cnndsl("resume", "runs/arrays-001", "--epochs", "2", "--data", "y.npz", "-q")
    np.savez("y.npz", x=pictures[:10], y=np.arange(10) % 2)
    error = cnndsl("resume", "runs/arrays-001", "--epochs", "3", code=1).stderr
    assert "began with: it has 10 examples, and had 20." in error
    np.savez("y.npz", x=pictures[::-1], y=np.arange(20) % 2)
    error = cnndsl("resume", "runs/arrays-001", "--epochs", "3", code=1).stderr
    assert "began with: there are as many examples, but others." in error
