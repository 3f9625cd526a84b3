import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnndsl.data.idx import idx_files, read_idx, read_idx_folder
from cnndsl.diagnostics import UsageError
from tests.data.making import mnist_folder, noise, write_idx
from tests.support.data import real_data


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("shape", [(7,), (3, 4), (3, 4, 5), (2, 3, 4, 5)])
def test_an_array_is_read(tmp_path: Path, shape: tuple[int, ...], packed: bool) -> None:
    array = noise(*shape)
    np.testing.assert_array_equal(read_idx(write_idx(tmp_path / "a", array, packed)), array)


@pytest.mark.parametrize(
    ("code", "kind"), [(9, ">i1"), (11, ">i2"), (12, ">i4"), (13, ">f4"), (14, ">f8")]
)
def test_numbers_of_all_types_are_read(tmp_path: Path, code: int, kind: str) -> None:
    array = np.arange(-3, 3).astype(kind).reshape(2, 3)
    header = bytes([0, 0, code, 2, 0, 0, 0, 2, 0, 0, 0, 3])
    (tmp_path / "a").write_bytes(header + array.tobytes())
    np.testing.assert_array_equal(read_idx(tmp_path / "a"), array)


def damaged(tmp_path: Path, content: bytes, packed: bool = False) -> Path:
    path = tmp_path / "a"
    path.write_bytes(gzip.compress(content) if packed else content)
    return path


HEADER = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2])


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it doesn't begin as one"),
        (b"\0\0\x08", "it doesn't begin as one"),
        (b"\x89PNG....", "it doesn't begin as one"),
        (b"\0\0\x07\1\0\0\0\1a", "it doesn't begin as one"),
        (b"\0\0\x08\0a", "its header speaks of 0 sizes"),
        (b"\0\0\x08\xff" + bytes(1020), "its header speaks of 255 sizes"),
        (HEADER[:9], "its header is cut off"),
        (HEADER + bytes(7), "its header says 2x2x2, 8 bytes"),
        (HEADER + bytes(9), "its header says 2x2x2, 8 bytes"),
        (b"\0\0\x08\3" + b"\xff" * 12 + bytes(8), "its header says 4294967295x4294967295x"),
    ],
)
def test_headers_that_lie_are_found_out(
    tmp_path: Path, content: bytes, message: str, packed: bool
) -> None:
    with pytest.raises(UsageError, match=f"is no sound idx file: {message}"):
        read_idx(damaged(tmp_path, content, packed))


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    content = b"\0\0\x08\1" + (1 << 31).to_bytes(4, "big")
    with pytest.raises(UsageError, match="more than such a file can be meant to hold"):
        read_idx(damaged(tmp_path, content + bytes(1000), packed=True))


def test_a_broken_stream_is_said(tmp_path: Path) -> None:
    path = write_idx(tmp_path / "a", noise(40, 40), packed=True)
    content = path.read_bytes()
    for broken in (content[:-20], content[:500] + b"\xff" * 20 + content[520:]):
        path.write_bytes(broken)
        with pytest.raises(UsageError, match="is no sound idx file"):
            read_idx(path)


@given(st.binary(max_size=60), st.booleans())
def test_any_bytes_are_met(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, begins: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "any-idx"
    path.write_bytes((HEADER[:3] if begins else b"") + content)
    try:
        read_idx(path)
    except UsageError:
        return


@pytest.mark.parametrize("packed", [False, True])
def test_a_folder_has_splits(tmp_path: Path, packed: bool) -> None:
    splits = read_idx_folder(idx_files(mnist_folder(tmp_path / "d", packed=packed)))
    assert {name: len(split) for name, split in splits.items()} == {"train": 50, "test": 10}
    assert splits["test"].name_of(3) == "test[3]"


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train-images-idx3-ubyte", "train"),
        ("t10k-images.idx3-ubyte", "test"),
        ("emnist-letters-test-images-idx3-ubyte.gz", "test"),
        ("val-images-idx3-ubyte", "val"),
        ("images-idx3-ubyte", "train"),
    ],
)
def test_names_say_the_split(tmp_path: Path, name: str, split: str) -> None:
    (tmp_path / name).touch()
    (tmp_path / "readme.txt").touch()
    assert idx_files(tmp_path) == {split: {"images": tmp_path / name}}


def test_one_file_alone_is_no_data_set(tmp_path: Path) -> None:
    path = write_idx(tmp_path / "train-images-idx3-ubyte", noise(3, 4, 4))
    with pytest.raises(UsageError, match=rf"beside `{path}` there is no file with its labels"):
        read_idx_folder(idx_files(tmp_path))


def test_labels_belong_to_their_pictures(tmp_path: Path) -> None:
    write_idx(tmp_path / "train-images-idx3-ubyte", noise(3, 4, 4))
    write_idx(tmp_path / "train-labels-idx1-ubyte", noise(4))
    with pytest.raises(UsageError, match="has 4 entries for 3 pictures"):
        read_idx_folder(idx_files(tmp_path))


@pytest.mark.data
def test_fashion_mnist_is_read() -> None:
    splits = read_idx_folder(idx_files(real_data("fashion-mnist")))
    assert splits["train"].class_counts(10).tolist() == [6000] * 10
    assert splits["test"].class_counts(10).tolist() == [1000] * 10
