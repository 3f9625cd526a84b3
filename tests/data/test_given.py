"""Arrays in place of a data set's name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnndsl
from cnndsl.data.given import keep
from cnndsl.data.opening import open_data
from cnndsl.diagnostics import UsageError
from tests.support.toy_data import write_toy


def test_a_net_learns_from_arrays_as_from_a_file_and_goes_on(tmp_path: Path) -> None:
    spec, file = write_toy(tmp_path)
    with np.load(file) as arrays:
        pair = arrays["x"], arrays["y"]
    options: Any = {"epochs": 2, "threads": 1, "quiet": True, "runs": tmp_path / "runs"}
    outcome = cnndsl.train(spec, pair, **options)
    assert outcome.accuracy == cnndsl.train(spec, file, **options).accuracy
    again = cnndsl.train(spec, pair, **{**options, "epochs": 3})
    assert again.progress.steps == 3 * outcome.progress.steps // 2
    assert len(list((tmp_path / "runs").glob("data-*.npz"))) == 1
    assert cnndsl.resume(outcome.folder, quiet=True).accuracy == outcome.accuracy


def test_splits_stay_as_they_are_given(tmp_path: Path) -> None:
    def pair(count: int) -> tuple[Any, Any]:
        return np.zeros((count, 8, 8, 3), np.uint8), [n % 2 for n in range(count)]

    data = open_data(keep({"train": pair(6), "val": pair(4), "test": pair(2)}, tmp_path))
    assert {name: len(split) for name, split in data.splits.items()} == {
        "train": 6,
        "val": 4,
        "test": 2,
    }


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ({"training": (np.zeros((2, 8, 8)), [0, 1])}, "there is `training` with 2 parts"),
        ({"train": (np.zeros((2, 8, 8)),)}, "there is `train` with 1 parts"),
        ({"train": (np.array([object()]), [0])}, "x of split `train` holds objects"),
        ({"train": (np.zeros((2, 8, 8)), [0])}, "y_train"),
    ],
)
def test_what_is_no_data(splits: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        open_data(keep(splits, tmp_path))
