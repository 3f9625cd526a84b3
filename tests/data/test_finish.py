import numpy as np
import pytest
from PIL import Image

from cnndsl.data.augmentation import Augmentation, plan
from cnndsl.data.finish import normalised, photometric
from cnndsl.preprocessing import Preprocessing
from cnndsl.runtime.images import prepare
from tests.data.making import noise, wanted

INDICES = np.arange(5)


@pytest.mark.parametrize(
    "how",
    [
        Preprocessing(),
        Preprocessing(scale=1, mean=(104, 117, 123), order="BGR"),
        Preprocessing(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
        Preprocessing(scale=127.5, mean=(1,)),
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_are_normalised_bit_for_bit_as_when_a_model_runs(
    how: Preprocessing, channels: int
) -> None:
    if how.channels not in (None, channels):
        return
    pixels = noise(channels, 6, 7)
    image = Image.fromarray(pixels.transpose(1, 2, 0) if channels == 3 else pixels[0])
    expected = prepare(image, wanted(channels, 6, 7, how))
    np.testing.assert_array_equal(normalised(pixels[None], how)[0], expected)
    out = np.empty((1, channels, 6, 7), np.float32)
    assert normalised(pixels[None], how, out) is out
    np.testing.assert_array_equal(out[0], expected)


def test_light_is_a_factor_and_contrast_one_about_the_mean() -> None:
    pixels = noise(5, 3, 8, 8)
    drawn = plan(Augmentation(brightness=0.5, contrast=0.5), 0, 0, INDICES)
    mean = pixels.astype(float).mean(axis=(1, 2, 3), keepdims=True)
    bright, contrast = (n.reshape(5, 1, 1, 1) for n in (drawn.brightness, drawn.contrast))
    expected = (((pixels - mean) * contrast + mean) * bright).clip(0, 255)
    np.testing.assert_allclose(photometric(pixels, drawn), expected, atol=1e-3)


def test_noise_has_its_deviation_and_stays_in_range() -> None:
    grey = np.full((5, 1, 60, 60), 128, np.uint8)
    drawn = plan(Augmentation(noise=0.1), 0, 0, INDICES)
    noisy = photometric(grey, drawn).copy()
    assert abs(noisy.mean() - 128) < 1 and abs(noisy.std() - 25.5) < 0.5
    assert len(np.unique(noisy[:, 0, 0, 0])) == 5
    black = photometric(np.zeros_like(grey), drawn)
    assert black.min() == 0 and 0.45 < (black == 0).mean() < 0.55
    other = photometric(grey, plan(Augmentation(noise=0.1), 0, 1, INDICES))
    assert not np.array_equal(noisy, other)


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_a_rectangle_is_erased_in_every_channel(kind: type[np.generic]) -> None:
    pixels = np.full((5, 3, 50, 40), 200, kind)
    drawn = plan(Augmentation(erase=1, fill_value=7), 0, 0, INDICES)
    changed = photometric(pixels, drawn)
    assert set(np.unique(changed)) == {7, 200}
    for picture, (left, top, right, bottom) in zip(changed, drawn.erased, strict=True):
        inside = picture[0] == 7
        assert (picture == picture[0]).all()
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        assert inside[np.ix_(rows, columns)].all()
        assert abs(rows[0] - top * 50) <= 1 and abs(rows[-1] + 1 - bottom * 50) <= 1
        assert abs(columns[0] - left * 40) <= 1 and abs(columns[-1] + 1 - right * 40) <= 1
    assert (pixels == 200).all()


def test_nothing_is_touched_without_need() -> None:
    pixels = noise(5, 1, 4, 4)
    assert photometric(pixels, plan(Augmentation(rotation=10), 0, 0, INDICES)) is pixels
