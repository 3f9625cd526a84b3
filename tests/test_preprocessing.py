import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnndsl.preprocessing import Preprocessing

NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)
PREPROCESSINGS = st.builds(
    Preprocessing,
    scale=st.floats(1e-3, 1e6),
    mean=st.tuples(NUMBERS, NUMBERS, NUMBERS),
    std=st.sampled_from([(1.0,), (0.229, 0.224, 0.225)]),
    order=st.sampled_from(["RGB", "BGR"]),
    resize=st.none() | st.integers(1, 2000),
    crop=st.sampled_from(["centre", "stretch"]),
    interpolation=st.sampled_from(["nearest", "bilinear", "bicubic", "lanczos", "box"]),
)


@given(PREPROCESSINGS)
def test_json_brings_it_back(preprocessing: Preprocessing) -> None:
    assert Preprocessing.from_json(preprocessing.to_json()) == preprocessing


def test_json_names_every_field() -> None:
    assert json.loads(Preprocessing().to_json()) == {
        "scale": 255.0,
        "mean": [0.0],
        "std": [1.0],
        "order": "RGB",
        "resize": None,
        "crop": "centre",
        "interpolation": "bilinear",
    }


def test_fields_left_out_have_their_defaults() -> None:
    assert Preprocessing.from_json('{"scale": 1}') == Preprocessing(scale=1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("[1]", "is no JSON object"),
        ('{"colour": 1}', "a field `colour`, which is not known here"),
        ('{"scale": 0}', "`scale` is what pixels are divided by, so it can't be 0"),
        ('{"scale": "255"}', "so it can't be 255"),
        ('{"scale": true}', "so it can't be True"),
        ('{"mean": 3}', "`mean` has a number for each channel"),
        ('{"mean": []}', "`mean` has a number for each channel"),
        ('{"mean": ["a"]}', "`mean` has a number for each channel"),
        ('{"mean": [NaN]}', "`mean` has a number for each channel"),
        ('{"mean": [1e400]}', "`mean` has a number for each channel"),
        ('{"std": [1, 0, 1]}', "`std` is what channels are divided by, so it can't be 0"),
        ('{"mean": [1, 2, 3], "std": [1, 2]}', "`mean` has 3 numbers and `std` 2"),
        ('{"order": "rgb"}', "`order` is one of RGB, BGR"),
        ('{"order": ["RGB"]}', "`order` is one of RGB, BGR"),
        ('{"crop": "left"}', "`crop` is one of centre, stretch"),
        ('{"interpolation": "best"}', "`interpolation` is one of nearest, bilinear"),
        ('{"resize": 1.5}', "`resize` is a number of pixels up to 16384"),
        ('{"resize": 0}', "`resize` is a number of pixels"),
        ('{"resize": 99999}', "`resize` is a number of pixels"),
    ],
)
def test_what_cannot_be_meant_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError) as error:
        Preprocessing.from_json(text)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("fields", "channels"),
    [({}, None), ({"mean": (1, 2, 3)}, 3), ({"std": (1, 2, 3)}, 3), ({"mean": (1.0,)}, None)],
)
def test_channels_are_those_of_mean_and_std(fields: dict[str, Any], channels: int | None) -> None:
    assert Preprocessing(**fields).channels == channels


def test_a_crop_is_seven_eighths_of_the_resized_picture() -> None:
    assert Preprocessing().resize_for(224, 224) == 256
    assert Preprocessing().resize_for(299, 400) == 341
    assert Preprocessing(resize=232).resize_for(224, 224) == 232


def test_it_is_described_as_arithmetic() -> None:
    assert Preprocessing().describe() == "RGB / 255"
    assert Preprocessing(scale=127.5, mean=(1,)).describe() == "RGB / 127.5 − 1"
    imagenet = Preprocessing(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), order="BGR")
    assert imagenet.describe() == "(BGR / 255 − (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)"
