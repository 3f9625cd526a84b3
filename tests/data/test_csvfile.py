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
        ("path,label\n", "lists no pictures below its first line"),
        ("a.png\nb.png", "has no lines `path,label`"),
        (
            "path,kind,size\na.png,x,3",
            "must name the columns path and label; call one of the others",
        ),
        ("split,label\ntrain,x", "the first line of `.*` names no column of paths"),
        ("a.png,x\nb.png", "line 2 of `.*` has 1 fields, too few"),
        ("a.png,x\nb.png,", "line 2 of `.*` names no file, or no label for it"),
        ("a.png,x\n ,y", "line 2 of `.*` names no file"),
        ("a.png,x\nb\0.png,y", "is no text"),
        ("path,label,split\na.png,x,maybe", "line 2 of `.*` has the split `maybe`: train, val or"),
        (
            "a.png,x\nmissing.png,y",
            "lists a file that isn't there: `.*missing.png`; paths are seen",
        ),
        ("a.png,x\nm,y\nn,y", "2 of 3 files that aren't there: "),
        ("a.png,x\nsub,y", "lists a file that isn't there"),
        ('a.png,x\nb.png,"' + "y" * 200_000, "is no CSV: field larger than field limit"),
    ],
)
def test_mistakes_are_said(folder: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_csv(listed(folder, text))


def test_files_that_are_none_are_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "b.csv").write_bytes(b"\x89PNG\r\n\0\0\0\1")
    with pytest.raises(UsageError, match="is no text"):
        read_csv(folder / "b.csv")
    with pytest.raises(UsageError, match="can't be read: "):
        read_csv(folder / "missing.csv")
    monkeypatch.setattr("cnndsl.data.csvtext.MOST_BYTES", 3)
    with pytest.raises(UsageError, match="is larger than such a list may be"):
        read_csv(folder / "b.csv")


def test_other_tables_list_no_pictures(folder: Path) -> None:
    for text in ("", "a\n1\n", "epoch,loss\n1,2\n", "path,kind\n1,2", '"unclosed'):
        assert not lists_pictures(listed(folder, text))
    assert not lists_pictures(folder / "missing.csv")


# As competitions and other tools write them


def labels_of(path: Path) -> dict[str, str]:
    found = read_csv(path)
    return {
        name: found.labels[target]
        for split in found.splits.values()
        for name, target in zip(split.names(), split.targets.tolist(), strict=True)
    }


@pytest.mark.parametrize(
    "text",
    [
        "image_id,label\na,x\nb,y\nc,x",  # Kaggle
        "id,breed\na,x\nb,y\nc,x",
        "id_code,diagnosis\na,x\nb,y\nc,x",
        "Image,Id\na.png,x\nb.png,y\nsub/c.png,x",  # the label is an `Id`
        "filename,labels\na.png,x\nb.png,y\nsub/c.png,x",
        "name,label\na,x\nb,y\nsub/c,x",  # fastai
        "foto,klasse\na.png,x\nb.png,y\nsub/c.png,x",  # titles of another language
        "path,kind\na.png,x\nb.png,y\nsub/c.png,x",
        "image_id,healthy,x,y\na,0,1,0\nb,0,0,1\nc,0,1,0",
        "image,x,y,UNK\na,1.0,0.0,0.0\nb,0.0,1.0,0.0\nc,1.0,0.0,0.0",
        "file,class\n.\\a.png,x\nb.png,y\nsub\\c.png,x",  # Windows
        "file,class\nC:\\Users\\me\\a.png,x\nC:\\Users\\me\\b.png,y\nC:\\Users\\me\\sub\\c.png,x",
        "file,class\n/kaggle/input/a.png,x\n/kaggle/input/b.png,y\n/kaggle/input/sub/c.png,x",
        "path|label\na.png|x\nb.png|y\nsub/c.png|x",
        "PATH,Label\nA.PNG,x\nB.png,y\nSub/C.png,x",
        "path,label\na.png,x\nb.png,y\n\n,,\na.png,x\nsub/c.png,x\n",  # blank, and one again
    ],
)
def test_lists_are_read_as_others_write_them(folder: Path, text: str) -> None:
    assert labels_of(listed(folder, text)) == {"a.png": "x", "b.png": "y", "sub/c.png": "x"}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_lists_are_read_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    photo(tmp_path / "käfer" / "größe 1.png")
    photo(tmp_path / "b.png")
    path = tmp_path / "list.csv"
    path.write_bytes("path,label\nkäfer/größe 1.png,Käfer\nb.png,Öl\n".encode(encoding))
    assert labels_of(path) == {"käfer/größe 1.png": "Käfer", "b.png": "Öl"}
    assert lists_pictures(path)
    guessed = "`list.csv` is no UTF-8, so it was read as Windows-1252 (Latin-1)"
    assert read_csv(path).notes == ((guessed,) if encoding == "cp1252" else ())


def test_names_are_found_in_any_form_of_unicode(tmp_path: Path) -> None:
    photo(tmp_path / "a\u0308.png")  # as macOS writes it
    photo(tmp_path / "b.png")
    found = read_csv(listed(tmp_path, "path,label\n\u00e4.png,a\u0308\nb.png,\u00e4\n"))
    assert found.labels == ("\u00e4",) and len(found.splits["train"]) == 2


def test_a_flag_may_say_what_is_for_validation(folder: Path) -> None:
    text = "name,label,is_valid\na.png,x,False\nb.png,y,0\nsub/c.png,x,True"
    found = read_csv(listed(folder, text))
    assert {name: split.names() for name, split in found.splits.items()} == {
        "train": ["a.png", "b.png"],
        "val": ["sub/c.png"],
    }
    with pytest.raises(UsageError, match=r"line 2 of `.*` has `is_valid` `maybe`: True or False"):
        read_csv(listed(folder, "name,label,is_valid\na.png,x,maybe"))


def test_pictures_of_the_lists_own_split_are_meant(tmp_path: Path) -> None:
    for name in ("train/1.png", "test/1.png", "train/2.png"):
        photo(tmp_path / name)
    path = tmp_path / "train.csv"
    path.write_text("id,label\n1,x\n2,y\n")
    assert labels_of(path) == {"train/1.png": "x", "train/2.png": "y"}
    path = path.rename(tmp_path / "labels.csv")
    with pytest.raises(UsageError, match=r"`1` in `.*` may be `te.*` or `tr.*`: write paths from"):
        read_csv(path)


def test_a_few_missing_files_are_left_out(tmp_path: Path) -> None:
    rows = [f"{photo(tmp_path / 'cats' / f'{n}.png').name},x" for n in range(20)]
    photo(tmp_path / "dogs" / "20.png")  # no cat, though the name is right
    text = "path,label\n" + "".join(f"cats/{row}\n" for row in [*rows, "20.png,x"])
    found = read_csv(listed(tmp_path, text))
    assert len(found.splits["train"]) == 20
    assert found.notes == (
        "1 of 21 files that `list.csv` lists aren't there, left out: `cats/20.png`",
    )


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (
            "path,label,width\na.png,x,3\nb.png,y,4",
            "columns of `list.csv` that aren't used: `width`",
        ),
        ("a.png,x\nb.png,y\na.png,x", "`list.csv` repeats lines, 1 in all, which count once"),
        ("a.png,x\nb.png,y\na.png,y", "`list.csv` lists pictures with several labels: `a.png`"),
        (
            "a.png,x,train\nb.png,x,train\na.png,x,val",
            "`list.csv` lists pictures in several splits: `a.png`",
        ),
        ("image,x,z\na,1,0\nb,1,0", "no picture is of `z`"),
        (
            "path,label\n/data/a.png,x\n/data/b.png,y",
            "paths in `list.csv` are seen without `/data/`",
        ),
    ],
)
def test_what_is_odd_is_said(folder: Path, text: str, note: str) -> None:
    assert read_csv(listed(folder, text)).notes == (note,)


@pytest.mark.parametrize(
    "text",
    [
        "a.png,x y\nb.png,y\nsub/c.png,x",
        "a.png,x|y\nb.png,z",
        'a.png,"x,y"\nb.png,y\nsub/c.png,x',
        "image,x,z\na,1,1\nb,1,0",
        "image,x,z\na,1,0\nb,0,0",
    ],
)
def test_several_labels_are_refused(folder: Path, text: str) -> None:
    with pytest.raises(UsageError, match=r"line \d of `.*` gives a picture .*takes exactly one"):
        read_csv(listed(folder, text))


def test_names_of_classes_may_have_spaces(folder: Path) -> None:
    text = "a.png,golden retriever\nb.png,labrador retriever\nsub/c.png,golden retriever"
    assert read_csv(listed(folder, text)).labels == ("golden retriever", "labrador retriever")


def test_a_competitions_folder_has_one_list(folder: Path) -> None:
    listed(folder, "image_id,label\na,x\nb,y\n")
    (folder / "test.csv").write_text("image_id\nc\n")
    (folder / "sample_submission.csv").write_text("image_id,label\nc,x\n")
    (folder / "metrics.csv").write_text("name,id\nloss,1\n")
    found = [path.name for path in sorted(folder.glob("*.csv")) if lists_pictures(path)]
    assert found == ["list.csv"]
