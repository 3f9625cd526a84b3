import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnndsl.data.npz import read_npz
from cnndsl.diagnostics import UsageError
from tests.data.making import noise

IMAGES, LABELS = noise(6, 8, 9), np.array([0, 1, 2, 0, 1, 2])


def saved(folder: Path, **arrays: Any) -> Path:
    np.savez_compressed(folder / "a.npz", **arrays)
    return folder / "a.npz"


@pytest.mark.parametrize(
    ("images", "labels"), [("images", "labels"), ("x", "y"), ("X", "y"), ("data", "target")]
)
def test_images_and_labels_go_by_many_names(tmp_path: Path, images: str, labels: str) -> None:
    found = read_npz(saved(tmp_path, **{images: IMAGES, labels: LABELS, "more": LABELS}))
    splits, names = found.splits, found.labels
    assert list(splits) == ["train"] and names == ()
    assert splits["train"].targets.tolist() == LABELS.tolist()
    assert splits["train"].name_of(4) == "a[4]"


def test_each_split_may_have_its_own(tmp_path: Path) -> None:
    arrays = {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES[:2], "y_test": LABELS[:2]}
    splits = read_npz(saved(tmp_path, **arrays)).splits
    assert {name: len(split) for name, split in splits.items()} == {"train": 6, "test": 2}
    arrays = {
        "train_images": IMAGES, "train_labels": LABELS[:, None],
        "val_images": IMAGES[:3], "val_labels": LABELS[:3, None],
        "test_images": IMAGES[:2], "test_labels": LABELS[:2, None],
    }  # fmt: skip
    splits = read_npz(saved(tmp_path, **arrays)).splits
    assert {n: len(split) for n, split in splits.items()} == {"train": 6, "val": 3, "test": 2}


def test_an_array_may_say_the_split(tmp_path: Path) -> None:
    words = np.array(["train", "val", "train", "test", "Train", "validation"])
    splits = read_npz(saved(tmp_path, x=IMAGES, y=LABELS, split=words)).splits
    found = {name: split.index.tolist() for name, split in splits.items()}
    assert found == {"train": [0, 2, 4], "val": [1, 5], "test": [3]}


@pytest.mark.parametrize("names", [np.array(["a", "b", "c"]), np.array([b"a", b"b", b"c"])])
def test_classes_may_have_names(tmp_path: Path, names: Any) -> None:
    assert read_npz(saved(tmp_path, x=IMAGES, y=LABELS, classes=names)).labels == ("a", "b", "c")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": IMAGES}, r"holds a; a data set has images and labels \(or x and y\)"),
        ({"x": IMAGES, "y": LABELS[:4]}, "`y` in `.*` has 4 entries for 6 pictures"),
        ({"x": IMAGES[:, 0], "y": LABELS}, "`x` in `.*` is 6x9; pictures are"),
        ({"x": IMAGES, "y": LABELS, "split": LABELS}, "says train, val or test .* not `0`"),
        ({"x": IMAGES, "y": LABELS, "split": LABELS[:2]}, "has a word for each of 6 examples"),
        ({"x": IMAGES, "y": np.array([[None]] * 6)}, "it holds Python objects, and only numbers"),
    ],
)
def test_what_is_no_data_set_is_said(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_npz(saved(tmp_path, **arrays))


def npy(shape: tuple[int, ...], content: bytes, kind: str = "|u1") -> bytes:
    file = io.BytesIO()
    header = {"shape": shape, "fortran_order": False, "descr": kind}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue() + content


def packed(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no array",
        npy((6, 8, 9), bytes(6 * 8 * 9 - 1)),
        npy((6, 8, 9), bytes(6 * 8 * 9 + 1)),
        npy((1 << 40, 1 << 40), bytes(8)),
        npy((-6, 8, -9), bytes(6 * 8 * 9)),
        npy((6, 8, 9), bytes(6 * 8 * 9 * 8), "|O"),
        npy((6,), bytes(6))[:30],
        b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 65535,
        b"\x93NUMPY\x07\x00\x10\x00" + bytes(16),
    ],
)
def test_headers_that_lie_are_found_out(tmp_path: Path, content: bytes) -> None:
    path = packed(tmp_path / "a.npz", x=content, y=npy((6,), bytes(6)))
    with pytest.raises(UsageError, match=r"`x` in `.*` is no sound array: "):
        read_npz(path)


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    size = 300 << 20
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("x.npy", "w") as file:
            file.write(npy((size,), b""))
            for _ in range(size >> 20):
                file.write(bytes(1 << 20))
        archive.writestr("y.npy", npy((6,), bytes(6)))
    assert path.stat().st_size < 3 << 20
    with pytest.raises(UsageError, match="unpacks to far more than such a file can be meant"):
        read_npz(path)


def test_what_is_no_archive_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with pytest.raises(UsageError, match="there is no file"):
        read_npz(path)
    path.write_bytes(b"hello")
    with pytest.raises(UsageError, match=r"`.*` is no npz: File is not a zip file"):
        read_npz(path)
    saved(tmp_path, x=IMAGES, y=LABELS)
    content = bytearray(path.read_bytes())
    content[60:90] = bytes(30)
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"`x` in `.*` is no sound array"):
        read_npz(path)


@given(st.data())
def test_any_damage_is_met(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.getbasetemp()
    content = bytearray(saved(folder, x=IMAGES, y=LABELS).read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (folder / "a.npz").write_bytes(content)
    try:
        splits = read_npz(folder / "a.npz").splits
        assert len(splits["train"]) == 6
    except UsageError:
        return


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("number", [0x110000, 0xF0000041])
def test_names_of_what_are_no_characters(tmp_path: Path, order: str, number: int) -> None:
    names = np.array([[97, 0], [98, number]], f"{order}u4").view(f"{order}U2")[:, 0]
    path = saved(tmp_path, x=IMAGES, y=LABELS, classes=names)
    with pytest.raises(UsageError, match=r"`classes` in `.*` is no sound array: it holds numbers"):
        read_npz(path)


def test_a_name_without_end_is_cut(tmp_path: Path) -> None:
    """A damaged length makes zipfile quote what follows as the entry's name."""
    path = saved(tmp_path, x=noise(1500, 8, 9), y=np.zeros(1500, int))
    content = bytearray(path.read_bytes())
    assert content[:4] == b"PK\3\4"
    content[26:28] = (60_000).to_bytes(2, "little")
    path.write_bytes(content)
    with pytest.raises(UsageError, match="is no sound array") as failed:
        read_npz(path)
    assert len(str(failed.value)) < 600
