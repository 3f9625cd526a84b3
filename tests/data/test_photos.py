import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from time import sleep
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cnndsl.data import photos
from cnndsl.data.augmentation import Augmentation, plan
from cnndsl.data.finish import normalised
from cnndsl.data.warp import warped
from cnndsl.diagnostics import UsageError
from cnndsl.preprocessing import Preprocessing
from cnndsl.runtime.images import prepare, read_picture
from tests.data.making import CROPPED, PLAIN, noise, photo, smooth, wanted

SIZES = st.integers(1, 90)


@given(
    SIZES, SIZES, SIZES, SIZES,
    st.sampled_from([None, 91, 120]), st.sampled_from(["centre", "stretch"]),
    st.sampled_from(["nearest", "bilinear", "bicubic", "lanczos"]), st.sampled_from([1, 3]),
)  # fmt: skip
def test_without_change_the_net_sees_what_it_sees_when_it_runs(
    width: int, height: int, across: int, down: int, resize: Any, crop: Any, how: Any, channels: int
) -> None:
    image = Image.fromarray(smooth(height, width)).convert("RGB" if channels == 3 else "L")
    preprocessing = Preprocessing(
        mean=(0.4,), std=(0.3,), resize=resize, crop=crop, interpolation=how
    )
    picture = wanted(channels, down, across, preprocessing)
    try:
        whole = photos.covering(image, picture)
    except UsageError as refused:  # a strip that would become too large
        with pytest.raises(UsageError, match=re.escape(str(refused))):
            prepare(image, picture)
        return
    found = normalised(photos.pixels_of(whole, picture)[None], preprocessing)[0]
    np.testing.assert_array_equal(found, prepare(image, picture))


def test_files_are_read_likewise(tmp_path: Path) -> None:
    path = photo(tmp_path / "a.png", 50, 70)
    picture = wanted(3, 24, 32, CROPPED)
    found = photos.pixels_of(
        photos.covering(photos.opened(path, picture.channels), picture), picture
    )
    np.testing.assert_array_equal(found, read_picture(path, picture))


def test_very_large_pictures_are_decoded_one_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photos, "MANY_PIXELS", 1000)
    at_once: list[int] = []
    running: list[Path] = []
    original = photos.open_picture

    def opened(path: Path, channels: int) -> Image.Image:
        running.append(path)
        at_once.append(len(running))
        sleep(0.002)
        running.remove(path)
        return original(path, channels)

    monkeypatch.setattr(photos, "open_picture", opened)
    for size, most in ((100, 1), (20, 4)):
        paths = [photo(tmp_path / f"{size}-{n}.png", size, size) for n in range(8)]
        at_once.clear()
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda path: photos.opened(path, 3), paths))
        assert max(at_once) <= most
    assert max(at_once) > 1
    (tmp_path / "broken.png").write_bytes(b"broken")
    with pytest.raises(UsageError, match=r"broken\.png` .*picture"):
        photos.opened(tmp_path / "broken.png", 3)


def test_sixteen_bits_keep_their_fraction(tmp_path: Path) -> None:
    deep = np.random.default_rng(0).integers(0, 1 << 16, (30, 40), np.uint16)
    Image.fromarray(deep).save(tmp_path / "a.png")
    for channels in (1, 3):
        picture = wanted(channels, 24, 32, CROPPED)
        image = photos.covering(photos.opened(tmp_path / "a.png", picture.channels), picture)
        found = photos.pixels_of(image, picture)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, read_picture(tmp_path / "a.png", picture))
        for augmentation in (Augmentation(rotation=9), Augmentation(width_shift=0.5)):
            for fill in ("constant", "reflect"):
                drawn = plan(replace(augmentation, fill=fill), 0, 0, np.arange(1))  # type: ignore[arg-type]
                moved = photos.pixels_of(image, picture, drawn)
                assert moved.shape == found.shape and moved.dtype == np.float32


@given(
    st.sampled_from(["constant", "nearest", "reflect", "wrap"]), st.floats(0, 0.9),
    st.floats(0, 0.9), st.sampled_from([0, 1]), st.sampled_from([0, 1]), st.integers(0, 99),
)  # fmt: skip
def test_whole_pixels_move_as_those_of_arrays_do(
    fill: Any, across: float, down: float, mirrored: int, upside_down: int, seed: int
) -> None:
    pixels = noise(1, 3, 13, 10)
    picture = wanted(3, 13, 10)
    augmentation = Augmentation(
        width_shift=across, height_shift=down, horizontal_flip=mirrored, vertical_flip=upside_down,
        fill=fill, fill_value=9,
    )  # fmt: skip
    drawn = plan(augmentation, seed, 0, np.arange(1))
    found = photos.pixels_of(
        photos.covering(photos.of_pixels(pixels[0], picture), picture), picture, drawn
    )
    np.testing.assert_array_equal(found, warped(pixels, drawn)[0])


@given(
    st.sampled_from(["constant", "nearest", "reflect", "wrap"]), st.floats(1, 180),
    st.floats(0, 20), st.floats(0, 0.2), st.floats(0.8, 1.4), st.sampled_from([0, 1]),
    st.integers(0, 99), st.sampled_from([1, 3]),
)  # fmt: skip
def test_turns_are_those_of_arrays(
    fill: Any, rotation: float, shear: float, shift: float, zoom: float, mirrored: int, seed: int,
    channels: int,
) -> None:  # fmt: skip
    pixels = smooth(40, 50, channels).transpose(2, 0, 1)[None]
    picture = wanted(channels, 40, 50)
    augmentation = Augmentation(
        rotation, shift, shift, shear, (zoom, zoom), mirrored, fill=fill, fill_value=9
    )
    drawn = plan(augmentation, seed, 0, np.arange(1))
    found = photos.pixels_of(
        photos.covering(photos.of_pixels(pixels[0], picture), picture), picture, drawn
    )
    expected = warped(pixels, drawn)[0]
    # Pillow doesn't mix pixels with what lies beyond the edge, so there are few that differ
    differ = np.abs(found.astype(float) - expected) > 2
    assert differ.mean() < (0.1 if fill in ("constant", "wrap") else 0.03)


def test_what_lies_around_the_crop_comes_into_sight() -> None:
    image = Image.fromarray(smooth(100, 160))
    picture = wanted(3, 80, 80, Preprocessing(scale=1, resize=100))
    whole = np.asarray(photos.covering(image, picture)).transpose(2, 0, 1)
    assert whole.shape == (3, 100, 160)
    drawn = plan(Augmentation(width_shift=0.5, height_shift=0.1), 3, 0, np.arange(1))
    across, down = np.rint(drawn.shifts[0] * 80).astype(int)
    assert across and down
    found = photos.pixels_of(photos.covering(image, picture), picture, drawn)
    top, left = 10 - down, 40 - across
    if left >= 0:
        np.testing.assert_array_equal(found, whole[:, top : top + 80, left : left + 80])


def test_far_turns_stay_within_bounds() -> None:
    image = Image.fromarray(smooth(60, 60))
    picture = wanted(3, 60, 60)
    for fill in ("constant", "nearest", "reflect", "wrap"):
        augmentation = Augmentation(180, 1, 1, 60, (0.25, 0.25), fill=fill, fill_value=77)
        for index in range(10):
            drawn = plan(augmentation, 0, 0, np.array([index]))
            found = photos.pixels_of(image, picture, drawn)
            assert found.shape == (3, 60, 60)
            if fill in ("reflect", "wrap"):
                assert abs(found.mean() - np.asarray(image).mean()) < 60


def test_strips_and_open_sizes_are_refused() -> None:
    with pytest.raises(UsageError, match="a picture of 1x4000 would become one of 256x1024000"):
        photos.covering(Image.new("L", (1, 4000)), wanted(1, 224, 224, CROPPED))
    open_size = replace(wanted(3, 8, 8), height=None)
    with pytest.raises(UsageError, match="input `image` leaves the pictures' size open; say one"):
        photos.covering(Image.new("L", (9, 9)), open_size)


def test_the_input_s_interpolation_is_used() -> None:
    image = Image.fromarray(noise(30, 30, 3))
    drawn = plan(Augmentation(rotation=30), 0, 0, np.arange(1))
    found = [
        photos.pixels_of(image, wanted(3, 30, 30, replace(PLAIN, interpolation=how)), drawn)
        for how in ("nearest", "bilinear", "bicubic")
    ]
    assert not np.array_equal(found[0], found[1]) and not np.array_equal(found[1], found[2])
    assert np.isin(found[0], np.asarray(image)).all()
