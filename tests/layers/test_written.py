"""A layer is put back into words, and what is written parses."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from cnndsl.layers import LAYERS, Layer
from cnndsl.layers.arguments import keyed, number, numbers, option
from cnndsl.layers.dropout import Dropping
from cnndsl.layers.written import written
from cnndsl.shape import Shape
from cnndsl.source import Source
from cnndsl.syntax import tree
from cnndsl.syntax.parse import parse
from cnndsl.syntax.write import write
from tests.support.layer_strategies import layers

CASES: list[tuple[str, dict[str, Any], str]] = [
    ("relu", {}, "relu"),
    ("conv", {"kernel": (3, 3)}, "conv 3x3"),
    (
        "conv",
        {"kernel": (3, 3), "filters": 64, "stride": (2,), "padding": "same", "bias": False},
        "conv 3x3 64 s2 same nobias",
    ),
    (
        "conv",
        {"kernel": (9,), "groups": 2, "dilation": (3,), "padding": (1,), "stride": (2,)},
        "conv k9 s2 p1 d3 g2",
    ),
    ("conv", {"kernel": (3, 5), "padding": (1, 2)}, "conv 3x5 p1x2"),
    (
        "conv",
        {"kernel": (3, 3), "padding": (1, 2, 3, 4), "dilation": (2,)},
        "conv 3x3 p=(1,2,3,4) d2",
    ),
    ("fc", {"units": 10}, "fc 10"),
    ("leaky", {}, "leaky"),
    ("leaky", {"slope": 0.2}, "leaky 0.2"),
    ("leaky", {"slope": 1.0}, "leaky 1"),
    ("gelu", {"approximate": True}, "gelu tanh"),
    ("bn", {"eps": 1e-3, "keep": 0.99}, "bn eps=0.001 keep=0.99"),
    ("ln", {"all": True, "eps": 1e-6}, "ln eps=1e-6 all"),
    ("inorm", {"scale": False}, "inorm noscale"),
    ("scale", {"bias": False, "initial": -2.5e-7}, "scale initial=-2.5e-7 nobias"),
    ("lrn", {"channels": 5, "alpha": 5e-5, "k": 1.0}, "lrn 5 k=1 alpha=5e-5"),
    ("filter", {"name": "sobel_x", "padding": "same"}, "filter sobel_x same"),
    ("filter", {"name": "box", "stride": (2,)}, "filter s2 box"),
    (
        "filter",
        {"kernel": (1, 3), "values": (-1.0, 0.0, 0.5), "stride": (2,)},
        "filter 1x3 -1 0 0.5 s2",
    ),
    ("reshape", {"target": Shape(64, (7, 7))}, "reshape 64@7x7"),
    ("reshape", {"target": Shape(128)}, "reshape @128"),
    ("pad", {"width": (1,), "mode": "edge"}, "pad 1 edge"),
    ("pad", {"width": (0, 0, 1, 1), "value": 0.5}, "pad p=(0,0,1,1) value=0.5"),
    ("take", {"channels": (0, 4, 5)}, "take 0 4 5"),
    ("take", {"first": 3}, "take first=3"),
    ("upsample", {"factor": (2, 2), "mode": "linear"}, "upsample 2x2 bilinear"),
    ("upsample", {"factor": (0.5,)}, "upsample k=0.5"),
    ("upsample", {"factor": (1.5, 2)}, "upsample k=(1.5,2)"),
    ("upsample", {"size": (6, 7), "coordinates": "half_pixel"}, "upsample size=6x7 half_pixel"),
    ("upsample", {"size": (6,)}, "upsample size=6"),
]


@pytest.mark.parametrize(("word", "fields", "text"), CASES, ids=[text for *_, text in CASES])
def test_is_written_canonically(word: str, fields: dict[str, Any], text: str) -> None:
    assert written(LAYERS[word](**fields)) == text


def test_references_stand_behind_the_word_or_by_their_key() -> None:
    assert written(LAYERS["concat"](), ["e4", "stage2.conv1"]) == "concat e4 stage2.conv1"
    assert written(LAYERS["sample"](), ["mu", "logvar"]) == "sample mu logvar"
    assert written(LAYERS["crop"](), ["up"]) == "crop to=up"


class Odd(Dropping):
    """A layer of the rarer kinds of field: not registered, since it has no word."""

    first: int = number(1)
    second: int = number(2)
    rest: tuple[float, ...] = numbers(())
    offset: int = option("o", 0)
    pair: tuple[int, int] = keyed((0, 0))
    flag: bool = keyed(False)


def test_numbers_after_one_left_out_are_written_by_name() -> None:
    assert written(Odd(first=5, second=6, rest=(7.0,))) == " 5 6 7"
    assert written(Odd(second=6, rest=(7.0, -8.0))) == " second=6 rest=(7,-8)"


def test_what_no_option_can_say_is_keyed() -> None:
    assert written(Odd(offset=-1, pair=(3, 4))) == " o=-1 pair=3x4"


def test_what_no_argument_can_say_is_an_error() -> None:
    with pytest.raises(TypeError, match="True can't be written"):
        written(Odd(flag=True))


@settings(max_examples=200)
@given(layers())
def test_what_is_written_parses_as_one_op_and_is_canonical(layer: Layer) -> None:
    text = f"cnndsl 1\n{written(layer)}\n"
    file = parse(Source("written", text))
    assert write(file) == text
    _, statement = file.statements
    assert isinstance(statement, tree.Line)
    (operation,) = statement.operations
    assert operation.name == layer.word
    assert operation.body is None
