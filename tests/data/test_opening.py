import gzip
import importlib
import importlib.machinery
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnndsl.data import builtin
from cnndsl.data.dataset import Files
from cnndsl.data.opening import open_data
from cnndsl.diagnostics import UsageError
from tests.data.making import class_folders, mnist_folder, noise, photo, write_idx
from tests.support.data import real_data

LABELS = np.arange(40) % 4
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No data set of this machine is found, and nothing is downloaded."""
    monkeypatch.delenv("CNNDSL_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def refused(*_: Any, **__: Any) -> Any:
        raise OSError("no network in tests")

    monkeypatch.setattr("urllib.request.urlopen", refused)


def saved(path: Path, **arrays: Any) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    np.savez(path, **({"x": noise(40, 6, 7, 3), "y": LABELS} | arrays))
    return path


def test_class_folders(tmp_path: Path) -> None:
    folder = class_folders(tmp_path / "pets", {"cat": 10, "dog": 5})
    data = open_data(folder)
    assert data.describe() == (
        "pets: class folders, 2 classes (cat, dog), 12 train + 3 val (made) pictures"
    )
    assert data.made == ("val",) and data.shape is None and data.mirror
    assert data.classes == 2 and "val" in data and "test" not in data
    assert open_data(str(folder), validation=0).describe() == (
        "pets: class folders, 2 classes (cat, dog), 15 train pictures"
    )


def test_splits_that_are_there_stay(tmp_path: Path) -> None:
    counts = {"train/a": 4, "train/b": 4, "val/a": 1, "test/b": 2}
    data = open_data(class_folders(tmp_path / "d", counts))
    assert data.describe().endswith("2 classes (a, b), 8 train + 1 val + 2 test pictures")


def test_a_csv_file_and_its_folder(tmp_path: Path) -> None:
    for name in ("images/a.png", "images/b.png"):
        photo(tmp_path / name)
    path = tmp_path / "list.csv"
    path.write_text("path,label\nimages/a.png,x\nimages/b.png,y\n")
    assert open_data(path).kind == open_data(tmp_path).kind == "CSV"
    assert open_data(path).describe() == "list: CSV, 2 classes (x, y), 2 train pictures"


def test_an_npz_and_its_folder(tmp_path: Path) -> None:
    path = saved(tmp_path / "d" / "things.npz")
    for where in (path, tmp_path / "d"):
        data = open_data(where)
        assert data.describe() == (
            "things: npz, 4 classes (0, 1, 2, 3), 32 train + 8 val (made) pictures, 6x7 colour"
        )
        assert data.mirror
    grey = open_data(saved(path, x=noise(40, 6, 7)))
    assert grey.shape == (1, 6, 7) and not grey.mirror
    (tmp_path / "d" / "labels.txt").write_text("a\nb\nc\nd\n")
    assert open_data(path).labels == ("a", "b", "c", "d")
    assert open_data(saved(path, classes=np.array(list("wxyz")))).labels == ("w", "x", "y", "z")


def test_numbers_to_answer_with_have_no_classes(tmp_path: Path) -> None:
    data = open_data(saved(tmp_path / "a.npz", y=np.random.rand(40, 2)))
    assert data.labels == () and data.train.targets.dtype == np.float32
    assert data.describe() == (
        "a: npz, 2 numbers each, 32 train + 8 val (made) pictures, 6x7 colour"
    )


def test_idx_files_by_their_folder_or_one_of_them(tmp_path: Path) -> None:
    folder = mnist_folder(tmp_path / "letters")
    for where in (
        folder,
        folder / "train-images-idx3-ubyte.gz",
        folder / "t10k-labels-idx1-ubyte.gz",
    ):
        data = open_data(where)
        assert data.describe() == (
            "letters: idx files, 5 classes, 40 train + 10 val (made) + 10 test pictures, 8x8 grey"
        )
        assert not data.mirror


def test_cifar_s_binary_files(tmp_path: Path) -> None:
    for name in ("data_batch_1.bin", "data_batch_2.bin", "test_batch.bin"):
        records = noise(20, 3073)
        records[:, 0] %= 10
        (tmp_path / name).write_bytes(records.tobytes())
    data = open_data(tmp_path)
    assert data.describe().endswith("32 train + 8 val (made) + 20 test pictures, 32x32 colour")
    np.testing.assert_array_equal(
        data["test"].source.images[3].ravel(),
        records[3, 1:],  # type: ignore[union-attr]
    )
    (tmp_path / "test_batch.bin").write_bytes(bytes(3074))
    with pytest.raises(UsageError, match="has 3,074 bytes, which are no whole number of pictures"):
        open_data(tmp_path)


def test_a_folder_around_a_folder(tmp_path: Path) -> None:
    class_folders(tmp_path / "unpacked" / "pets", {"train/a": 3, "train/b": 3})
    assert open_data(tmp_path / "unpacked").name == "pets"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: p / "missing", "there is no file or folder `.*missing`; built-in data sets are"),
        (lambda p: Path("mnsit"), r"there is no file or folder `mnsit`; did you mean `mnist`\?"),
        (lambda p: photo(p / "a.png"), "is no data set: that is a folder of class folders"),
        (lambda p: photo(p / "a.png").rename(p / "a.zip"), "is an archive: unpack it first"),
        (lambda p: saved(p / "a.npz", classes=np.array(["a"])), "4 classes, but names for 1 of"),
        (
            lambda p: saved(p / "a.npz").parent,
            "holds several data sets|no pictures in class folders",
        ),
        (lambda p: write_idx(p / "t10k-images-idx3-ubyte", noise(3, 4, 4)), "no file with its lab"),
    ],
)
def test_what_is_no_data_set_is_said(tmp_path: Path, make: Any, message: str) -> None:
    path = make(tmp_path)
    if path == tmp_path:
        saved(path / "b.npz")
    with pytest.raises(UsageError, match=message):
        open_data(path)


def test_splits_have_pictures_of_one_size(tmp_path: Path) -> None:
    arrays = {"x_train": noise(9, 6, 6), "y_train": LABELS[:9]}
    arrays |= {"x_test": noise(9, 6, 7), "y_test": LABELS[:9]}
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(UsageError, match="a has pictures of different sizes in its splits"):
        open_data(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", **(arrays | {"x_test": noise(9, 6, 6), "y_test": np.ones(9)}))
    with pytest.raises(UsageError, match="some splits have classes, and others numbers"):
        open_data(tmp_path / "a.npz")


def test_data_without_training_examples_can_be_opened(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_test=noise(9, 6, 6), y_test=np.random.rand(9))
    data = open_data(tmp_path / "a.npz")
    assert data.describe() == "a: npz, 1 numbers each, 9 test pictures, 6x6 grey"
    with pytest.raises(UsageError, match="a has no split `train`; there are test"):
        _ = data.train


def test_one_class_can_be_opened(tmp_path: Path) -> None:
    data = open_data(class_folders(tmp_path / "d", {"test/a": 3}))
    assert data.describe() == "d: class folders, 1 class (a), 3 test pictures"


def test_names_beside_the_data_are_composed(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.npz", classes=np.array(["a", "b", "c", "Ka\u0308fer"]))
    assert open_data(path).labels[3] == "K\u00e4fer"


def test_a_split_s_name_is_helped_with(tmp_path: Path) -> None:
    data = open_data(saved(tmp_path / "a.npz"))
    with pytest.raises(UsageError, match=r"a has no split `vali`; did you mean `val`\?"):
        data["vali"]
    with pytest.raises(UsageError, match="no split `test`; there are train, val"):
        data["test"]


def test_the_fingerprint_tells_changes(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.npz")
    first = open_data(path).fingerprint
    assert first == open_data(path).fingerprint != open_data(path, seed=1).fingerprint
    assert open_data(saved(path, y=LABELS[::-1])).fingerprint != first
    assert open_data(saved(path, x=noise(40, 6, 7, 3, seed=1))).fingerprint != first
    folder = class_folders(tmp_path / "f", {"a": 3, "b": 3})
    first = open_data(folder).fingerprint
    assert open_data(folder.rename(tmp_path / "g")).fingerprint == first
    photo(tmp_path / "g" / "a" / "0.png", height=50)
    assert open_data(tmp_path / "g").fingerprint != first


def test_pictures_are_told_by_their_content(tmp_path: Path) -> None:
    """Two that changed places, or one that was turned: all names and sizes are the same."""
    folder = class_folders(tmp_path / "f", {"a": 3, "b": 3})
    one, other = folder / "a" / "0.png", folder / "b" / "0.png"
    size = max(path.stat().st_size for path in (one, other))
    was = [path.read_bytes().ljust(size, b"\0") for path in (one, other)]
    one.write_bytes(was[0]), other.write_bytes(was[1])
    data = open_data(folder)
    first = data.fingerprint
    one.write_bytes(was[1]), other.write_bytes(was[0])
    assert open_data(folder).fingerprint != first
    one.write_bytes(was[0]), other.write_bytes(was[1])
    assert open_data(folder).fingerprint == first
    assert data.is_what(first) and not data.is_what(first[:-1])


def test_fingerprints_of_earlier_versions_are_known(tmp_path: Path) -> None:
    """They told files by their names and sizes."""
    data = open_data(class_folders(tmp_path / "f", {"a": 3, "b": 3}))
    digest = sha256(repr((data.labels, list(data.splits))).encode())
    for split in data.splits.values():
        digest.update(split.index.tobytes() + split.targets.tobytes())
    source = data.train.source
    assert isinstance(source, Files)
    for number, path in enumerate(source.paths):
        digest.update(f"{source.name(number)}\0{path.stat().st_size}\n".encode())
    assert data.is_what(digest.hexdigest()) and not data.is_what("0" * 64)


# Built-in names


def test_a_built_in_name_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mnist_folder(tmp_path / "fashion-mnist")
    for given in ({"data_dir": tmp_path}, {}):
        monkeypatch.setenv("CNNDSL_DATA", "" if given else str(tmp_path))
        data = open_data("fashion-mnist", **given)  # type: ignore[arg-type]
        assert data.name == "fashion-mnist" and data.labels[0] == "T-shirt/top"
        assert data.mirror and data.where == tmp_path / "fashion-mnist"


def test_whatever_lies_there_will_do(tmp_path: Path) -> None:
    saved(tmp_path / "cifar10" / "part.npz")
    data = open_data("cifar10", data_dir=tmp_path)
    assert data.name == "cifar10" and data.labels[3] == "cat" and len(data.labels) == 10
    saved(tmp_path / "cifar10" / "part.npz", y=LABELS + 9)
    assert len(open_data("cifar10", data_dir=tmp_path).labels) == 13


@pytest.mark.parametrize("allowed", [True, False])
def test_what_is_nowhere_is_said(tmp_path: Path, allowed: bool) -> None:
    message = (
        r"`mnist` is not at hand: .*; put train-images-idx3-ubyte.gz, .* into `.*/mnist`, or say "
        "by --data-dir or CNNDSL_DATA where the folder `mnist` is"
    )
    with pytest.raises(UsageError, match=message):
        open_data("mnist", data_dir=tmp_path, download=allowed)


def test_digits_are_scikit_learns() -> None:
    data = open_data("digits")
    assert data.describe() == (
        "digits: built in, 10 classes, 1,438 train + 359 val (made) pictures, 8x8 grey"
    )
    assert data.shape == (1, 8, 8) and not data.mirror
    split = builtin.read_digits()["train"]
    images: Any = split.source
    theirs: Any = importlib.import_module("sklearn.datasets").load_digits()
    assert (images.images[:, 0] == np.rint(theirs.images * 255 / 16)).all()
    assert (split.targets == theirs.target).all()


def test_digits_are_read_without_scikit_learns_code() -> None:
    program = "import sys; from cnndsl.data import open_data; open_data('digits'); "
    program += "sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY).returncode == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "not installed: `pip install scikit-learn`"),
        (b"", "can't be read from scikit-learn's `.*digits.csv.gz`"),
        (b"1,2,x\n", "can't be read"),
        (b"1,2,3\n", "can't be read"),
    ],
)
def test_where_digits_are_missing_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, message: str
) -> None:
    spec = None
    if content is not None:
        spec = importlib.machinery.ModuleSpec("sklearn", None, is_package=True)
        spec.submodule_search_locations = [str(tmp_path)]
        (tmp_path / "datasets" / "data").mkdir(parents=True)
        packed = gzip.compress(content) if content else b"no gzip"
        (tmp_path / "datasets" / "data" / "digits.csv.gz").write_bytes(packed)
    monkeypatch.setattr(builtin, "find_spec", lambda name: spec)
    with pytest.raises(UsageError, match=message):
        open_data("digits")


@pytest.mark.data
@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_known_data_sets_are_known_by_their_labels(name: str) -> None:
    data = open_data(real_data(name))
    assert data.labels == builtin.BUILTINS[name].labels
    assert data.mirror == builtin.BUILTINS[name].mirror
    assert {n: len(s) for n, s in data.splits.items()} == {
        "train": 55_000, "val": 5_000, "test": 10_000,
    }  # fmt: skip
    assert data["val"].class_counts(10).min() > 400


@pytest.mark.data
def test_real_photos_are_opened() -> None:
    assert open_data(real_data("hymenoptera")).describe() == (
        "hymenoptera: class folders, 2 classes (ants, bees), 245 train + 153 val pictures"
    )
