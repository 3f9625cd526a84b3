"""Data sets that fuzzing found to end in a traceback, or never to end."""

from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnndsl.data.opening import open_data
from cnndsl.diagnostics import UsageError
from cnndsl.runtime.images import open_picture, prepare
from tests.support.command_line import cnndsl
from tests.support.pictures import PLAIN, gradient, wanted, written
from tests.support.toy_data import write_toy

STRIP = wanted(128, 128, how=PLAIN)


@pytest.mark.parametrize("name", ["toy.npz", "list.csv", "train-images-idx3-ubyte"])
@pytest.mark.parametrize("device", [False, True], ids=["pipe", "device"])
def test_what_never_ends_is_not_read(name: str, device: bool, tmp_path: Path) -> None:
    path = tmp_path / name
    path.symlink_to("/dev/zero") if device else os.mkfifo(path)
    with pytest.raises(UsageError):
        open_data(path)
    with pytest.raises(UsageError):
        open_data(tmp_path)


def test_names_that_are_no_text_are_split_like_others(tmp_path: Path) -> None:
    for folder in ("a", "b\udcff"):
        for name in ("1.png", "2.png", "\udcc3.png", "4.png"):
            (tmp_path / folder).mkdir(exist_ok=True)
            shutil.copy(written(tmp_path, gradient(8, 8)), tmp_path / folder / name)
    found = open_data(tmp_path)
    assert {name: len(split) for name, split in found.splits.items()} == {"train": 6, "val": 2}
    assert found.fingerprint
    cnndsl("data", "check", str(tmp_path), "--no-mosaic")


def test_a_header_that_is_no_python(tmp_path: Path) -> None:
    _, data = write_toy(tmp_path, 8)
    with zipfile.ZipFile(data) as file:
        arrays = {name: file.read(name) for name in file.namelist()}
    arrays["x.npy"] = arrays["x.npy"].replace(b"{'descr'", b"y'descr'")
    with zipfile.ZipFile(data, "w") as file:
        for name, content in arrays.items():
            file.writestr(name, content)
    with pytest.raises(UsageError, match="is no sound array"):
        open_data(data)


def test_a_strip_of_pixels_is_refused_before_it_takes_seconds(tmp_path: Path) -> None:
    strip = Image.fromarray(np.zeros((3000, 1), np.uint8))
    with pytest.raises(UsageError, match="proportions can't be meant"):
        prepare(open_picture(written(tmp_path, strip), 3), STRIP)
    prepare(open_picture(written(tmp_path, gradient(3000, 20)), 3), STRIP)
