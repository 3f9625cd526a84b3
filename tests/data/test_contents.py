"""Digests of files, and how they are remembered."""

from __future__ import annotations

import os
from hashlib import blake2b
from pathlib import Path
from time import time_ns

import numpy as np
import pytest

from cnndsl.data import contents as module
from cnndsl.data.contents import MOST_FOLDERS, contents


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of what is remembered, from the first byte on."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "REMEMBERED", 0)
    monkeypatch.setattr(module, "cache_folder", lambda: tmp_path / "cache" / "cnndsl")
    return tmp_path / "cache" / "cnndsl" / "contents"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were read."""
    names: list[str] = []
    plain = module._digest

    def noted(path: Path) -> bytes:
        names.append(path.name)
        return plain(path)

    monkeypatch.setattr(module, "_digest", noted)
    return names


def write(folder: Path, texts: dict[str, str], age: float = 60) -> list[Path]:
    """Files that were written so many seconds ago, as far as their times say."""
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text)
        then = time_ns() - int(age * 1e9)
        os.utime(folder / name, ns=(then, then))
    return sorted(folder.iterdir())


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock is a minute ahead, since the time of an entry's change can't be set."""
    monkeypatch.setattr(module, "time_ns", lambda: time_ns() + 60_000_000_000)


def test_digests_are_those_of_the_bytes(tmp_path: Path) -> None:
    paths = write(tmp_path / "d", {"a": "one", "b": "two"})
    found = contents([*paths, tmp_path / "d" / "missing"], tmp_path / "d")
    expected = [blake2b(text, digest_size=16).digest() for text in (b"one", b"two")]
    assert [row.tobytes() for row in found] == [*expected, bytes(16)]


@pytest.mark.usefixtures("settled")
def test_only_what_changed_is_read_again(tmp_path: Path, read: list[str]) -> None:
    paths = write(tmp_path / "d", {"a": "one", "b": "two", "c": "six"})
    first = contents(paths, tmp_path / "d")
    assert read == ["a", "b", "c"]
    np.testing.assert_array_equal(contents(paths, tmp_path / "d"), first)
    assert read == ["a", "b", "c"]
    paths[1].write_text("ten")
    assert (contents(paths, tmp_path / "d") != first).any(axis=1).tolist() == [False, True, False]
    assert read == ["a", "b", "c", "b"]


@pytest.mark.usefixtures("settled")
def test_files_that_changed_places_are_noticed(tmp_path: Path) -> None:
    """Though size and time of their contents are the same."""
    a, b = paths = write(tmp_path / "d", {"a": "one", "b": "two"})
    os.utime(a, ns=(10**18, 10**18))
    os.utime(b, ns=(10**18, 10**18))
    first = contents(paths, tmp_path / "d")
    a.rename(tmp_path / "other")
    b.rename(a)
    (tmp_path / "other").rename(b)
    np.testing.assert_array_equal(contents(paths, tmp_path / "d"), first[::-1])


def test_what_was_just_written_is_not_remembered(tmp_path: Path, read: list[str]) -> None:
    """It may change again within the same tick of the file system's clock."""
    paths = write(tmp_path / "d", {"a": "one"}, age=0)
    contents(paths, tmp_path / "d")
    contents(paths, tmp_path / "d")
    assert read == ["a", "a"]


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("damage", [b"", b"cnndsl contents 1\nabc", b"other\n" + bytes(48)])
def test_a_damaged_memory_is_none(tmp_path: Path, memory: Path, damage: bytes) -> None:
    paths = write(tmp_path / "d", {"a": "one", "b": "two"})
    first = contents(paths, tmp_path / "d")
    (file,) = memory.iterdir()
    file.write_bytes(damage)
    np.testing.assert_array_equal(contents(paths, tmp_path / "d"), first)
    np.testing.assert_array_equal(contents(paths, tmp_path / "d"), first)


@pytest.mark.usefixtures("settled")
def test_memory_is_bounded(tmp_path: Path, memory: Path) -> None:
    for number in range(MOST_FOLDERS + 3):
        folder = tmp_path / str(number)
        contents(write(folder, {"a": "one"}), folder)
    assert len(list(memory.iterdir())) == MOST_FOLDERS


def test_without_a_place_to_remember_it_works(tmp_path: Path, memory: Path) -> None:
    memory.parent.mkdir(parents=True)
    memory.write_text("a file where the folder should be")
    paths = write(tmp_path / "d", {"a": "one"})
    assert contents(paths, tmp_path / "d").any()
