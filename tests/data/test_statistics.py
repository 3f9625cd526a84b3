from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cnndsl.data import measured, open_data, whole_or_middle
from cnndsl.data.dataset import Files
from cnndsl.data.loader import Loader
from cnndsl.diagnostics import UsageError
from cnndsl.preprocessing import Preprocessing
from tests.data.making import array_split, class_folders, file_split, noise, photo, wanted


@pytest.mark.parametrize("channels", [1, 3])
def test_normalised_pictures_have_mean_0_and_deviation_1(channels: int, tmp_path: Path) -> None:
    for split in (array_split(60, channels), file_split(tmp_path)):
        picture = wanted(channels, 8, 9, Preprocessing(crop="stretch"))
        how = measured(split, picture)
        assert how.scale == 255 and how.crop == "stretch" and len(how.mean) == channels
        with Loader(split, replace(picture, preprocessing=how), batch=100) as loader:
            (batch,) = loader.epoch()
        np.testing.assert_allclose(batch.images.mean(axis=(0, 2, 3)), 0, atol=1e-3)
        np.testing.assert_allclose(batch.images.std(axis=(0, 2, 3)), 1, atol=1e-3)


def test_numbers_are_in_the_net_s_order(tmp_path: Path) -> None:
    split = array_split(10, 3)
    split.source.images[:, 0] //= 4  # type: ignore[union-attr]
    rgb = measured(split, wanted(3, 8, 9, Preprocessing(crop="stretch")))
    bgr = measured(split, wanted(3, 8, 9, Preprocessing(crop="stretch", order="BGR")))
    assert rgb.mean == bgr.mean[::-1] and rgb.mean[0] < 0.2 and bgr.order == "BGR"


def test_pictures_that_are_all_alike_are_not_divided_by_0() -> None:
    split = array_split(4)
    split.source.images[...] = 51  # type: ignore[union-attr]
    how = measured(split, wanted(1, 8, 9))
    assert how.mean == (0.2,) and how.std == (0.001,)


def test_some_photos_are_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnndsl.data.statistics.PHOTOS", 4)
    split, picture = file_split(tmp_path, 12), wanted(3, 8, 9)
    first = measured(split, picture)
    assert measured(split, picture) == first != measured(split, picture, seed=1)


def test_damaged_photos_are_passed_over(tmp_path: Path) -> None:
    split, picture = file_split(tmp_path, 3), wanted(3, 8, 9)
    photo(tmp_path / "1.png").write_bytes(b"broken")
    assert measured(split, picture) == measured(split.part(np.array([0, 2])), picture)
    for number in (0, 2):
        (tmp_path / f"{number}.png").unlink()
    assert isinstance(split.source, Files)
    split.source.resized.clear()  # what was read before would be there still
    (tmp_path / "1.png").unlink()  # which of several threads fails first isn't known
    with pytest.raises(
        UsageError, match=r"none of the 3 pictures can be read; the first: there is no file `"
    ):
        measured(split, picture)


def test_photos_are_cropped_and_arrays_are_not(tmp_path: Path) -> None:
    assert whole_or_middle(open_data(class_folders(tmp_path, {"a": 2, "b": 2}))).crop == "centre"
    np.savez(tmp_path / "a.npz", x=noise(9, 5, 5), y=np.arange(9) % 2)
    assert whole_or_middle(open_data(tmp_path / "a.npz")).crop == "stretch"
