from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cnndsl.preprocessing import Preprocessing
from cnndsl.runtime.images import prepare
from tests.support.pictures import PLAIN, gradient, wanted


def test_pixels_are_scaled_and_normalised() -> None:
    image = Image.new("RGB", (2, 2), (255, 51, 0))
    how = Preprocessing(mean=(0.5, 0.1, 0.2), std=(0.5, 0.1, 2))
    np.testing.assert_allclose(prepare(image, wanted(how=how))[:, 0, 0], [1, 1, -0.1], rtol=1e-6)


def test_the_order_of_mean_is_the_nets() -> None:
    image = Image.new("RGB", (1, 1), (123, 117, 104))
    how = Preprocessing(scale=1, mean=(104, 117, 123), order="BGR")
    assert not prepare(image, wanted(how=how)).any()
    grey = prepare(Image.new("L", (1, 1), 9), wanted(channels=1, how=Preprocessing(order="BGR")))
    assert grey.shape == (1, 1, 1)


def test_channels_may_come_last_and_values_be_others() -> None:
    image = gradient(6, 4)
    first = prepare(image, wanted())
    np.testing.assert_array_equal(prepare(image, wanted(last=True)), first.transpose(1, 2, 0))
    for kind in ("float16", "uint8", "int64", "float64"):
        prepared = prepare(image, wanted(kind=kind))
        assert prepared.dtype == kind and prepared.flags.c_contiguous
        np.testing.assert_array_equal(prepared, first)


@pytest.mark.parametrize(
    ("how", "size", "shape"),
    [
        (PLAIN, (None, None), (30, 40)),
        (Preprocessing(resize=15), (None, None), (15, 20)),
        (Preprocessing(resize=15, crop="stretch"), (None, None), (15, 20)),
        (PLAIN, (None, 20), (15, 20)),
        (PLAIN, (15, None), (15, 20)),
        (PLAIN, (60, 10), (60, 10)),
        (Preprocessing(crop="stretch"), (60, 10), (60, 10)),
    ],
)
def test_open_sizes_follow_the_picture(
    how: Preprocessing, size: tuple[int | None, int | None], shape: tuple[int, int]
) -> None:
    assert prepare(gradient(40, 30), wanted(*size, how=how)).shape == (3, *shape)


def test_a_picture_of_the_inputs_size_stays_as_it_is() -> None:
    image = gradient(32, 32)
    same = np.asarray(image, np.float32).transpose(2, 0, 1)
    np.testing.assert_array_equal(prepare(image, wanted(32, 32)), same)
    resized = prepare(image, wanted(32, 32, how=Preprocessing(scale=1, resize=40)))
    assert not np.array_equal(resized, same)


def test_crops_are_in_the_middle_and_stretches_whole() -> None:
    image = Image.new("L", (300, 100))
    image.paste(255, (100, 0, 200, 100))
    assert prepare(image, wanted(80, 80, channels=1)).min() == 255
    stretched = prepare(image, wanted(80, 80, channels=1, how=Preprocessing(crop="stretch")))
    assert stretched.min() == 0


SIZES = st.integers(1, 90)


@given(SIZES, SIZES, SIZES, SIZES)
def test_what_is_given_is_what_was_wanted(width: int, height: int, across: int, down: int) -> None:
    picture = wanted(down, across)
    assert prepare(gradient(width, height), picture).shape == (3, down, across)


@pytest.mark.torch
@pytest.mark.parametrize("size", [(500, 375), (375, 500), (301, 299), (256, 256), (90, 640)])
@pytest.mark.parametrize(("resize", "crop"), [(256, 224), (232, 224), (342, 299), (64, 57)])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "nearest"])
def test_pictures_are_prepared_as_torchvision_does_it(
    size: tuple[int, int], resize: int, crop: int, interpolation: Any
) -> None:
    from tests.support.peers import torchvision

    transforms = torchvision().transforms
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    image = gradient(*size)
    expected = transforms.Compose(
        [
            transforms.Resize(resize, transforms.InterpolationMode(interpolation)),
            transforms.CenterCrop(crop),
            transforms.ToTensor(),
            transforms.Normalize(mean, std),
        ]
    )(image).numpy()
    how = Preprocessing(mean=mean, std=std, resize=resize, interpolation=interpolation)
    found = prepare(image, wanted(crop, crop, how=how))
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
