from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cnndsl.data import fitting
from cnndsl.data.dataset import Arrays
from cnndsl.data.fitting import fitted
from cnndsl.diagnostics import UsageError
from cnndsl.preprocessing import Preprocessing
from cnndsl.runtime.images import prepare
from tests.data.making import CROPPED, PLAIN, noise, wanted


def as_image(pixels: Any, channels: int) -> Image.Image:
    image = Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))
    return image.convert("L" if channels == 1 else "RGB")


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("wanted_channels", [1, 3])
@pytest.mark.parametrize("how", [PLAIN, CROPPED, Preprocessing(scale=1, resize=20)])
@pytest.mark.parametrize("size", [(8, 9), (16, 12), (5, 5)])
def test_arrays_become_what_a_model_makes_of_files(
    channels: int, wanted_channels: int, how: Preprocessing, size: tuple[int, int]
) -> None:
    source = Arrays(noise(4, channels, 8, 9), "x")
    picture = wanted(wanted_channels, *size, how)
    found = fitted(source, picture)
    assert found is not None and found.dtype == np.uint8
    for pixels, result in zip(source.images, found, strict=True):
        # A model turns colour to grey before it resizes, and grey to colour after
        image = as_image(pixels, min(channels, wanted_channels))
        np.testing.assert_array_equal(result, prepare(image, picture))


def test_what_fits_is_not_copied() -> None:
    source = Arrays(noise(4, 3, 8, 9), "x")
    assert fitted(source, wanted(3, 8, 9)) is source.images
    assert fitted(source, wanted(3, 8, 9, CROPPED)) is source.images


def test_it_is_done_once() -> None:
    source = Arrays(noise(4, 1, 8, 9), "x")
    first = fitted(source, wanted(1, 12, 12))
    normalising = Preprocessing(crop="stretch", mean=(0.3,))
    assert fitted(source, wanted(1, 12, 12, normalising)) is first
    assert fitted(source, wanted(1, 12, 12, CROPPED)) is not first
    assert fitted(source, wanted(1, 13, 12)) is not first


@pytest.mark.parametrize("kind", [np.float32, np.uint8])
def test_other_arrays_are_fitted_plane_by_plane(kind: Any) -> None:
    pixels = noise(2, 5, 8, 8).astype(kind)
    found = fitted(Arrays(pixels, "x"), wanted(5, 16, 16))
    assert found is not None and found.dtype == np.float32
    for channel in range(5):
        image = Image.fromarray(pixels[1, channel].astype(np.float32))
        expected = np.asarray(image.resize((16, 16), Image.Resampling.BILINEAR))
        np.testing.assert_allclose(found[1, channel], expected, rtol=1e-6)
    floats = Arrays(noise(2, 3, 8, 8).astype(np.float32), "x")
    grey = fitted(floats, wanted(1, 8, 8))
    expected = np.einsum("nchw,c->nhw", floats.images, [0.299, 0.587, 0.114])
    assert grey is not None
    np.testing.assert_allclose(grey[:, 0], expected, rtol=1e-5)
    coloured = fitted(Arrays(floats.images[:, :1], "x"), wanted(3, 8, 8))
    assert coloured is not None
    np.testing.assert_array_equal(coloured[:, 2], floats.images[:, 0])


def test_what_would_be_too_large_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "MOST_BYTES", 1000)
    assert fitted(Arrays(noise(4, 1, 8, 9), "x"), wanted(1, 30, 30)) is None


def test_channels_must_go_together() -> None:
    for channels, other in ((5, 3), (2, 1), (1, 4)):
        with pytest.raises(
            UsageError, match=f"have {channels} channels, and input `image` takes {other}"
        ):
            fitted(Arrays(noise(1, channels, 8, 8), "x"), wanted(other, 8, 8))
    assert fitted(Arrays(noise(1, 5, 8, 8), "x"), replace(wanted(5, 8, 8))) is not None
