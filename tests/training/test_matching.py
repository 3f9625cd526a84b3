"""Classes of models and data are matched by their names, and what is done besides is said."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from cnndsl.diagnostics import UsageError
from cnndsl.training.matching import Matching, match_classes

NFC, NFD = "K\u00e4fer", "Ka\u0308fer"
IMAGENET = (
    "n01440764 tench, Tinca tinca",
    "n02012849 crane",
    "n03126707 crane",
    "n03710637 maillot",
    "n03710721 maillot, tank suit",
    "n01484850 great white shark, white shark",
)


def matched(names: Sequence[str] | None, labels: Sequence[str], classes: int = 0) -> Matching:
    return match_classes("`m`", names, classes or len(names or labels), "photos", labels)


@pytest.mark.parametrize(
    ("names", "labels", "columns"),
    [
        (("a", "b", "c"), ("a", "b", "c"), (0, 1, 2)),
        (("c", "a", "b"), ("a", "b", "c"), (1, 2, 0)),
        (("a", "b", "c"), ("c",), (2,)),
        (("a", "b", "c"), ("a", "d"), (0, None)),
        (("a", "b", "c"), ("a", "x", "y"), (0, None, None)),  # as many, and yet not the same
        ((NFC, "b"), (NFD, "b"), (0, 1)),
        (("b", NFD), (NFC,), (1,)),
        (("1", "2", "3"), ("2", "3"), (1, 2)),  # names that are numbers are names
        (("1", "2", "10"), ("10", "2", "1"), (2, 1, 0)),
        (("0", "1", "2"), ("1", "2", "3"), (1, 2, None)),
        (("crane", "b", "crane"), ("crane", "b", "crane"), (0, 1, 2)),
        (("Cat", "cat"), ("cat", "Cat"), (1, 0)),
    ],
)
def test_names_that_are_the_same(
    names: tuple[str, ...], labels: tuple[str, ...], columns: tuple[int | None, ...]
) -> None:
    found = matched(names, labels)
    assert found.columns == columns
    assert found.unknown == [n for n, column in enumerate(columns) if column is None]
    assert found.notes == ()


@pytest.mark.parametrize(
    ("names", "label", "column"),
    [
        (IMAGENET, "n01440764", 0),
        (IMAGENET, "tench", 0),
        (IMAGENET, "n01440764_tench", 0),
        (IMAGENET, "Tench", 0),
        (IMAGENET, "tench, Tinca tinca", 0),
        (IMAGENET, "great_white_shark", 5),
        (IMAGENET, "n03126707_crane", 2),
        (IMAGENET, "maillot, tank suit", 4),
        (IMAGENET, "n01484850 tench", 5),  # the number counts more than the name
        (("tench", "great white shark"), "n01484850_great_white_shark", 1),
        (("n01440764", "n01484850"), "n01484850_great_white_shark", 1),
        (("01", "02"), "2", 1),
        (("Great White Shark", "b"), "great_white shark", 0),
    ],
)
def test_names_that_mean_the_same_are_matched_and_said(
    names: tuple[str, ...], label: str, column: int
) -> None:
    found = matched(names, (label,))
    assert found.columns == (column,)
    assert found.notes == (f"taken for the same: `{label}` for `{names[column]}`",)


@pytest.mark.parametrize("label", ["n00000000_tench", "Tinca tinca", "white shark", "shark"])
def test_what_only_resembles_is_unknown(label: str) -> None:
    assert matched(IMAGENET, (label, "n01440764 tench, Tinca tinca")).columns[0] is None


@pytest.mark.parametrize(
    ("names", "label"), [(IMAGENET, "crane"), (("b", "Cat", "CAT"), "cat"), (("a", "a"), "a")]
)
def test_what_may_be_several_classes_is_unknown_and_said(
    names: tuple[str, ...], label: str
) -> None:
    found = matched(("known", *names), ("known", label))
    assert found.columns == (0, None)
    several = [n for n, name in enumerate(("known", *names)) if label in name.casefold()]
    where = " and ".join(map(str, several))
    assert found.notes == (f"`{label}` may be any of the classes {where} of `m`",)


def test_two_names_for_one_class_are_matched_once() -> None:
    assert matched(("cat", "dog"), ("cat", "Cat")).columns == (0, None)
    assert matched(("tench, Tinca tinca", "dog"), ("dog", "Tench", "tench")).columns == (
        1,
        None,
        None,
    )


def test_a_long_list_is_cut() -> None:
    found = matched([f"Class {n}" for n in range(9)], [f"class_{n}" for n in range(9)])
    assert found.columns == tuple(range(9))
    assert found.notes[0].endswith("`class_2` for `Class 2` and 6 more")


NAMELESS = "`m` doesn't name its classes, so "
BY_NUMBER = "numbers are taken for classes of the model, counted from 0: "
IN_ORDER = "classes are taken in their order: "


@pytest.mark.parametrize(
    ("names", "labels", "classes", "columns", "note"),
    [
        (None, ("0", "1", "2"), 3, (0, 1, 2), ""),
        (None, ("7", "2"), 10, (7, 2), f"{NAMELESS}{BY_NUMBER}`7` is class 7, `2` is class 2"),
        (None, ("1", "2"), 2, (0, 1), f"{NAMELESS}{IN_ORDER}`1` is class 0, `2` is class 1"),
        (None, ("a", "b"), 2, (0, 1), f"{NAMELESS}{IN_ORDER}`a` is class 0, `b` is class 1"),
        (
            ("a", "b", "c"),
            ("0", "2"),
            3,
            (0, 2),
            f"photos has only numbers for the names of its classes, so {BY_NUMBER}"
            f"`0` is class 0 (`a`), `2` is class 2 (`c`)",
        ),
        (
            ("0", "1"),
            ("a", "b"),
            2,
            (0, 1),
            f"`m` has only numbers for the names of its classes, so {IN_ORDER}"
            f"`a` is class 0 (`0`), `b` is class 1 (`1`)",
        ),
    ],
)
def test_numbers_and_order_stand_in_for_names_that_are_missing(
    names: tuple[str, ...] | None,
    labels: tuple[str, ...],
    classes: int,
    columns: tuple[int, ...],
    note: str,
) -> None:
    found = matched(names, labels, classes)
    assert found.columns == columns
    assert found.notes == ((note,) if note else ())


@pytest.mark.parametrize(
    ("names", "labels", "classes", "message"),
    [
        (("a", "b"), ("x", "y"), 2, r"none of the classes of photos \(`x`, `y`\) is one of `m`"),
        (("a", "b", "c", "d"), ("x",), 4, r"`m` \(`a`, `b`, `c`, …\); .* --labels FILE"),
        (None, ("a", "b"), 3, "`m` doesn't name its classes, and there are 3 of `m` and 2 of phot"),
        (None, ("1", "2", "3"), 2, "there are 2 of `m` and 3 of photos, so nothing says which"),
        (("0", "1"), ("a",), 2, "`m` has only numbers for the names .*: name the model's classes"),
        (("a", "b"), ("5",), 2, "photos has only numbers .* there are 2 of `m` and 1 of photos"),
    ],
)
def test_what_can_t_be_matched_is_an_error(
    names: tuple[str, ...] | None, labels: tuple[str, ...], classes: int, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        matched(names, labels, classes)
