import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from cnndsl.data import photos
from cnndsl.data.near_duplicates import SIDE, exact_groups, fingerprints, near_groups
from tests.data.making import noise, smooth
from tests.support.data import real_data


def compressed(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file)


def small(images: list[Image.Image]) -> Any:
    return np.stack([photos.small_grey(image, SIDE) for image in images])


VARIANTS = {
    "compressed": lambda image: compressed(image, 30),
    "half as large": lambda image: image.resize((image.width // 2, image.height // 2)),
    "other proportions": lambda image: image.resize((128, 128)),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.15),
    "flatter": lambda image: ImageEnhance.Contrast(image).enhance(0.8),
    "grey": lambda image: image.convert("L"),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants_of_a_photo_are_found(variant: str) -> None:
    originals = [Image.fromarray(smooth(150, 200, seed=seed)) for seed in range(60)]
    changed = [VARIANTS[variant](image) for image in originals[::3]]
    expected = [[3 * n, 60 + n] for n in range(20)]
    found = near_groups(small([*originals, *changed]))
    assert len([group for group in found if group in expected]) >= 19
    assert all(group in expected for group in found)


def test_other_pictures_are_not_alike() -> None:
    assert near_groups(noise(3000, SIDE, SIDE)) == []
    assert near_groups(small([Image.fromarray(smooth(60, 80, seed=s)) for s in range(400)])) == []


def test_pictures_that_show_nothing_are_not_compared() -> None:
    flat = np.full((50, SIDE, SIDE), 200, np.uint8) + noise(50, SIDE, SIDE) // 128
    assert near_groups(flat) == []
    assert near_groups(flat[:1]) == []


def test_groups_grow_together() -> None:
    image = smooth(64, 64)
    steps = [np.clip(image.astype(int) + 4 * n, 0, 255).astype(np.uint8) for n in range(5)]
    found = near_groups(small([Image.fromarray(step) for step in steps]))
    assert found == [[0, 1, 2, 3, 4]]


def test_fingerprints_are_bits_of_slopes() -> None:
    slope = np.arange(SIDE, dtype=np.uint8)[None, None, :].repeat(SIDE, axis=1)
    (bits,) = fingerprints(slope)
    across, down = bits[:64].reshape(8, 8), bits[64:]
    assert across[:, :-1].all() and not across[:, -1].any() and not down.any()


def test_copies_have_one_digest() -> None:
    assert exact_groups([b"a", b"b", None, b"a", None, b"c", b"b", b"a"]) == [[0, 3, 7], [1, 6]]
    assert exact_groups([]) == []


@pytest.mark.data
def test_photos_of_ants_and_bees_are_all_different() -> None:
    paths = sorted(real_data("hymenoptera").rglob("*.jpg"))[::4]
    images = [photos.open_picture(path, 3) for path in paths]
    assert near_groups(small(images)) == []
    found = near_groups(small([*images, *(compressed(image, 40) for image in images)]))
    assert found == [[n, n + len(images)] for n in range(len(images))]
