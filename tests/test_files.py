"""Files are replaced whole or not at all, and errors name them and no temporary one."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import cnndsl
from cnndsl.files import blamed_on, described, replaced

TEXT = "net Small(classes=3)\ninput image 1@8x8\nconv 3x3 4 bn relu\ngap\nlogits: fc classes\n"


def full(*arguments: object, **named: object) -> NoReturn:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_an_error_names_the_file_and_nothing_is_left(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(OSError, match="No space left") as caught, replaced(path):
        full()
    assert (caught.value.filename, path.read_text()) == (str(path), "old")
    assert "`" + str(path) + "` can't be written: No space left on device; make room" in (
        described(caught.value)
    )
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(OSError, match="gone") as caught, replaced(path):
        raise OSError(errno.ENOENT, "gone", "other.txt")  # not of this file: it is read from
    assert caught.value.filename == "other.txt"
    missing = tmp_path / "none" / "a.txt"
    with pytest.raises(FileNotFoundError) as caught, replaced(missing):
        pass
    assert caught.value.filename == str(missing)
    with pytest.raises(OSError, match="another") as caught, blamed_on(path):
        raise OSError(errno.EIO, "another kind")
    assert caught.value.filename is None


def compiled(path: Path, seed: int) -> dict[str, np.ndarray[Any, Any]]:
    """Write the model with its weights beside it; what they are."""
    emitted = cnndsl.compile(TEXT, path, seed=seed, external=True)
    assert emitted.data == path.with_name("net.onnx.data")
    return loaded(path)


def loaded(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    return {t.name: numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}


def equal(left: dict[str, np.ndarray[Any, Any]], right: dict[str, np.ndarray[Any, Any]]) -> bool:
    return left.keys() == right.keys() and all(np.array_equal(left[n], right[n]) for n in left)


@pytest.mark.skipif(sys.platform == "win32", reason="it takes fork")
def test_a_model_and_its_data_belong_together_at_every_moment(tmp_path: Path) -> None:
    """A process is killed before each of its renamings and removals."""
    other = tmp_path / "other" / "net.onnx"
    other.parent.mkdir()
    path = tmp_path / "net.onnx"
    old, new = compiled(path, 0), compiled(other, 1)
    assert not equal(old, new)
    seen: list[bool] = []
    for moment in range(20):
        compiled(path, 0)
        for file in tmp_path.glob("*net.onnx*.*"):
            if file.name not in ("net.onnx", "net.onnx.data"):
                file.unlink()
        child = os.fork()
        if not child:
            _killed_before(moment)
            compiled(path, 1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        found = loaded(path)
        assert equal(found, old) or equal(found, new), moment
        seen.append(equal(found, new))
        if status == 0:
            break
    assert seen == sorted(seen) and seen[-1] and not seen[0]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["net.onnx", "net.onnx.data", "other"]
    assert len(seen) > 5


def _killed_before(moment: int) -> None:
    """Let this process end, as SIGKILL would end it, before so many changes of the folder."""
    left = moment

    def counted(change: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                os._exit(9)
            return change(*arguments, **named)

        return call

    for name in ("replace", "unlink"):
        setattr(Path, name, counted(getattr(Path, name)))


def test_without_room_for_a_copy_the_data_keeps_another_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "net.onnx"
    compiled(path, 0)
    monkeypatch.setattr(shutil, "copyfileobj", full)
    data = cnndsl.compile(TEXT, path, seed=1, external=True).data
    assert data is not None and data.name.startswith("net.onnx.data.")
    new = loaded(path)
    assert {p.name for p in tmp_path.iterdir()} == {"net.onnx", data.name}
    monkeypatch.undo()
    assert equal(compiled(path, 1), new)
    assert {p.name for p in tmp_path.iterdir()} == {"net.onnx", "net.onnx.data"}


def test_a_failure_leaves_the_old_model_with_its_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "net.onnx"
    old = compiled(path, 0)
    monkeypatch.setattr(onnx.ModelProto, "SerializeToString", full, raising=False)
    with pytest.raises(OSError, match="No space left") as caught:
        cnndsl.compile(TEXT, path, seed=1, external=True)
    assert caught.value.filename == str(path)
    monkeypatch.undo()
    assert equal(loaded(path), old)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["net.onnx", "net.onnx.data"]
