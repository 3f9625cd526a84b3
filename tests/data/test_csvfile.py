from pathlib import Path

import pytest

from cnndsl.data.csvfile import lists_pictures, read_csv
from cnndsl.diagnostics import UsageError
from tests.data.making import photo


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.png", "b.png", "sub/c.png", "with space.png"):
        photo(tmp_path / name)
    return tmp_path


def listed(folder: Path, text: str) -> Path:
    path = folder / "list.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "path,label\na.png,x\nb.png,y\nsub/c.png,x\n",
        "a.png,x\nb.png,y\nsub/c.png,x",
        "\ufefflabel;number;filename\nx;1;a.png\ny;2;b.png\n\nx;3;sub/c.png\n",
        "file\tclass\r\na.png\tx\r\nb.png\ty\r\nsub/c.png\tx\r\n",
        'path,label\n"a.png","x"\n"b.png","y"\n"sub/c.png","x"\n',
    ],
)
def test_pictures_are_listed_in_many_ways(folder: Path, text: str) -> None:
    found = read_csv(listed(folder, text))
    assert found.labels == ("x", "y")
    split = found.splits["train"]
    assert split.names() == ["a.png", "b.png", "sub/c.png"]
    assert split.targets.tolist() == [0, 1, 0]
    assert lists_pictures(folder / "list.csv")


@pytest.mark.parametrize("first", ["path,label,split\n", "", "image,split,class\n"])
def test_a_column_may_say_the_split(folder: Path, first: str) -> None:
    rows = [("a.png", "x", "train"), ("b.png", "y", "train"), ("sub/c.png", "x", "Valid")]
    places = (0, 2, 1) if first.startswith("image") else (0, 1, 2)
    text = first + "".join(",".join(row[n] for n in places) + "\n" for row in rows)
    found = read_csv(listed(folder, text))
    assert {name: split.names() for name, split in found.splits.items()} == {
        "train": ["a.png", "b.png"],
        "val": ["sub/c.png"],
    }


def test_numbers_are_in_numerical_order(folder: Path) -> None:
    found = read_csv(listed(folder, "a.png,10\nb.png,9\nsub/c.png,0\nwith space.png,10"))
    assert found.labels == ("0", "9", "10")
    assert found.splits["train"].targets.tolist() == [2, 1, 0, 2]


def test_one_class_is_a_list_too(folder: Path) -> None:
    found = read_csv(listed(folder, "a.png,x\nb.png,x"))
    assert found.labels == ("x",) and len(found.splits["train"]) == 2


def test_a_label_written_in_two_ways_is_one_class(folder: Path) -> None:
    found = read_csv(listed(folder, "a.png,K\u00e4fer\nb.png,Ka\u0308fer\nsub/c.png,10\n"))
    assert found.labels == ("10", "K\u00e4fer")
    assert found.splits["train"].targets.tolist() == [1, 1, 0]


def test_paths_may_be_whole(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = listed(tmp_path_factory.mktemp("other"), f"{folder}/a.png,x\n{folder}/b.png,y")
    assert read_csv(elsewhere).splits["train"].names() == [f"{folder}/a.png", f"{folder}/b.png"]


def test_classes_without_training_pictures_are_said(folder: Path) -> None:
    found = read_csv(listed(folder, "path,label,split\na.png,x,train\nb.png,y,test"))
    assert found.notes == ("there are no training examples of `y`",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no lines `path,label`"),
        ("a.png\nb.png", "has no lines `path,label`"),
        ("path,kind\na.png,x", "the first line of `.*` must name the columns path and label"),
        ("a.png,x\nb.png", "line 2 of `.*` has 1 fields, too few"),
        ("a.png,x\nb.png,", "line 2 of `.*` names no file, or no label for it"),
        ("a.png,x\n ,y", "line 2 of `.*` names no file"),
        ("a.png,x\nb\0.png,y", "line 2 of `.*` names no file"),
        ("path,label,split\na.png,x,maybe", "line 2 of `.*` has the split `maybe`: train, val or"),
        ("a.png,x\nmissing.png,y", "lists files that aren't there: `.*missing.png`$"),
        ("a.png,x\n" + "m,y\n" * 9, "aren't there: .* and 6 more"),
        ("a.png,x\nsub,y", "lists files that aren't there"),
        ('a.png,x\nb.png,"' + "y" * 200_000, "is no CSV: field larger than field limit"),
    ],
)
def test_mistakes_are_said(folder: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_csv(listed(folder, text))


def test_files_that_are_none_are_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "b.csv").write_bytes(b"\xff\xfea\0")
    with pytest.raises(UsageError, match="is no UTF-8 text"):
        read_csv(folder / "b.csv")
    with pytest.raises(UsageError, match="can't be read: "):
        read_csv(folder / "missing.csv")
    monkeypatch.setattr("cnndsl.data.csvfile.MOST_BYTES", 3)
    with pytest.raises(UsageError, match="is larger than such a list may be"):
        read_csv(folder / "b.csv")


def test_other_tables_list_no_pictures(folder: Path) -> None:
    for text in ("", "a\n1\n", "epoch,loss\n1,2\n", "path,kind\n1,2", '"unclosed'):
        assert not lists_pictures(listed(folder, text))
    assert not lists_pictures(folder / "missing.csv")
