import errno
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cnndsl.diagnostics import UsageError
from cnndsl.runtime import Results
from cnndsl.runtime.samples import Unreadable
from cnndsl.runtime.save import Writer, as_pixels

X = np.arange(5 * 2 * 3, dtype=np.float32).reshape(5, 2, 3)


def write(path: Path, batches: list[dict[str, Any]], count: int, rows: int = 1) -> list[str]:
    writer = Writer(path, tuple(batches[0]), count)
    with writer:
        for outputs in batches:
            length = rows if count == 1 else len(next(iter(outputs.values())))
            writer.add(Results(outputs, ("x",) * length))
    return writer.notes


def test_an_npy_holds_all_batches(tmp_path: Path) -> None:
    path = tmp_path / "y.npy"
    assert write(path, [{"y": X[:2]}, {"y": X[2:4]}, {"y": X[4:]}], 5) == [f"{path}: y 5x2x3"]
    np.testing.assert_array_equal(np.load(path, allow_pickle=False), X)
    assert [p.name for p in tmp_path.iterdir()] == ["y.npy"]


def test_an_npz_holds_all_outputs(tmp_path: Path) -> None:
    path = tmp_path / "y.npz"
    half = X.astype(np.float16)
    notes = write(path, [{"a/b": X[:3], "c": half[:3]}, {"a/b": X[3:], "c": half[3:]}], 5)
    assert notes == [f"{path}: a/b 5x2x3, c 5x2x3"]
    with np.load(path, allow_pickle=False) as arrays:
        assert sorted(arrays.files) == ["a/b", "c"]
        np.testing.assert_array_equal(arrays["a/b"], X)
        assert arrays["c"].dtype == np.float16
    assert [p.name for p in tmp_path.iterdir()] == ["y.npz"]


def test_outputs_without_rows_are_written_from_one_batch(tmp_path: Path) -> None:
    write(tmp_path / "y.npz", [{"mean": np.float32([7, 8]), "empty": np.ones((0, 4))}], 1)
    with np.load(tmp_path / "y.npz") as arrays:
        np.testing.assert_array_equal(arrays["mean"], [7, 8])
        assert arrays["empty"].shape == (0, 4)
    with pytest.raises(UsageError, match="another shape for each batch"):
        write(tmp_path / "z.npy", [{"y": X[:2]}, {"y": X[:2, :1]}], 4)


def test_an_old_file_stays_until_all_is_there(tmp_path: Path) -> None:
    path = tmp_path / "y.npy"
    path.write_text("old")
    with pytest.raises(OSError, match="full"), Writer(path, ("y",), 5) as writer:
        writer.add(Results({"y": X[:2]}, ("a", "b")))
        raise OSError(errno.ENOSPC, "the disk is full")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["y.npy"]


@pytest.mark.parametrize(
    ("name", "outputs", "count", "message"),
    [
        ("y.txt", ("y",), 1, "outputs go to .npz, .npy, .png, and `{}` is none of these"),
        ("no/y.npy", ("y",), 1, "there is no folder `{0.parent}` to write `y.npy` into"),
        ("y.npy", ("a", "b"), 1, "the model has 2 outputs (`a`, `b`): choose one with --only, or"),
        ("y.png", ("a", "b"), 1, "the model has 2 outputs (`a`, `b`): choose one with --only, or"),
        ("y.png", ("a",), 3, "a .png holds one picture, and there are 3 inputs"),
    ],
)
def test_what_can_t_be_written_is_said_at_once(
    tmp_path: Path, name: str, outputs: tuple[str, ...], count: int, message: str
) -> None:
    with pytest.raises(UsageError) as error:
        Writer(tmp_path / name, outputs, count)
    assert message.format(tmp_path / name) in str(error.value)


# Pictures


@pytest.mark.parametrize(
    ("values", "pixels", "note"),
    [
        ([0, 0.5, 1], [0, 128, 255], "values from 0 to 1 are written as 0 to 255"),
        ([-20, 99.6, 300], [0, 100, 255], "values are written as they are, cut off at 0 and 255"),
        ([-1, 0, 3], [0, 64, 255], "values from -1 to 3 are spread over 0 to 255"),
        ([-1, -1, -1], [0, 0, 0], "values from -1 to -1 are spread over 0 to 255"),
        ([np.nan, 0, 1], [0, 0, 255], "values from 0 to 1 are written as 0 to 255"),
    ],
)
def test_pixels_are_on_the_scale_of_the_values(
    tmp_path: Path, values: list[float], pixels: list[int], note: str
) -> None:
    array = np.array(values, np.float32).reshape(1, 1, 1, 3)
    notes = write(tmp_path / "y.png", [{"y": array}], 1)
    assert notes == [f"{tmp_path / 'y.png'}: y 1x1x1x3", note]
    with Image.open(tmp_path / "y.png") as image:
        assert image.mode == "L"
        np.testing.assert_array_equal(np.asarray(image).ravel(), pixels)


@pytest.mark.parametrize("shape", [(1, 3, 2, 5), (1, 2, 5, 3)])
def test_three_maps_are_colours_first_or_last(shape: tuple[int, ...]) -> None:
    assert as_pixels(np.ones(shape), "y")[0].shape == (2, 5, 3)


@pytest.mark.parametrize("shape", [(1, 2, 5, 5), (2, 3, 5, 5), (1, 10), (1, 3, 0, 5)])
def test_other_outputs_are_no_pictures(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError) as error:
        as_pixels(np.ones(shape), "y")
    written = "x".join(map(str, shape))
    assert str(error.value) == (
        f"output `y` is {written}, and maps alone make a picture; write it to an .npz"
    )


@pytest.mark.parametrize("lost", [[0], [2, 3], [5], [0, 3, 4, 6]])
def test_what_can_t_be_read_has_rows_too(tmp_path: Path, lost: list[int]) -> None:
    places = [place for place in range(5 + len(lost)) if place not in lost]
    unreadable: list[Unreadable] = []
    known = 0
    with Writer(tmp_path / "y.npz", ("y", "n", "b"), 5 + len(lost), unreadable) as writer:
        for start, stop in ((0, 2), (2, 5)):
            known = len(unreadable)
            unreadable += [Unreadable("x", "why", n) for n in lost[known:] if n < places[stop - 1]]
            outputs = {"y": X, "n": X.astype(np.int64), "b": X > -1}
            parts = {name: values[start:stop] for name, values in outputs.items()}
            writer.add(Results(parts, ("x",) * (stop - start)))
        unreadable += [Unreadable("x", "why", n) for n in lost[len(unreadable) :]]
    with np.load(tmp_path / "y.npz") as arrays:
        assert len(arrays["y"]) == 5 + len(lost)
        np.testing.assert_array_equal(arrays["y"][places], X)
        assert np.isnan(arrays["y"][lost]).all()
        assert (arrays["n"][lost] == np.iinfo(np.int64).min).all() and not arrays["b"][lost].any()
    assert writer.notes[0].startswith("rows without values, of what can't be read: ")


def test_nothing_is_written_where_nothing_can_be_read(tmp_path: Path) -> None:
    with Writer(tmp_path / "y.npy", ("y",), 1, [Unreadable("x", "why")]) as writer:
        pass
    assert writer.notes == [] and not list(tmp_path.iterdir())
