import threading
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnndsl.data import Batch, Loader, Split, photos, read_augmentation
from cnndsl.data.augmentation import Augmentation
from cnndsl.diagnostics import UsageError
from cnndsl.preprocessing import Preprocessing
from cnndsl.runtime.images import prepare, read_picture
from tests.data.making import CROPPED, PLAIN, array_split, file_split, wanted

STRONG = read_augmentation("strong")


def batches(split: Split, epoch: int = 0, start: int = 0, **options: Any) -> list[Batch]:
    options = {"batch": 4, "shuffle": True, "picture": wanted(1, 8, 9)} | options
    with Loader(split, **options) as loader:
        return list(loader.epoch(epoch, start))


def assert_same(first: list[Batch], second: list[Batch]) -> None:
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        for name in ("images", "targets", "numbers"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.fixture(params=["arrays", "resized arrays", "files"])
def setting(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: Any) -> dict[str, Any]:
    """A split of 19 examples and the input that takes them."""
    if request.param == "files":
        return {"split": file_split(tmp_path, 19), "picture": wanted(3, 16, 20, CROPPED)}
    if request.param == "resized arrays":
        monkeypatch.setattr("cnndsl.data.fitting.MOST_BYTES", 100)
        return {"split": array_split(19), "picture": wanted(1, 16, 20)}
    return {"split": array_split(19), "picture": wanted(1, 8, 9)}


def test_batches_hold_what_they_say(setting: dict[str, Any]) -> None:
    split: Split = setting["split"]
    found = batches(**setting, shuffle=False)
    assert [len(batch) for batch in found] == [4, 4, 4, 4, 3]
    numbers = np.concatenate([batch.numbers for batch in found])
    assert numbers.tolist() == list(range(19))
    for batch in found:
        assert batch.images.dtype == np.float32 and batch.targets.dtype == np.int64
        assert batch.targets.tolist() == split.targets[batch.numbers].tolist()


def test_without_augmentation_the_net_sees_what_it_sees_when_it_runs(tmp_path: Path) -> None:
    how = Preprocessing(mean=(0.4, 0.5, 0.6), std=(0.2,), order="BGR")
    split, picture = file_split(tmp_path, 5), wanted(3, 16, 20, how)
    (batch,) = batches(split, picture=picture, shuffle=False, batch=5)
    for image, path in zip(batch.images, split.source.paths, strict=True):  # type: ignore[union-attr]
        np.testing.assert_array_equal(image, read_picture(path, picture))


@pytest.mark.parametrize("augmentation", [None, STRONG])
def test_threads_change_nothing(setting: dict[str, Any], augmentation: Any) -> None:
    expected = batches(**setting, augmentation=augmentation, workers=0, epoch=3)
    for workers, prefetch, cache in ((1, 1, 0), (2, 5, 1 << 20), (7, 2, 3000)):
        found = batches(
            **setting, augmentation=augmentation, workers=workers, prefetch=prefetch, cache=cache,
            epoch=3,
        )  # fmt: skip
        assert_same(found, expected)


@pytest.mark.parametrize("last", ["drop", "fill", "short"])
def test_an_epoch_goes_on_anywhere(setting: dict[str, Any], last: Any) -> None:
    options = setting | {"augmentation": STRONG, "last": last, "seed": 7}
    whole = batches(**options, epoch=5)
    for start in range(len(whole) + 1):
        assert_same(batches(**options, epoch=5, start=start), whole[start:])


def test_a_loader_goes_back_and_forth(setting: dict[str, Any]) -> None:
    with Loader(**setting, batch=4, shuffle=True, augmentation=STRONG) as loader:
        first, second = list(loader.epoch(0)), list(loader.epoch(1))
        next(loader.epoch(4))  # given up after one batch
        assert_same(list(loader.epoch(0)), first)
        assert_same(list(loader.epoch(1)), second)
    assert any((a.numbers != b.numbers).any() for a, b in zip(first, second, strict=True))


def test_an_example_s_change_doesn_t_depend_on_its_batch() -> None:
    split = array_split(19)
    one = batches(split, augmentation=STRONG, shuffle=False, batch=19)[0]
    for batch in batches(split, augmentation=STRONG, batch=5, epoch=0):
        np.testing.assert_array_equal(batch.images, one.images[batch.numbers])
    again = batches(split, augmentation=STRONG, shuffle=False, batch=19, epoch=1)[0]
    other = batches(split, augmentation=STRONG, shuffle=False, batch=19, seed=1)[0]
    for different in (again, other):
        assert (different.images != one.images).any(axis=(1, 2, 3)).all()


def test_orders_differ_by_seed_and_epoch_and_have_everything_once() -> None:
    split = array_split(19)
    seen: set[tuple[int, ...]] = set()
    for seed in (0, 1):
        for epoch in (0, 1, 2):
            found = batches(split, epoch=epoch, seed=seed)
            numbers = np.concatenate([batch.numbers for batch in found]).tolist()
            assert sorted(numbers) == list(range(19))
            seen.add(tuple(numbers))
    assert len(seen) == 6


@pytest.mark.parametrize(
    ("last", "sizes"), [("drop", [4] * 4), ("fill", [4] * 5), ("short", [4] * 4 + [3])]
)
def test_a_last_batch_is_dropped_filled_or_short(last: Any, sizes: list[int]) -> None:
    split = array_split(19)
    found = batches(split, last=last)
    assert [len(batch) for batch in found] == sizes
    with Loader(split, wanted(1, 8, 9), batch=4, last=last) as loader:
        assert loader.steps == len(sizes)
    if last == "fill":
        assert found[-1].numbers[-1] == found[0].numbers[0]


def test_few_examples_fill_a_batch_by_coming_again() -> None:
    (batch,) = batches(array_split(3), last="fill", batch=8)
    assert sorted(np.bincount(batch.numbers).tolist()) == [2, 3, 3]


def test_a_batch_as_the_input_wants_it() -> None:
    split = array_split(6, 3)
    (plain,) = batches(split, picture=wanted(3, 8, 9), batch=6)
    (last,) = batches(split, picture=wanted(3, 8, 9, last=True), batch=6)
    np.testing.assert_array_equal(last.images, plain.images.transpose(0, 2, 3, 1))
    for kind in ("float16", "uint8", "float64"):
        (batch,) = batches(split, picture=wanted(3, 8, 9, kind=kind, last=True), batch=6)
        assert batch.images.dtype == kind
        np.testing.assert_array_equal(batch.images, last.images)


def test_numbers_to_answer_with_come_along() -> None:
    split = array_split(6)
    targets = np.random.default_rng(0).random((6, 2), np.float32)
    split = replace(split, targets=targets)
    for batch in batches(split):
        np.testing.assert_array_equal(batch.targets, targets[batch.numbers])


# Pictures that can't be read


@pytest.fixture
def damaged(tmp_path: Path) -> Split:
    split = file_split(tmp_path, 12)
    for number in (3, 4, 11):
        (tmp_path / f"{number}.png").write_bytes(b"broken")
    return split


def test_the_next_picture_takes_a_damaged_one_s_place(damaged: Split) -> None:
    picture = wanted(3, 16, 20)
    for workers in (0, 2):
        with Loader(damaged, picture, batch=4, workers=workers) as loader:
            found = list(loader.epoch())
            numbers = np.concatenate([batch.numbers for batch in found]).tolist()
            assert numbers == [0, 1, 2, 5, 5, 5, 6, 7, 8, 9, 10, 0]
            assert set(loader.skipped) == {"3.png", "4.png", "11.png"}
            assert "picture" in loader.skipped["3.png"]
            assert_same(list(loader.epoch()), found)
        np.testing.assert_array_equal(found[0].images[3], found[1].images[0])
        assert found[1].targets[0] == damaged.targets[5]


def test_or_it_is_left_out(damaged: Split) -> None:
    with Loader(damaged, wanted(3, 16, 20), batch=2, corrupt="skip") as loader:
        found = list(loader.epoch())
    assert [batch.numbers.tolist() for batch in found] == [
        [0, 1], [2], [5], [6, 7], [8, 9], [10],
    ]  # fmt: skip
    assert all(len(batch.images) == len(batch.targets) == len(batch) for batch in found)


@pytest.mark.parametrize("workers", [0, 2])
def test_or_it_is_an_error(damaged: Split, workers: int) -> None:
    loader = Loader(damaged, wanted(3, 16, 20), batch=3, corrupt="error", workers=workers)
    with loader, pytest.raises(UsageError, match=r"`.*3\.png` .*picture"):
        for seen, _ in enumerate(loader.epoch()):
            assert seen == 0  # the batch before it still comes


def test_when_nothing_can_be_read_it_is_said(damaged: Split, tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / f"{number}.png").unlink(missing_ok=True)
    with pytest.raises(UsageError, match="none of the 12 pictures can be read"):
        batches(damaged, picture=wanted(3, 16, 20))
    assert not batches(damaged, picture=wanted(3, 16, 20), corrupt="skip")


# Limits


def test_pictures_are_kept_within_bounds(tmp_path: Path) -> None:
    split, picture = file_split(tmp_path, 10, 16, 20), wanted(3, 16, 20, PLAIN)
    one = 16 * 20 * 4
    for cache, kept in ((0, 0), (3 * one + 5, 3), (100 * one, 10)):
        with Loader(split, picture, batch=5, cache=cache) as loader:
            first, second = list(loader.epoch()), list(loader.epoch())
            assert_same(first, second)
            assert len(loader.pipeline._resized.pairs) == kept  # type: ignore[attr-defined]


def test_files_are_decoded_once_for_all_trainings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    split, picture = file_split(tmp_path, 10, 16, 20), wanted(3, 8, 9, PLAIN)
    opened: list[Path] = []
    read = photos.opened

    def counted(path: Path, channels: int) -> photos.Picture:
        opened.append(path)
        return read(path, channels)

    monkeypatch.setattr(photos, "opened", counted)
    for seed in range(3):
        with Loader(split, picture, batch=4, seed=seed, shuffle=True) as loader:
            assert sum(map(len, loader.epoch())) == 10
    assert len(opened) == 10
    with Loader(split, wanted(3, 7, 9, PLAIN), batch=4) as loader:
        assert sum(map(len, loader.epoch())) == 10
    assert len(opened) == 20, "another size is made anew"


def test_no_more_is_made_ahead_than_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    with Loader(array_split(80), wanted(1, 8, 9), batch=4, workers=1, prefetch=2) as loader:
        fill = loader.fill
        monkeypatch.setattr(loader, "fill", lambda n, *rest: (made.append(1), fill(n, *rest))[1])
        stream = loader.epoch()
        for _ in islice(stream, 3):
            pass
        assert len(made) <= 5


def test_threads_end(setting: dict[str, Any]) -> None:
    with Loader(**setting, batch=4, workers=3) as loader:
        next(loader.epoch())  # given up with others on the way
        working = [thread for thread in threading.enumerate() if thread.name.startswith("data")]
        assert working
    for thread in working:
        thread.join(5)
        assert not thread.is_alive()


def test_mistakes_are_said() -> None:
    split, picture = array_split(6), wanted(1, 8, 9)
    for options, message in (
        ({"batch": 0}, "there is no batch of 0 out of 6 examples"),
        ({"batch": 7, "last": "drop"}, "6 examples don't fill a batch of 7; take a smaller one"),
        ({"picture": replace(picture, width=None)}, "input `image` leaves the pictures' size open"),
        ({"picture": wanted(4, 8, 9)}, "the pictures have 1 channels, and input `image` takes 4"),
    ):
        with pytest.raises(UsageError, match=message):
            batches(split, **options)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="there is no batch of 4 out of 0 examples"):
        batches(split.part(np.array([], np.int64)))


def test_turned_pictures_stay_in_range(setting: dict[str, Any]) -> None:
    augmentation = Augmentation(180, 0.5, 0.5, 30, (0.5, 2), 0.5, 0.5, 1, 1, 1, 0.5)
    for batch in batches(**setting, augmentation=augmentation):
        assert batch.images.min() >= 0 and batch.images.max() <= 255


def test_grey_files_and_one_example_alone(tmp_path: Path) -> None:
    split = file_split(tmp_path, 1)
    picture = wanted(1, 16, 20)
    (batch,) = batches(split, picture=picture, augmentation=STRONG)
    assert batch.images.shape == (1, 1, 16, 20)
    (plain,) = batches(split, picture=picture)
    from cnndsl.runtime.images import open_picture

    image = open_picture(split.source.paths[0], 1)  # type: ignore[union-attr]
    np.testing.assert_array_equal(plain.images[0], prepare(image, picture))
