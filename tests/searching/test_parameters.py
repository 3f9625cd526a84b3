"""What --vary takes, and in which words it refuses the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from cnndsl.diagnostics import UsageError
from cnndsl.searching.parameters import Choices, Parameter, Range, options, read_parameters
from cnndsl.training.settings import TrialOptions

SETTINGS = {"width": 16, "classes": 10, "batch": 4}


def read(name: str, values: str | Sequence[Any]) -> Parameter:
    (parameter,) = read_parameters({name: values}, "Tiny", SETTINGS)
    return parameter


@pytest.mark.parametrize(
    ("name", "values", "keyword", "domain"),
    [
        ("width", "16,32,64", "", Choices((16, 32, 64))),
        ("width", [16, 32], "", Choices((16, 32))),
        ("width", "4..64", "", Range(4, 64)),
        ("width", "0.5..2", "", Range(0.5, 2.0)),
        ("width", "1..2.5", "", Range(1.0, 2.5)),
        ("width", "4..64:log", "", Range(4, 64, log=True)),
        ("width", "4..64:step=4", "", Range(4, 64, step=4)),
        ("width", "1..2:step=0.25", "", Range(1.0, 2.0, step=0.25)),
        ("net.batch", "2,4", "", Choices((2, 4))),
        ("lr", "1e-4..1e-2:log", "learning_rate", Range(1e-4, 1e-2, log=True)),
        ("lr", "1..2", "learning_rate", Range(1.0, 2.0)),
        ("learning_rate", "0.1,1", "learning_rate", Choices((0.1, 1.0))),
        ("epochs", "1..9", "epochs", Range(1, 9)),
        ("weight-decay", "0,0.05", "weight_decay", Choices((0.0, 0.05))),
        ("ema", "0.9,0.99", "average", Choices((0.9, 0.99))),
        ("optimiser", "adam, sgd nesterov=yes", "optimiser", Choices(("adam", "sgd nesterov=yes"))),
        ("init", "he,glorot", "init", Choices(("he", "glorot"))),
        ("deterministic", "yes,no", "deterministic", Choices((True, False))),
        ("class-weights", ["none", "1,5"], "class_weights", Choices(("none", "1,5"))),
    ],
)
def test_values_are_read(
    name: str, values: str | Sequence[Any], keyword: str, domain: Choices | Range
) -> None:
    found = read(name, values)
    assert (found.keyword, found.domain) == (keyword, domain)
    if isinstance(domain, Range):
        assert read(name, str(domain)) == found, "what is written is read again"
        assert found.domain.is_whole == isinstance(domain.low, int)


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        (
            "widht",
            "1,2",
            r"neither Tiny nor .* `widht` \(the net has width, .*did you mean `width`",
        ),
        ("batch", "2,4", "is an option, and a parameter of Tiny: write --vary net.batch="),
        ("lr", "2..1", "is the wrong way round"),
        ("lr", "1..1", "is empty"),
        ("width", "0..8:log", "the logarithm takes values above 0"),
        ("lr", "0..8:log", "lr must be a number above 0"),
        ("epochs", "1..2.5", "epochs must be a whole number"),
        ("width", "1..x", "is no range"),
        ("width", "1..4:step=8", "the step is to lie between 0 and 3"),
        ("lr", "fast,slow", 'lr must be a number above 0, not "fast"'),
        ("init", "he,hee", "init must be `auto`"),
        ("init", "1..2", "init is no number"),
        ("optimiser", "adam,sdg", "did you mean `sgd`"),
        ("optimiser", "sgd nestrov=yes", "nestrov"),
        ("deterministic", "yes,maybe", "must be true or false"),
        ("width", "8,8", "lists 8 twice"),
        ("width", "8,", "a value that is empty"),
        ("width", [], "has 0 values"),
        ("data", "a,b", "a search has one data set"),
        ("seed", "1,2", "--seeds"),
        ("time-limit", "1,2", "can't be compared"),
        ("freeze", "a,b", "neither"),
    ],
)
def test_what_is_no_value_is_refused(name: str, values: str | Sequence[Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read(name, values)


def test_every_option_is_one_of_a_training() -> None:
    keywords = [option.keyword for option in options().values()]
    assert set(keywords) <= set(TrialOptions.__annotations__) and len({*keywords}) == len(keywords)


@pytest.mark.parametrize(
    ("values", "points"),
    [
        ("1..3", (1, 2, 3)),
        ("4..12:step=4", (4, 8, 12)),
        ("0.1..0.3:step=0.1", (0.1, 0.2, pytest.approx(0.3))),
        ("8,a", (8, "a")),
        ("0.1..0.3", None),
        ("1..1000000", None),
        ("1..8:log", None),
    ],
)
def test_a_grid_goes_through_all_values(values: str, points: tuple[Any, ...] | None) -> None:
    parameter = read("width", values)
    if points is None:
        with pytest.raises(UsageError, match="has no end of them"):
            parameter.points()
    else:
        assert parameter.points() == points
