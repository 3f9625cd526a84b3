"""Pictures with pictures to answer with: how they are found, and how they move together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cnndsl.data.augmentation import Augmentation
from cnndsl.data.loader import Loader
from cnndsl.data.opening import open_data
from cnndsl.data.recipe import read_augmentation
from cnndsl.diagnostics import UsageError
from tests.data.making import noise, wanted


def write(root: Path, inputs: str, targets: str, count: int = 5, end: str = ".png") -> Path:
    for number in range(count):
        for path in (root / inputs / f"{number}.png", root / targets / f"{number}{end}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(noise(12, 10, 3, seed=number)).save(path)
    return root


@pytest.mark.parametrize(
    ("inputs", "targets", "end", "splits"),
    [
        ("inputs", "targets", ".png", {"train": 5}),
        ("Input", "GT", ".png", {"train": 5}),
        ("noisy", "clean", "_clean.png", {"train": 5}),
        ("x", "y", ".png", {"train": 5}),
        ("lr", "hr", ".bmp", {"train": 5}),
        ("train/blurred", "train/sharp", ".png", {"train": 5}),
        ("a/test", "b/test", ".png", {"test": 5}),
        ("images", "targets", ".png", {"train": 5}),
    ],
)
def test_folders(
    inputs: str, targets: str, end: str, splits: dict[str, int], tmp_path: Path
) -> None:
    where = write(tmp_path / "set", inputs, targets, end=end)
    for numbers in (True, None) if len(Path(inputs).parts[0]) > 1 else (True,):
        data = open_data(where, validation=0, numbers=numbers)
        assert {name: len(split) for name, split in data.splits.items()} == splits
        assert data.paired and not data.classes and "folders " in data.describe()


def test_a_net_with_classes_takes_the_folders_for_classes(tmp_path: Path) -> None:
    assert open_data(write(tmp_path, "noisy", "clean")).labels == ("clean", "noisy")


def test_targets_count_for_the_fingerprint(tmp_path: Path) -> None:
    write(tmp_path, "inputs", "targets")
    before = open_data(tmp_path, numbers=True).fingerprint
    Image.fromarray(noise(12, 10, 3, seed=77)).save(tmp_path / "targets/2.png")
    assert open_data(tmp_path, numbers=True).fingerprint != before


@pytest.mark.parametrize("kind", ["files", "bytes", "fractions"])
@pytest.mark.parametrize("augment", ["none", "light", "strong"])
@pytest.mark.parametrize("larger", [1, 2])
def test_both_move_together(kind: str, augment: str, larger: int, tmp_path: Path) -> None:
    """Of equal pictures the geometry is equal, and the light of what is answered stays."""
    own = noise(6, 12, 12).repeat(2, axis=1).repeat(2, axis=2)[:, :, :, None].repeat(3, axis=3)
    other = own.repeat(larger, axis=1).repeat(larger, axis=2)
    where = tmp_path / "a.npz"
    if kind == "files":
        where = tmp_path
        for folder, pictures in (("inputs", own), ("targets", other)):
            (tmp_path / folder).mkdir()
            for number, picture in enumerate(pictures):
                Image.fromarray(picture).save(tmp_path / folder / f"{number}.png")
    elif kind == "bytes":
        np.savez(where, x=own, y=other)
    else:
        np.savez(where, x=own / 256, y=other / 256)
    data = open_data(where, validation=0, numbers=True)
    augmentation = read_augmentation(augment, data.mirror)
    if augmentation is not None:
        fields = {n: getattr(augmentation, n) for n in ("rotation", "shear", "zoom")}
        augmentation = Augmentation(
            width_shift=0.1, height_shift=0.1, horizontal_flip=0.5, **fields
        )
    picture, answer = wanted(3, 24, 24), wanted(3, 24 * larger, 24 * larger)
    with Loader(data.first, picture, batch=6, augmentation=augmentation, answer=answer) as loader:
        batch = next(loader.epoch(1))
    targets = batch.targets
    assert targets.dtype == np.float32 and targets.shape == (6, 3, 24 * larger, 24 * larger)
    small = targets.reshape(6, 3, 24, larger, 24, larger).mean(axis=(3, 5))
    distance = np.abs(small - batch.images).mean() / batch.images.std()
    turned = augment == "strong" and larger > 1  # read between pixels of another size
    assert distance < (0.25 if turned else 1e-6)
    if augment != "none":
        plain = next(Loader(data.first, picture, batch=6, answer=answer, workers=0).epoch(1))
        assert np.abs(plain.targets - targets).mean() > 0.01 * batch.images.std()


def test_light_is_the_pictures_own(tmp_path: Path) -> None:
    where = write(tmp_path, "inputs", "targets")
    data = open_data(where, validation=0, numbers=True)
    lit = Augmentation(brightness=0.5, noise=0.1, erase=1)
    picture = wanted(3, 12, 10)
    with Loader(data.first, picture, batch=5, augmentation=lit, answer=picture) as loader:
        batch = next(loader.epoch())
    plain = next(Loader(data.first, picture, batch=5, workers=0).epoch())
    np.testing.assert_array_equal(batch.targets, plain.images)
    assert (batch.images != plain.images).any()


SQUARES = noise(6, 8, 8)


@pytest.mark.parametrize(
    ("target", "paired"),
    [
        (SQUARES, True),
        (SQUARES[..., None].repeat(3, 3), True),
        (SQUARES / 255, True),
        (SQUARES.astype(np.float64), True),
        (SQUARES.repeat(2, 1).repeat(2, 2), True),
        (SQUARES // 128, False),  # a mask of two classes
        (SQUARES // 128 * 255, False),
        (SQUARES / 10, False),  # such as depths: numbers as they are
        (SQUARES / 255 - 0.5, False),
        (SQUARES[:, 0] / 255, False),
    ],
)
def test_arrays(target: np.ndarray, paired: bool, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=SQUARES, y=target)
    assert open_data(tmp_path / "a.npz", numbers=True).paired == paired


def nothing(root: Path) -> None:
    """Pairs of empty folders."""
    (root / "inputs").mkdir()
    (root / "targets").mkdir()


def other_names(root: Path) -> None:
    write(root, "inputs", "targets", end="-other.png")


def some_splits(root: Path) -> None:
    y = {"y_train": SQUARES, "y_test": SQUARES / 10}
    np.savez(root / "a.npz", x_train=SQUARES, x_test=SQUARES, **y)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (nothing, "inputs` holds no pictures, and pairs of them are wanted"),
        (other_names, "no picture in .* has one of the same name in"),
        (some_splits, "pictures to answer with in some of its splits alone"),
    ],
)
def test_what_is_no_pair(made: Any, message: str, tmp_path: Path) -> None:
    made(tmp_path)
    with pytest.raises(UsageError, match=message):
        open_data(tmp_path, numbers=True)
