from typing import Any

import numpy as np
import pytest

from cnndsl.data.arrays import as_pictures, as_targets
from cnndsl.diagnostics import UsageError
from cnndsl.files import unpacked_limit
from tests.data.making import noise


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [
        ((5, 8, 9), (5, 1, 8, 9)),
        ((5, 8, 9, 1), (5, 1, 8, 9)),
        ((5, 8, 9, 3), (5, 3, 8, 9)),
        ((5, 3, 8, 9), (5, 3, 8, 9)),
        ((5, 8, 9, 4), (5, 4, 8, 9)),
        ((5, 1, 28, 28), (5, 1, 28, 28)),
    ],
)
def test_channels_come_second(shape: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    pixels = noise(*shape)
    found = as_pictures(pixels, "x")
    assert found.shape == wanted and found.dtype == np.uint8 and found.flags.c_contiguous
    np.testing.assert_array_equal(found[2, 0, 3, 4], np.ravel(pixels[2, ..., 3, 4] if
                                  shape == wanted else pixels[2, 3, 4])[0])  # fmt: skip


def test_bytes_are_not_copied() -> None:
    pixels = noise(5, 1, 8, 9)
    assert np.shares_memory(as_pictures(pixels, "x"), pixels)


@pytest.mark.parametrize("kind", [np.int64, np.uint16, np.float32, np.float64, np.float16])
def test_whole_numbers_up_to_255_are_bytes(kind: Any) -> None:
    pixels = noise(5, 8, 9)
    found = as_pictures(pixels.astype(kind), "x")
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found[:, 0], pixels)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_parts_of_255_are_bytes_again(kind: Any) -> None:
    pixels = noise(5, 8, 9)
    found = as_pictures((pixels / 255).astype(kind), "x")
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found[:, 0], pixels)


def test_other_numbers_keep_their_fraction() -> None:
    values = np.random.default_rng(0).random((5, 8, 9))
    found = as_pictures(values, "x")
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[:, 0], values * 255, rtol=1e-6)
    centred = values - 0.5
    np.testing.assert_allclose(as_pictures(centred, "x")[:, 0], centred, rtol=1e-6)
    deep = np.random.default_rng(0).integers(0, 1 << 16, (5, 8, 9), np.uint16)
    np.testing.assert_allclose(as_pictures(deep, "x")[:, 0], deep / 257, rtol=1e-6)
    masks = values > 0.5
    np.testing.assert_array_equal(as_pictures(masks, "x")[:, 0], masks * 255)


def test_parts_are_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).random((50, 8, 9))
    whole = as_pictures(values, "x")
    monkeypatch.setattr("cnndsl.data.arrays._CHUNK", 8 * 72 * 7)
    np.testing.assert_array_equal(as_pictures(values, "x"), whole)
    np.testing.assert_array_equal(as_pictures(np.rint(values * 255), "x")[:, 0],
                                  np.rint(values * 255))  # fmt: skip


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((5, 784)), r"x is 5x784; pictures are NxHxW \(grey\), NxHxWxC or NxCxHxW"),
        (np.float64(3), "x is one number"),
        (np.zeros((0, 8, 8)), "x is 0x8x8; pictures are"),
        (np.zeros((5, 8, 8), "U3"), "x holds <U3, which are no pixels"),
        (np.zeros((5, 8, 8), complex), "which are no pixels"),
        (np.full((5, 8, 8), np.nan), "has values that are no numbers"),
        (np.full((5, 8, 8), np.inf), "has values that are no numbers"),
        (np.full((5, 8, 8), 1e300), r"x has a value of 1e\+300, no pixel's"),
        (np.full((5, 8, 8), -1e38, np.float32), r"x has a value of -1e\+38, no pixel's"),
        (np.zeros((2, 99, 100, 101), np.uint8), "pictures of 99 channels"),
    ],
)
def test_what_are_no_pictures_is_said(array: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        as_pictures(np.asarray(array), "x")


def test_targets_are_classes_or_numbers() -> None:
    for kind in (np.uint8, np.int32, np.int64, bool):
        found = as_targets(np.array([0, 1, 1], kind), 3, "y")
        assert found.dtype == np.int64 and found.tolist() == [0, 1, 1]
    assert as_targets(np.array([[2], [0], [1]]), 3, "y").tolist() == [2, 0, 1]
    assert as_targets(np.array([0.5, 1, 2]), 3, "y").dtype == np.float32
    assert as_targets(np.eye(3, dtype=int), 3, "y").dtype == np.float32


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(4, int), "y has 4 entries for 3 pictures"),
        (np.int64(3), "y has 1 entries for 3 pictures"),
        (np.array([0, -1, 2]), "y has numbers from -1 to 2; classes are numbered from 0"),
        (np.array([0, 1, 1 << 40]), "classes are numbered from 0"),
        (np.array(["a", "b", "c"]), "y holds <U1; classes are numbered from 0"),
        (np.array([0.5, np.nan, 1]), "y has entries that are no numbers"),
    ],
)
def test_what_are_no_targets_is_said(array: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        as_targets(np.asarray(array), 3, "y")


def test_packed_files_are_bounded() -> None:
    assert unpacked_limit(10) == 256 << 20
    assert unpacked_limit(1 << 30) == 100 << 30
