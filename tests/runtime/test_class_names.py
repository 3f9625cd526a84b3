import random

import pytest

from cnndsl.runtime.labels import composed, ordered


@pytest.mark.parametrize(
    "names",
    [
        ("0", "1", "2", "10"),
        ("-10", "-2", "0", "+1", "3"),
        ("0.5", "1.25", "1.5", "10"),
        ("007", "8", "10"),
        ("class 1", "class 2", "class 9", "class 10"),
        ("c9", "c90", "c100"),
        ("a", "a1b2", "a1b10", "a2", "b"),
        ("2", "10", "cat", "dog"),
        ("Bee", "Cat", "ant", "cat"),
        ("K\u00e4fer 2", "K\u00e4fer 10"),
        ("1" * 5000, "2" * 5000),
        ("x" + "9" * 5000, "x1" + "0" * 5000),
        ("0", "00", "01", "1"),
        (),
    ],
)
def test_numbers_in_names_sort_by_value(names: tuple[str, ...]) -> None:
    for seed in range(5):
        mixed = list(names) * 2
        random.Random(seed).shuffle(mixed)
        assert ordered(mixed) == names


def test_names_are_compared_composed() -> None:
    assert composed("Ka\u0308fer") == composed("K\u00e4fer") == "K\u00e4fer"
