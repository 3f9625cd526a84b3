from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cnndsl.data.dataset import Arrays, Files, Split
from cnndsl.data.splitting import completed
from cnndsl.diagnostics import UsageError
from tests.data.making import noise


def of(targets: list[int], name: str = "train") -> Split:
    count = len(targets)
    return Split(name, Arrays(noise(count, 1, 2, 2), name), np.arange(count), np.array(targets))


def files(names: list[str], targets: list[int]) -> Split:
    root = Path("/data")
    paths = tuple(root / name for name in names)
    return Split("train", Files(paths, root), np.arange(len(names)), np.array(targets))


@given(
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=5),
    validation=st.floats(0, 0.5),
    test=st.floats(0, 0.45),
    seed=st.integers(0, 100),
)
def test_every_class_has_its_share(
    sizes: list[int], validation: float, test: float, seed: int
) -> None:
    targets = [number for number, size in enumerate(sizes) for _ in range(size)]
    splits, made = completed({"train": of(targets)}, seed, validation, test)
    whole = np.sort(np.concatenate([split.index for split in splits.values()]))
    np.testing.assert_array_equal(whole, np.arange(len(targets)))
    assert set(made) == splits.keys() - {"train"}
    counts = {name: split.class_counts(len(sizes)) for name, split in splits.items()}
    assert counts["train"].min() >= 1
    for name, part in (("val", validation), ("test", test)):
        if name in counts:
            assert np.abs(counts[name] - part * np.array(sizes)).max() <= 1.5
            assert len(splits[name]) <= round(part * len(targets))
    for split in splits.values():
        assert (np.diff(split.index) > 0).all()


@settings(max_examples=25)
@given(sizes=st.lists(st.integers(2, 9), min_size=2, max_size=120), part=st.floats(0.1, 0.4))
def test_every_class_has_its_turn(sizes: list[int], part: float) -> None:
    """Its share is rounded down or up, and up with some of the seeds."""
    split = of([number for number, size in enumerate(sizes) for _ in range(size)])
    count = round(part * len(split))
    assume(count)
    exact = np.minimum(count * np.array(sizes) / len(split), np.array(sizes) - 1)
    taken = np.array(
        [
            completed({"train": split}, seed, part, 0)[0]["val"].class_counts(len(sizes))
            for seed in range(60)
        ]
    )
    assert (taken >= np.floor(exact - 1e-9)).all() and (taken <= np.ceil(exact + 1e-9)).all()
    assert (taken.max(axis=0) >= 1).all()
    assert np.abs(taken.mean(axis=0) - exact).max() < 0.3


def test_which_small_classes_are_judged_is_chance() -> None:
    """Of 100 classes of 4 a fifth is 80 examples: 20 classes have none, others with each seed."""
    split = of([number for number in range(100) for _ in range(4)])
    vals = [completed({"train": split}, seed, 0.2, 0)[0]["val"] for seed in range(30)]
    counts = np.array([val.class_counts(100) for val in vals])
    assert (counts.sum(axis=1) == 80).all() and counts.max() == 1
    assert (counts.max(axis=0) == 1).all() and (counts.min(axis=0) == 0).sum() > 95


def test_a_fifth_is_taken_but_no_more_than_five_thousand() -> None:
    splits, made = completed({"train": of([0, 1] * 50)}, 0, None, None)
    assert {n: len(s) for n, s in splits.items()} == {"train": 80, "val": 20}
    assert made == ("val",)
    targets = [n % 7 for n in range(30_011)]
    splits, _ = completed({"train": of(targets)}, 0, None, None)
    assert len(splits["val"]) == 5000


def test_what_is_there_stays() -> None:
    given = {"test": of([0, 1], "test"), "val": of([0], "val"), "train": of([0, 1] * 9)}
    splits, made = completed(given, 0, 0.3, 0.3)
    assert list(splits) == ["train", "val", "test"] and made == ()
    assert all(splits[name] is given[name] for name in given)


def test_nothing_is_taken_where_nothing_is_wanted() -> None:
    splits, made = completed({"train": of([0, 1] * 9)}, 0, 0, None)
    assert list(splits) == ["train"] and made == ()


def test_data_to_judge_on_alone_stay_as_they_are() -> None:
    splits, made = completed({"test": of([0, 1], "test")}, 0, None, 0.2)
    assert list(splits) == ["test"] and made == () and len(splits["test"]) == 2


def test_the_seed_decides() -> None:
    split = of([0, 1] * 50)
    first, again, other = (completed({"train": split}, s, 0.2, None)[0]["val"] for s in (0, 0, 1))
    np.testing.assert_array_equal(first.index, again.index)
    assert (first.index != other.index).any()


def test_more_pictures_leave_the_others_where_they_were() -> None:
    names = [f"{label}/{number:03}.jpg" for label in "ab" for number in range(200)]
    targets = [int(name[0] == "b") for name in names]
    few = [n for n in range(400) if n % 10]  # every tenth came later
    before = files([names[n] for n in few], [targets[n] for n in few])
    after = files(names, targets)
    old = set(completed({"train": before}, 0, 0.2, None)[0]["val"].names())
    new = set(completed({"train": after}, 0, 0.2, None)[0]["val"].names())
    assert len(old & new) >= len(old) - 4


def test_numbers_to_answer_with_are_split_too() -> None:
    split = of([0] * 20)
    split = Split("train", split.source, split.index, np.random.rand(20, 3).astype(np.float32))
    splits, _ = completed({"train": split}, 0, 0.25, None)
    assert len(splits["val"]) == 5 and splits["val"].targets.shape == (5, 3)


@pytest.mark.parametrize(
    ("splits", "parts", "message"),
    [
        ({}, (None, None), "there are no examples"),
        ({"train": of([0, 1])}, (1.0, None), "the part for `val` is a number from 0 to less"),
        ({"train": of([0, 1])}, (-0.1, None), "the part for `val` is a number from 0 to less"),
        ({"train": of([0, 1])}, (0.5, 0.5), "leave nothing to train on"),
    ],
)
def test_mistakes_are_said(
    splits: dict[str, Split], parts: tuple[float | None, float | None], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        completed(splits, 0, *parts)


def test_only_examples_take_no_share_of_the_others() -> None:
    """Were marks spent on classes that keep their only example, nothing would be left to them."""
    targets = np.repeat(np.arange(9), [4, 4, 3, 1, 1, 1, 1, 1, 1]).tolist()
    for seed in range(20):
        found, made = completed({"train": of(targets)}, seed, None, None)
        assert made == ("val",)
        assert len(found["val"]) == round(0.2 * 11)
        assert found["val"].targets.max() <= 2
