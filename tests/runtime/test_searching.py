"""Pictures in folders, as people have them."""

import os
from pathlib import Path

import pytest
from PIL import Image

from cnndsl.diagnostics import UsageError
from cnndsl.runtime import searching
from cnndsl.runtime.searching import described, pictures_below


def made(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return folder


def names(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in pictures_below(folder).paths]


def test_hidden_files_are_left_out_and_others_are_counted(tmp_path: Path) -> None:
    made(tmp_path, "a.JPG", "._a.JPG", ".DS_Store", ".thumbs/a.jpg", "__MACOSX/a.jpg", "a.mov")
    made(tmp_path, "@eaDir/a.jpg", "Thumbs.db", "b/c.heic", "b/notes.TXT", "b/d.txt", "LICENSE")
    found = pictures_below(tmp_path)
    assert names(tmp_path) == ["a.JPG", "b/c.heic"]
    assert found.others == {".mov": 1, ".txt": 2, "": 1}
    assert described(found.others) == "2 .txt, 1 without suffix, 1 .mov"
    many = {f".{letter}": 1 for letter in "abcdef"}
    assert described(many) == "1 .a, 1 .b, 1 .c, 1 .d, 2 of other kinds"


@pytest.mark.parametrize(
    "suffix", ["jpg", "JPEG", "jfif", "mpo", "png", "webp", "tif", "bmp", "gif"]
)
@pytest.mark.parametrize("more", ["avif", "heic", "HEIF", "hif"])
def test_many_suffixes_are_those_of_pictures(tmp_path: Path, suffix: str, more: str) -> None:
    made(tmp_path, f"a.{suffix}", f"b.{more}")
    assert len(names(tmp_path)) == 2


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF"])
def test_names_without_a_suffix_are_looked_into(tmp_path: Path, kind: str) -> None:
    for name in ("0a1b", "IMG.2023.01.02", "photo.jpg_large"):
        Image.new("RGB", (2, 2)).save(tmp_path / name, kind)
    made(tmp_path, "README", "Makefile.1")
    os.mkfifo(tmp_path / "pipe")
    assert len(names(tmp_path)) == 3


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    data = made(tmp_path / "data", "a/1.png", "b/2.png")
    made(tmp_path / "elsewhere", "3.png", "deep/4.png")
    (data / "a" / "more").symlink_to(tmp_path / "elsewhere")
    (data / "b" / "more").symlink_to(tmp_path / "elsewhere")  # the same once more
    (data / "a" / "up").symlink_to(data)
    (data / "a" / "root").symlink_to("/")
    (tmp_path / "elsewhere" / "deep" / "back").symlink_to(tmp_path / "elsewhere")
    (data / "a" / "again.png").symlink_to(data / "a" / "1.png")
    (data / "a" / "gone.png").symlink_to(data / "nowhere.png")
    (data / "a" / "gone").symlink_to(data / "nowhere")
    assert names(data) == ["a/1.png", "a/more/3.png", "a/more/deep/4.png", "b/2.png"]


def test_there_may_be_too_many_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path, *(f"{n}/a.png" for n in range(12)))
    monkeypatch.setattr(searching, "MOST_FOLDERS", 10)
    with pytest.raises(UsageError, match="has more than 10 folders below it"):
        pictures_below(tmp_path)


def test_folders_that_are_closed_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path, "a/1.png", "b/2.png")
    scan = os.scandir

    def scandir(path: str) -> object:
        if Path(path).name == "b":
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = pictures_below(tmp_path)
    assert len(found.paths) == 1
    assert found.closed == {str(tmp_path / "b"): "Permission denied"}
