import json
from typing import Any

import numpy as np
import pytest

from cnndsl.diagnostics import UsageError
from cnndsl.preprocessing import Preprocessing
from cnndsl.runtime import Results, gather, open_model
from cnndsl.runtime.answers import Best, Extent, answer, check_labels, extent, read_outputs
from cnndsl.runtime.present import as_json, as_text, json_lines, text_lines
from tests.support.small_models import identity

LOGITS = np.array([[0, 2, 1], [3, 1, 2]], np.float32)


def results(**outputs: Any) -> Results:
    count = len(next(iter(outputs.values())))
    return Results(outputs, tuple(f"{n}.png" for n in range(count)))


def best(array: Any, **options: Any) -> Best:
    found = results(y=array)
    ranked = answer(read_outputs(found, **options)[0], found["y"][0])
    assert isinstance(ranked, Best)
    return ranked


def test_logits_become_probabilities() -> None:
    ranked = best(LOGITS)
    assert ranked.scores == "softmax"
    assert [r.number for r in ranked.ranked] == [1, 2, 0]
    np.testing.assert_allclose(
        [r.score for r in ranked.ranked], [0.66524096, 0.24472847, 0.09003057], rtol=1e-6
    )


def test_probabilities_stay_as_they_are() -> None:
    exact = np.array([[0.2, 0.5, 0.3]], np.float32)
    assert best(exact).scores == "probabilities"
    assert best(exact).ranked[0].score == np.float32(0.5)
    half = np.array([[0.2, 0.5, 0.305]], np.float16)
    assert best(half).scores == "probabilities"
    assert best(half.astype(np.float32)).scores == "softmax"


def test_softmax_can_be_demanded_or_forbidden() -> None:
    assert best(LOGITS, softmax=False).scores == "values"
    assert best(LOGITS, softmax=False).ranked[0].score == 2
    assert best(np.array([[0.2, 0.8]]), softmax=True).scores == "softmax"


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 1, 1), (2, 3, 1, 1, 1)])
def test_classes_may_have_sizes_of_one(shape: tuple[int, ...]) -> None:
    assert len(best(LOGITS.reshape(shape), top=2).ranked) == 2


@pytest.mark.parametrize(
    "array",
    [
        np.ones((2, 3, 4, 4), np.float32),
        np.ones((2, 1), np.float32),
        np.ones(2, np.float32),
        np.ones((2, 3), np.int64),
    ],
)
def test_other_outputs_are_not_ranked(array: Any) -> None:
    assert read_outputs(results(y=array))[0].classes is None


def test_no_classes_are_ranked_with_top_0() -> None:
    found = results(y=LOGITS)
    assert isinstance(answer(read_outputs(found, top=0)[0], LOGITS[0]), Extent)


def test_labels_name_the_classes_of_outputs_that_have_so_many() -> None:
    found = results(y=LOGITS, z=np.ones((2, 4), np.float32))
    three, four = read_outputs(found, labels=("a", "b", "c"))
    assert three.labels == ("a", "b", "c") and four.labels == ()
    three, four = read_outputs(found, labels=("a", "b", "c"), first=1)
    assert three.labels == () and four.labels == ("", "a", "b", "c")


@pytest.mark.parametrize(
    ("array", "first", "message"),
    [
        (
            LOGITS,
            0,
            "there are 2 labels, but 3 classes; if class 0 is the background, add --labels",
        ),
        (LOGITS, 2, "there are 2 labels, but 3 classes"),
        (np.ones((2, 9)), 0, "there are 2 labels, but 9 classes"),
        (np.ones((2, 3, 4, 4)), 0, "no output has classes that labels could name"),
    ],
)
def test_labels_that_don_t_fit_are_said(array: Any, first: int, message: str) -> None:
    labels = ("a", "b")
    readings = read_outputs(results(y=array), labels=labels, first=first)
    with pytest.raises(UsageError) as error:
        check_labels(readings, labels, first)
    assert str(error.value).startswith(message)
    assert ("background" in str(error.value)) == ("background" in message)


def test_an_extent_leaves_out_what_is_no_number() -> None:
    values = np.array([[1, 2, np.nan], [np.inf, 3, -np.inf], [0, 0, 0]], np.float32)
    assert extent(values) == Extent((3, 3), 0, 3, 1, 3, ())
    assert extent(np.full(9, np.nan)) == Extent((9,), None, None, None, 9, ())
    assert extent(np.array([2])).values == (2,)


# Presented


def lines(found: Results, **options: Any) -> list[str]:
    return list(text_lines([found], lambda r: read_outputs(r, **options)))


def test_text_has_a_line_a_class() -> None:
    assert lines(results(logits=LOGITS), top=2, labels=("ant", "bee", "cat")) == [
        "0.png: logits, softmax\n    66.52 %  bee (1)\n    24.47 %  cat (2)",
        "1.png: logits, softmax\n    66.52 %  ant (0)\n    24.47 %  cat (2)",
    ]
    assert lines(results(y=LOGITS[:1]), top=1, softmax=False) == [
        "0.png: y, plain values\n          2  class 1"
    ]


def test_text_has_a_line_a_map() -> None:
    maps = np.arange(2 * 2 * 3 * 3, dtype=np.float32).reshape(2, 2, 3, 3)
    maps[1, 0, 0, 0] = np.nan
    assert lines(results(mask=maps)) == [
        "0.png: mask 2x3x3, 0 to 17, mean 8.5",
        "1.png: mask 2x3x3, 19 to 35, mean 27, 1 value NaN or infinite",
    ]
    assert lines(results(gap=np.array([[0.25], [np.nan]]))) == ["0.png: gap 0.25", "1.png: gap nan"]
    empty = extent(np.full(9, np.inf))
    assert as_text("a", "y", empty) == "a: y 9, no numbers in it, 9 values NaN or infinite"


def test_a_nan_is_never_the_best_and_spoils_no_other_row() -> None:
    found = results(y=np.array([[np.nan, np.nan], [0.25, 0.75]], np.float32))
    assert lines(found, top=1) == ["0.png: y nan nan", "1.png: y\n    75.00 %  class 1"]
    found = results(y=np.array([[np.inf, 0], [-np.inf, 0]], np.float32))
    assert lines(found, top=1) == ["0.png: y inf 0", "1.png: y, softmax\n   100.00 %  class 1"]


def test_what_has_no_rows_is_said_once() -> None:
    found = Results({"mean": np.ones(())}, ("a.png", "b.png", "c.png"))
    assert lines(found) == ["a.png … c.png: mean 1"]


def test_json_is_one_object_over_several_lines() -> None:
    opened = open_model(identity(), threads=1)
    samples = gather(opened, np.ones((2, 3, 8, 8), np.float32))
    found = results(logits=np.array([[1, np.nan], [1, 2]], np.float32), gap=np.array([[1], [2]]))
    stream = json_lines(
        [found], lambda r: read_outputs(r, labels=("ant", "bee"), top=1), opened, samples
    )
    text = "\n".join(stream)
    assert len(text.splitlines()) == 6
    whole = json.loads(text)
    entries = whole.pop("results")
    assert whole == {
        "version": 1,
        "model": "the model",
        "random_weights": False,
        "device": "cpu",
        "preprocessing": None,
    }
    assert [e["input"] for e in entries] == ["0.png", "0.png", "1.png", "1.png"]
    top = {"class": 1, "label": "bee", "score": pytest.approx(0.731, abs=1e-3)}
    assert entries[2] == {
        "input": "1.png", "output": "logits", "scores": "softmax", "top": [top]
    }  # fmt: skip
    assert "top" not in entries[0] and entries[0]["not_finite"] == 1
    assert entries[3] == {
        "input": "1.png",
        "output": "gap",
        "shape": [1],
        "minimum": 2,
        "maximum": 2,
        "mean": 2,
        "not_finite": 0,
        "values": [2],
    }


def test_json_has_no_numbers_that_json_lacks() -> None:
    entry = as_json("a", "y", extent(np.array([np.nan, np.inf])))
    assert json.loads(json.dumps(entry, allow_nan=False))["values"] == [None, None]


def test_json_names_the_preprocessing(tmp_path: Any) -> None:
    from PIL import Image

    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    opened = open_model(identity(), threads=1)
    samples = gather(opened, tmp_path / "a.png")
    head = next(json_lines([results(y=LOGITS)], read_outputs, opened, samples))
    how = json.loads(head + "]}")["preprocessing"]
    assert Preprocessing.from_json(json.dumps(how)) == Preprocessing()
