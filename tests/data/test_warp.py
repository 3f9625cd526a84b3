import math
from dataclasses import replace
from threading import Thread
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnndsl.data.augmentation import Augmentation, Fill, Plan, plan
from cnndsl.data.warp import beyond, warped
from tests.data.making import noise

FILLS: tuple[Fill, ...] = ("constant", "nearest", "reflect", "wrap")


def seen(line: list[int], place: int, fill: Fill) -> int | None:
    """What lies at a place of an endless line, by the definition."""
    size = len(line)
    if 0 <= place < size:
        return line[place]
    if fill == "constant":
        return None
    if fill == "nearest":
        return line[0] if place < 0 else line[-1]
    if fill == "wrap":
        return line[place % size]
    return (line + line[::-1])[place % (2 * size)]


def reference(picture: Any, matrix: Any, shift: Any, fill: Fill, value: float) -> Any:
    """One channel, one pixel after the other."""
    height, width = picture.shape
    rows, columns = list(range(height)), list(range(width))

    def at(row: int, column: int) -> float:
        places = seen(rows, row, fill), seen(columns, column, fill)
        return value if None in places else float(picture[places])

    result = np.empty((height, width))
    for i in range(height):
        for j in range(width):
            place = np.array([j - (width - 1) / 2 - shift[0] * width,
                              i - (height - 1) / 2 - shift[1] * height])  # fmt: skip
            x, y = matrix @ place + ((width - 1) / 2, (height - 1) / 2)
            left, top = math.floor(x), math.floor(y)
            across, down = x - left, y - top
            above = at(top, left) * (1 - across) + at(top, left + 1) * across
            below = at(top + 1, left) * (1 - across) + at(top + 1, left + 1) * across
            result[i, j] = above * (1 - down) + below * down
    return result


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("size", [1, 2, 5])
def test_what_lies_beyond_the_edge(fill: Fill, size: int) -> None:
    line = list(range(size))
    found = beyond(size, 7, fill).tolist()
    wanted = [seen(line, place, fill) for place in range(-7, size + 7)]
    assert found == [-1 if place is None else place for place in wanted]


@given(
    fill=st.sampled_from(FILLS),
    rotation=st.floats(0, 180),
    shear=st.floats(0, 30),
    shift=st.floats(0, 0.3),
    zoom=st.floats(0.7, 1.5),
    flips=st.tuples(st.sampled_from([0, 0.5, 1]), st.sampled_from([0, 0.5, 1])),
    seed=st.integers(0, 1000),
    shape=st.tuples(st.integers(1, 3), st.integers(1, 2), st.integers(3, 9), st.integers(3, 9)),
    kind=st.sampled_from([np.uint8, np.float32]),
)
def test_every_change_is_the_definition_s(
    fill: Fill, rotation: float, shear: float, shift: float, zoom: float, flips: Any, seed: int,
    shape: tuple[int, int, int, int], kind: Any,
) -> None:  # fmt: skip
    pixels = noise(*shape, seed=seed).astype(kind)
    augmentation = Augmentation(
        rotation, shift, shift, shear, (zoom, zoom), *flips, fill=fill, fill_value=100
    )
    drawn = plan(augmentation, seed, 0, np.arange(shape[0]))
    if not augmentation.turns:  # then shifts are whole pixels
        sides = np.array(shape[:1:-1])
        drawn = replace(drawn, shifts=np.rint(drawn.shifts * sides) / sides)
    found = warped(pixels, drawn).copy()
    for n in range(shape[0]):
        for c in range(shape[1]):
            matrix, moved = drawn.matrices[n], drawn.shifts[n]
            wanted = reference(pixels[n, c], matrix, moved, fill, 100)
            if looks_too_far(drawn, n, shape, fill):
                continue
            np.testing.assert_allclose(found[n, c], wanted, atol=0.05)


def looks_too_far(drawn: Plan, n: int, shape: tuple[int, ...], fill: Fill) -> bool:
    """Whether a mirrored picture is looked beyond, which is answered with its edge."""
    _, _, height, width = shape
    corners = np.array([[x, y] for x in (-0.5, 0.5) for y in (-0.5, 0.5)]) - drawn.shifts[n]
    places = (corners * (width, height)) @ drawn.matrices[n].T
    reach = np.abs(places).max(axis=0) - np.array([width, height]) / 2
    return fill in ("reflect", "wrap") and bool((reach > min(height, width) - 3).any())


def test_bytes_stay_bytes_where_whole_pixels_move() -> None:
    pixels = noise(6, 3, 5, 7)
    for augmentation in (Augmentation(width_shift=0.3), Augmentation(horizontal_flip=1)):
        assert warped(pixels, plan(augmentation, 0, 0, np.arange(6))).dtype == np.uint8
    turned = warped(pixels, plan(Augmentation(rotation=3), 0, 0, np.arange(6)))
    assert turned.dtype == np.float32
    assert warped(pixels, plan(Augmentation(noise=0.1), 0, 0, np.arange(6))) is pixels


def test_mirrors_are_exact() -> None:
    pixels = noise(2, 1, 4, 5)
    drawn = plan(Augmentation(horizontal_flip=1), 0, 0, np.arange(2))
    np.testing.assert_array_equal(warped(pixels, drawn), pixels[..., ::-1])
    drawn = plan(Augmentation(vertical_flip=1), 0, 0, np.arange(2))
    np.testing.assert_array_equal(warped(pixels, drawn), pixels[:, :, ::-1])


def test_a_picture_s_change_doesn_t_depend_on_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels, indices = noise(9, 2, 6, 6), np.arange(9)
    for augmentation in (
        Augmentation(rotation=40, zoom=(0.7, 1.3), fill="reflect"),
        Augmentation(width_shift=0.5, height_shift=0.5, fill="constant"),
    ):
        drawn = plan(augmentation, 0, 0, indices)
        whole = warped(pixels, drawn).copy()
        alone = [warped(pixels[n : n + 1], drawn.part(n, n + 1))[0].copy() for n in indices]
        np.testing.assert_array_equal(whole, np.stack(alone))
        monkeypatch.setattr("cnndsl.data.warp._PIECE", 100)
        np.testing.assert_array_equal(whole, warped(pixels, drawn))


def test_threads_don_t_share_memory() -> None:
    drawn = plan(Augmentation(rotation=90), 0, 0, np.arange(64))
    pixels = [noise(64, 1, 28, 28, seed=n) for n in range(4)]
    wanted = [warped(p, drawn).copy() for p in pixels]
    wrong: list[int] = []

    def work(number: int) -> None:
        for _ in range(20):
            if not np.array_equal(warped(pixels[number], drawn), wanted[number]):
                wrong.append(number)

    threads = [Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
