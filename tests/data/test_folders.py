from pathlib import Path

import pytest

from cnndsl.data.folders import read_class_folders
from cnndsl.data.opening import open_data
from cnndsl.diagnostics import UsageError
from tests.data.making import class_folders, photo


def counts(folder: Path) -> dict[str, list[int]]:
    found = read_class_folders(folder)
    return {
        name: split.class_counts(len(found.labels)).tolist() for name, split in found.splits.items()
    }


def test_classes_are_folders_in_alphabetical_order(tmp_path: Path) -> None:
    class_folders(tmp_path, {"dog": 3, "cat": 2, "Bee": 1, "cat/more/below": 2})
    found = read_class_folders(tmp_path)
    assert found.labels == ("Bee", "cat", "dog")
    assert counts(tmp_path) == {"train": [1, 4, 3]}
    assert found.splits["train"].names()[:4] == [
        "Bee/0.png", "cat/0.png", "cat/1.png", "cat/more/below/0.png",
    ]  # fmt: skip


@pytest.mark.parametrize("words", [("train", "val", "test"), ("Training", "valid", "testing")])
def test_splits_are_folders_above_them(tmp_path: Path, words: tuple[str, str, str]) -> None:
    train, val, test = words
    class_folders(tmp_path, {f"{train}/a": 3, f"{train}/b": 2, f"{val}/a": 1, f"{test}/b": 2})
    assert counts(tmp_path) == {"train": [3, 2], "val": [1, 0], "test": [0, 2]}
    assert read_class_folders(tmp_path).notes == ()


def test_other_files_are_counted_and_left_out(tmp_path: Path) -> None:
    class_folders(tmp_path, {"a": 2, "b": 2, ".hidden": 3, "a/.thumbnails": 1, "__MACOSX/a": 1})
    (tmp_path / "a" / "notes.txt").touch()
    (tmp_path / "a" / ".DS_Store").touch()
    (tmp_path / "b" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "b" / "again.png").symlink_to(tmp_path / "a" / "0.png")
    (tmp_path / "b" / "loop").symlink_to(tmp_path / "b")
    photo(tmp_path / "loose.png")
    found = read_class_folders(tmp_path)
    assert counts(tmp_path) == {"train": [2, 3]}
    assert found.ignored == 1
    assert found.notes == (
        f"`{tmp_path}` has 1 pictures outside of class folders, left out",
        "no pictures, left out: 1 .txt",
    )


def test_classes_without_training_pictures_are_said(tmp_path: Path) -> None:
    class_folders(tmp_path, {"train/a": 1, "train/b": 1, "val/a": 1, "val/c": 1})
    assert read_class_folders(tmp_path).notes == ("there are no training examples of `c`",)


def test_unsorted_test_pictures_are_left_out(tmp_path: Path) -> None:
    class_folders(tmp_path, {"train/a": 1, "train/b": 1, "test": 4})
    found = read_class_folders(tmp_path)
    assert list(found.splits) == ["train"]
    assert found.notes == (
        f"`{tmp_path / 'test'}` has 4 pictures outside of class folders, left out",
    )


@pytest.mark.parametrize("folders", [{}, {".": 3}, {"train": 3, "test": 2}])
def test_no_class_is_an_error(tmp_path: Path, folders: dict[str, int]) -> None:
    class_folders(tmp_path, folders)
    with pytest.raises(UsageError, match="no pictures in class folders: put those of each class"):
        open_data(tmp_path)


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        ({"a": 3}, {"train": [3]}),
        ({"train/a": 3}, {"train": [3]}),
        ({"test/a": 3}, {"test": [3]}),
        ({"test/a": 3, "test/b": 1}, {"test": [3, 1]}),
        ({"val/a": 3, "test/b": 1}, {"val": [3, 0], "test": [0, 1]}),
        ({"train/a": 3, "test/b": 1}, {"train": [3, 0], "test": [0, 1]}),
        ({"val/a": 2, "test": 4}, {"val": [2]}),  # unsorted test pictures
        ({"train": 3, "bus": 2}, {"train": [2, 3]}),  # a class that is called so
        ({"test/a": 1, "a": 2, "b": 3}, {"test": [1]}),
    ],
)
def test_any_of_the_splits_may_be_missing(
    tmp_path: Path, folders: dict[str, int], expected: dict[str, list[int]]
) -> None:
    assert counts(class_folders(tmp_path, folders)) == expected


def test_pictures_beside_the_splits_are_said(tmp_path: Path) -> None:
    class_folders(tmp_path, {"test/a": 1, "a": 2, "b": 3})
    (tmp_path / "empty").mkdir()
    assert read_class_folders(tmp_path).notes == (
        "`a`, `b` beside `test`: pictures that are in no split, left out",
    )


def test_two_folders_for_one_split_are_an_error(tmp_path: Path) -> None:
    class_folders(tmp_path, {"train/a": 1, "val/a": 1, "valid/a": 1})
    with pytest.raises(UsageError, match="two folders for one split, `val` and `valid`: put"):
        read_class_folders(tmp_path)


def test_numbers_in_classes_are_in_numerical_order(tmp_path: Path) -> None:
    class_folders(tmp_path, {f"train/{n}": 1 for n in (10, 9, 2)} | {"val/1": 1})
    found = read_class_folders(tmp_path)
    assert found.labels == ("1", "2", "9", "10")
    assert found.splits["train"].names() == ["train/2/0.png", "train/9/0.png", "train/10/0.png"]
    assert found.splits["train"].targets.tolist() == [1, 2, 3]


def test_a_class_written_in_two_ways_is_one(tmp_path: Path) -> None:
    class_folders(tmp_path, {"train/K\u00e4fer": 2, "train/Ka\u0308fer": 3, "val/Ka\u0308fer": 1})
    found = read_class_folders(tmp_path)
    assert found.labels == ("K\u00e4fer",)
    assert counts(tmp_path) == {"train": [5], "val": [1]}


def test_a_folder_of_data_sets_is_none(tmp_path: Path) -> None:
    class_folders(tmp_path, {"one/train/a": 1, "one/train/b": 1, "two/train/a": 1})
    with pytest.raises(UsageError, match="so it is a data set and no class: name it instead"):
        read_class_folders(tmp_path)


def test_folders_without_pictures_are_named(tmp_path: Path) -> None:
    class_folders(tmp_path, {"a": 1, "b": 1})
    for name in ("films/1.MOV", "films/2.mov", "films/3.txt", "none/.DS_Store", ".git/x"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    found = read_class_folders(tmp_path)
    assert found.labels == ("a", "b")
    assert found.notes == (
        "`films` is no class, since it holds no pictures: 2 .mov, 1 .txt",
        "`none` is no class, since it holds no pictures",
        "no pictures, left out: 2 .mov, 1 .txt",
    )
    for number in range(9):
        (tmp_path / f"x{number}").mkdir()
    assert "6 more folders hold no pictures" in read_class_folders(tmp_path).notes


def test_phones_pictures_and_names_without_suffix_count(tmp_path: Path) -> None:
    class_folders(tmp_path, {"a": 1, "b": 1})
    (tmp_path / "a" / "IMG_1.HEIC").touch()
    (tmp_path / "a" / "0.png").rename(tmp_path / "a" / "0a1b2c")
    found = read_class_folders(tmp_path)
    assert found.splits["train"].names() == ["a/0a1b2c", "a/IMG_1.HEIC", "b/0.png"]


def test_links_are_followed(tmp_path: Path) -> None:
    class_folders(tmp_path / "elsewhere", {"more": 2, "c": 1})
    class_folders(tmp_path / "data", {"a": 1, "b": 1})
    (tmp_path / "data" / "a" / "more").symlink_to(tmp_path / "elsewhere" / "more")
    (tmp_path / "data" / "b" / "all").symlink_to(tmp_path / "data")
    (tmp_path / "data" / "all").symlink_to(tmp_path / "data")
    (tmp_path / "data" / "c").symlink_to(tmp_path / "elsewhere" / "c")
    assert counts(tmp_path / "data") == {"train": [3, 1, 1]}


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("seg_train/seg_train", "seg_test/seg_test"),
        ("training_set/training_set", "test_set/test_set"),
        ("train/images", "test/images"),
        ("Train", "Testing"),
        ("TRAIN DATA", "test-data"),
    ],
)
def test_wrapped_splits_are_found(tmp_path: Path, train: str, test: str) -> None:
    class_folders(tmp_path, {f"{train}/a": 2, f"{train}/b": 1, f"{test}/a": 1, f"{test}/b": 1})
    assert counts(tmp_path) == {"train": [2, 1], "test": [1, 1]}
    assert read_class_folders(tmp_path).labels == ("a", "b")


def test_any_name_may_be_a_class(tmp_path: Path) -> None:
    names = ["Käfer", "a b", "train station", "test tube", "x" * 200, "日本", "a,b", "c'd"]
    class_folders(tmp_path, dict.fromkeys(names, 1))
    assert set(read_class_folders(tmp_path).labels) == set(names)


def test_a_folder_of_films_is_said(tmp_path: Path) -> None:
    for name in ("a/1.MOV", "b/2.mov"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    with pytest.raises(UsageError, match=r"no pictures in class folders, but 2 \.mov: put"):
        read_class_folders(tmp_path)
