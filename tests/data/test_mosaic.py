from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnndsl.data import open_data, read_augmentation
from cnndsl.data.augmentation import Augmentation
from cnndsl.data.mosaic import COLUMNS, ROWS, mosaic, write_mosaic
from cnndsl.preprocessing import Preprocessing
from tests.data.making import class_folders, noise

STRETCHED = Preprocessing(crop="stretch", mean=(0.5,), std=(0.2,))
SIDE, GAP = 96, 4


def tile(pixels: np.ndarray, row: int, column: int, left: int, times: int = 12) -> np.ndarray:
    top, left = GAP + row * (SIDE + GAP), left + column * (SIDE + GAP)
    return pixels[top : top + SIDE : times, left : left + SIDE : times]


@pytest.fixture
def arrays(tmp_path: Path) -> Path:
    np.savez(tmp_path / "a.npz", x=noise(90, 8, 8, 3), y=np.arange(90) % 9)
    return tmp_path / "a.npz"


def test_samples_are_beside_what_becomes_of_them(arrays: Path) -> None:
    data = open_data(arrays, validation=0)
    pixels = mosaic(data, Augmentation(horizontal_flip=1), (8, 8), STRETCHED)
    left = pixels.shape[1] - COLUMNS * (SIDE + GAP)
    assert pixels.shape == (GAP + ROWS * (SIDE + GAP), left + COLUMNS * (SIDE + GAP), 3)
    images = data.train.source.images  # type: ignore[union-attr]
    for row in range(ROWS):
        first = tile(pixels, row, 0, left)
        (number,) = np.flatnonzero((images == first.transpose(2, 0, 1)).all(axis=(1, 2, 3)))
        assert data.train.targets[number] == row
        for column in range(1, COLUMNS):
            np.testing.assert_array_equal(tile(pixels, row, column, left), first[:, ::-1])


def test_samples_differ_from_epoch_to_epoch(arrays: Path) -> None:
    data = open_data(arrays)
    strong = read_augmentation("strong")
    pixels = mosaic(data, strong, (8, 8), STRETCHED)
    np.testing.assert_array_equal(pixels, mosaic(data, strong, (8, 8), STRETCHED))
    assert (pixels != mosaic(data, strong, (8, 8), STRETCHED, seed=1)).any()
    left = pixels.shape[1] - COLUMNS * (SIDE + GAP)
    tiles = {tile(pixels, 0, column, left).tobytes() for column in range(COLUMNS)}
    assert len(tiles) == COLUMNS


def test_without_augmentation_there_are_more_samples(arrays: Path) -> None:
    pixels = mosaic(open_data(arrays), None, (8, 8), STRETCHED)
    left = pixels.shape[1] - COLUMNS * (SIDE + GAP)
    tiles = {tile(pixels, n // 8, n % 8, left).tobytes() for n in range(64)}
    assert len(tiles) == 64


def test_few_pictures_and_classes_come_again(tmp_path: Path) -> None:
    folder = class_folders(tmp_path / "d", {"with a very long name that has no end": 2, "日本": 1})
    (folder / "日本" / "1.png").write_bytes(b"broken")
    data = open_data(folder, validation=0)
    for augmentation in (None, read_augmentation("light")):
        assert mosaic(data, augmentation, (40, 50), Preprocessing()).shape[0] > 8 * 40


def test_grey_pictures_and_no_classes(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=noise(5, 8, 8), y=np.random.rand(5, 2))
    for augmentation in (None, read_augmentation("light")):
        pixels = mosaic(open_data(tmp_path / "a.npz"), augmentation, (8, 8), STRETCHED)
        assert (pixels[..., 0] == pixels[..., 2]).all()
        assert pixels.shape[1] == GAP + COLUMNS * (SIDE + GAP)


def test_it_is_written_as_a_png(arrays: Path, tmp_path: Path) -> None:
    pixels = noise(20, 30, 3)
    write_mosaic(pixels, tmp_path / "m.png")
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "m.png")), pixels)
    with pytest.raises(OSError, match="can't be written: there is no folder"):
        write_mosaic(pixels, tmp_path / "missing" / "m.png")
