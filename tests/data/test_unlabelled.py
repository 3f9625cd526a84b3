"""Pictures alone, for nets that are to give them back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cnndsl.data.opening import open_data
from cnndsl.diagnostics import UsageError
from tests.data.making import noise, photo


def flat(root: Path, *folders: str) -> Path:
    for seed, folder in enumerate(folders):
        for number in range(5):
            photo(root / folder / f"{number}.png", seed=10 * seed + number)
    return root


def arrays(root: Path) -> Path:
    np.savez(root / "a.npz", x_train=noise(8, 6, 6), x_val=noise(3, 6, 6))
    return root / "a.npz"


def array(root: Path) -> Path:
    np.save(root / "a.npy", noise(10, 6, 6, 3))
    return root / "a.npy"


@pytest.mark.parametrize(
    ("made", "splits", "took"),
    [
        (lambda root: flat(root, "."), {"train": 4, "val": 1}, ("val",)),
        (lambda root: flat(root, "train", "val", "test"), {"train": 5, "val": 5, "test": 5}, ()),
        (arrays, {"train": 8, "val": 3}, ()),
        (array, {"train": 8, "val": 2}, ("val",)),
    ],
)
def test_pictures_alone(
    made: object, splits: dict[str, int], took: tuple[str, ...], tmp_path: Path
) -> None:
    assert callable(made)
    where = made(tmp_path)
    data = open_data(where, unlabelled=True)
    assert {name: len(split) for name, split in data.splits.items()} == splits
    assert data.made == took and data.classes == 0 and "without classes" in data.describe()
    assert data.first.targets.shape == (len(data.first), 0)
    with pytest.raises(UsageError):
        data.check_labelled()
    with pytest.raises(UsageError):  # who wants classes hears why there are none
        open_data(where)


def test_a_folder_of_classes_stays_one(tmp_path: Path) -> None:
    data = open_data(flat(tmp_path, "ant", "bee"), unlabelled=True)
    assert data.labels == ("ant", "bee") and not data.unlabelled


def test_nothing_is_no_data(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no pictures in class folders"):
        open_data(tmp_path, unlabelled=True)
    np.savez(tmp_path / "b.npz", other=noise(3, 4, 4))
    with pytest.raises(UsageError, match="holds other"):
        open_data(tmp_path / "b.npz", unlabelled=True)
