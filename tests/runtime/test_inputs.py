"""What doesn't fit a model is said in a sentence."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper
from PIL import Image

from cnndsl.diagnostics import UsageError
from cnndsl.runtime import gather, open_model, run
from cnndsl.runtime.pictures import picture_input
from tests.support.graphs import Graph
from tests.support.small_models import difference, identity, model, saved

X = np.arange(5 * 3 * 8 * 8, dtype=np.float32).reshape(5, 3, 8, 8)


def saved_array(folder: Path) -> Path:
    np.save(folder / "x.npy", X)
    return folder / "x.npy"


def saved_picture(folder: Path) -> Path:
    Image.new("RGB", (8, 8)).save(folder / "a.png")
    return folder / "a.png"


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.ones((1, 4, 8, 8)), "`{}` is 1x4x8x8, and input `x` takes Nx3x8x8"),
        (np.ones((8, 8)), "`{}` is 8x8, and input `x` takes Nx3x8x8"),
        (np.ones(()), "`{}` is a single number, and input `x` takes Nx3x8x8"),
        (np.ones((0, 3, 8, 8)), "`{}` is 0x3x8x8, and input `x` takes Nx3x8x8"),
        (np.ones((1, 3, 8, 8), complex), "`{}` holds complex128, and input `x` takes float32"),
        (np.full((1, 3, 8, 8), "a"), "`{}` holds <U1, and input `x` takes float32"),
        (np.full((1, 3, 8, 8), None), "`{}` holds Python objects or is no array (.npy)"),
    ],
)
def test_arrays_that_don_t_fit_are_said(tmp_path: Path, array: Any, message: str) -> None:
    path = tmp_path / "x.npy"
    np.save(path, array, allow_pickle=True)
    with pytest.raises(UsageError) as error:
        run(identity(), path, threads=1)
    assert message.format(path) in str(error.value)


def test_fractions_don_t_become_integers() -> None:
    with pytest.raises(UsageError, match="array 0 holds float32, and input `x` takes uint8"):
        run(identity(kind=TensorProto.UINT8), X, threads=1)


@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x93NUMPY\x01\x00\xff\xff", b"PK\x03\x04"])
def test_damaged_arrays_are_said(tmp_path: Path, name: str, content: bytes) -> None:
    path = saved(tmp_path, content, name)
    with pytest.raises(UsageError, match=rf"`{path}` (is no|holds Python objects or is no) "):
        run(identity(), path, threads=1)


def test_arrays_under_the_wrong_name_are_said(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", X)
    (tmp_path / "x.npz").rename(tmp_path / "x.npy")
    with pytest.raises(UsageError, match=r"is no array \(.npy\) that can be read: it holds some"):
        run(identity(), tmp_path / "x.npy", threads=1)


def test_an_npz_with_other_things_is_said(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(UsageError, match="lacks `x`, which the model takes"):
        run(identity(), tmp_path / "x.npz", threads=1)


def test_an_npz_that_unpacks_without_end_is_refused(
    tmp_path: Path,
) -> None:
    np.savez_compressed(tmp_path / "x.npz", np.zeros(257 << 20, np.uint8))
    with pytest.raises(UsageError, match="unpacks to far more than such a file can be meant"):
        run(identity(), tmp_path / "x.npz", threads=1)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "doesn't fit into memory"),
        (PermissionError(13, "Permission denied"), "can't be read: Permission denied"),
    ],
)
def test_arrays_that_can_t_be_read_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, message: str
) -> None:
    def failing(*_: Any, **__: Any) -> Any:
        raise error

    path = saved_array(tmp_path)
    monkeypatch.setattr(np, "load", failing)
    with pytest.raises(UsageError, match=message):
        run(identity(), path, threads=1)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"left": X}, "lacks `right`, which the model takes"),
        ({"left": X, "right": X, "rigth": X}, "has `rigth`, which is no input of the model; did "),
        (
            {"a": X, "b": X},
            "has `a`, which is no input of the model; the inputs are `left`, `right`",
        ),
    ],
)
def test_names_that_don_t_fit_are_said(tmp_path: Path, arrays: Any, message: str) -> None:
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(UsageError) as error:
        run(difference(), tmp_path / "x.npz", threads=1)
    assert message in str(error.value)


def test_inputs_that_don_t_fit_are_said(tmp_path: Path) -> None:
    path = saved_picture(tmp_path)
    np.savez(tmp_path / "x.npz", X)
    (tmp_path / "empty").mkdir()
    for inputs, message in (
        ([], "there is nothing to run the model on"),
        (tmp_path / "b.png", "there is no file or folder"),
        (tmp_path / "empty", "holds no pictures"),
        ([[1, 2]], "an input is a path or a numpy array, not something of type list"),
    ):
        with pytest.raises(UsageError, match=message):
            run(identity(), inputs, threads=1)  # type: ignore[arg-type]
    for named, message in (
        (X, "has 2 inputs (`left`, `right`): give each by its name"),
        ({"left": path, "rihgt": path}, "has no input `rihgt`; did you mean `right`"),
        ({"left": path, "zz": path}, "has no input `zz`; it has `left`, `right`"),
        ({"left": tmp_path / "x.npz"}, "input `left` takes one picture or one .npy file, not"),
        ({"left": tmp_path}, "input `left` takes one picture or one .npy file, not"),
        ({"left": path}, "the input lacks `right`"),
    ):
        with pytest.raises(UsageError) as error:
            run(difference(), named, threads=1)  # type: ignore[arg-type]
        assert message in str(error.value)


def test_strings_as_inputs_are_refused() -> None:
    content = identity(("N",), TensorProto.STRING)
    with pytest.raises(UsageError, match="input `x` takes no numbers"):
        opened = open_model(content, threads=1)
        gather(opened, np.ones(3))


def test_open_sizes_that_don_t_suit_are_said() -> None:
    nodes = [
        helper.make_node("MaxPool", ["x"], ["half"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Concat", ["x", "half"], ["y"], axis=1, name="join"),
    ]
    content = model(nodes, {"x": ("N", 1, "H", "W")}, {"y": None})
    with pytest.raises(UsageError) as error:
        run(content, np.ones((1, 1, 4, 4), np.float32), threads=1)
    assert "the model fails on `x` 1x1x4x4: at `join` (Concat): " in str(error.value)
    assert "the sizes that it leaves open (H, W) must suit it" in str(error.value)


def test_a_model_that_fails_says_where() -> None:
    nodes = [helper.make_node("Mul", ["x", "factor"], ["y"], name="times")]
    content = model(nodes, {"x": ("N", 2), "factor": ("M", 2)}, {"y": None})
    with pytest.raises(UsageError) as error:
        run(content, {"x": np.ones((3, 2)), "factor": np.ones((2, 2))}, threads=1)
    assert "the model fails on `x` 3x2, `factor` 2x2: at `times` (Mul): " in str(error.value)
    assert "open" not in str(error.value)


def test_an_input_of_no_height_is_no_picture(tmp_path: Path) -> None:
    g = Graph("N", 3, 0, 8)
    model = open_model(g.save(tmp_path, g.op("Relu", "x")))
    with pytest.raises(UsageError, match="which is no picture"):
        picture_input(model)
