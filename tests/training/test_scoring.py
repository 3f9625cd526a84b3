"""Finished models are judged, whatever order their classes are in."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from cnndsl.data.dataset import Arrays, DataSet, Split
from cnndsl.diagnostics import UsageError
from cnndsl.runtime.model import Model, open_model
from cnndsl.training.error_analysis import probabilities
from cnndsl.training.scoring import score

CLASSES = ("a", "b", "c")


def model(
    labels: tuple[str, ...] | None,
    batch: int | str = "N",
    columns: tuple[int, ...] = (),
) -> Model:
    """The classes' values are the picture's first pixels, in the order of the model's labels, or
    those of other `columns`.
    """
    names = labels or CLASSES
    columns = columns or tuple(CLASSES.index(n) if n in CLASSES else 8 for n in names)
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["x"], ["flat"]),
            helper.make_node("Gather", ["flat", "columns"], ["scores"], axis=1),
        ],
        "first_pixels",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 1, 3, 3])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [batch, len(columns)])],
        [onnx.numpy_helper.from_array(np.array(columns), "columns")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    if labels:
        helper.set_model_props(made, {"cnndsl.labels": json.dumps(labels)})
    return open_model(made.SerializeToString())


def data(right: int, wrong: int) -> DataSet:
    """Pictures whose brightest of the first three pixels is their class, or the next one."""
    count = right + wrong
    targets = np.arange(count) % 3
    images = np.zeros((count, 1, 3, 3), np.uint8)
    bright = np.where(np.arange(count) < right, targets, (targets + 1) % 3)
    images[np.arange(count), 0, 0, bright] = 255
    images[:, 0, 2, 2] = 0
    split = Split("test", Arrays(images, "test"), np.arange(count), targets)
    return DataSet("dots", "arrays", None, CLASSES, {"test": split})


@pytest.mark.parametrize("labels", [None, CLASSES, ("c", "a", "b"), ("x", "c", "y", "b", "a")])
@pytest.mark.parametrize("batch", ["N", 4])
def test_classes_are_matched_by_name(labels: tuple[str, ...] | None, batch: int | str) -> None:
    verdict = score(model(labels, batch), data(7, 3), "test")
    assert verdict.examples == 10
    assert verdict.top1 == pytest.approx(0.7)
    assert verdict.top5 == 1.0
    assert np.trace(verdict.counts) == 7
    assert verdict.answers[:7].tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert verdict.labels == CLASSES and verdict.counts.shape == (3, 4)


def test_probabilities_stay_and_logits_become_some() -> None:
    logits = np.array([[2.0, 0.0, 0.0], [1000.0, 0.0, -1000.0]])
    first = np.exp(2) / (np.exp(2) + 2)
    np.testing.assert_allclose(probabilities(logits)[:, 0], [first, 1.0])
    shares = np.array([[0.25, 0.75], [1.0, 0.0]])
    np.testing.assert_array_equal(probabilities(shares), shares)


def test_classes_that_the_model_lacks_count_as_wrong_or_are_left_out() -> None:
    verdict = score(model(("a", "b", "x")), data(9, 0), "test")
    assert verdict.matching.unknown == [2]
    assert (verdict.examples, verdict.known) == (9, 6)
    assert verdict.top1 == pytest.approx(6 / 9)
    verdict = score(model(("a", "b", "x")), data(9, 0), "test", unknown="left-out")
    assert (verdict.examples, verdict.known, verdict.top1) == (6, 6, 1.0)
    assert verdict.numbers.tolist() == [0, 1, 3, 4, 6, 7]


def test_answers_with_other_classes_are_wrong_and_have_their_names() -> None:
    """`x` reads the third pixel, which is the brightest one of the pictures of c."""
    verdict = score(model(("b", "x", "a"), columns=(1, 2, 0)), data(9, 0), "test")
    assert verdict.labels == ("a", "b", "c", "x")
    assert verdict.answers[:3].tolist() == [0, 1, 3]
    assert verdict.counts.tolist() == [[3, 0, 0, 0, 0], [0, 3, 0, 0, 0], [0, 0, 0, 3, 0]]


def test_a_constant_model_is_right_as_often_as_lots_are() -> None:
    constant = model(tuple("abcdefgh"), columns=(8,) * 8)
    verdict = score(constant, data(9, 0), "test")
    assert verdict.top1 == pytest.approx(1 / 8) and verdict.top5 == pytest.approx(5 / 8)
    assert verdict.ties == 9 and verdict.loss == pytest.approx(np.log(8))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("a", "b"), r"there are names for 2 classes, and .* has 3; if class 0 is the background"),
        (("a", "b", "c", "d", "e"), "there are names for 5 classes, and .* has 3$"),
        (("x", "y", "z"), "none of the classes of dots"),
    ],
)
def test_names_that_do_not_fit_are_said(names: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        score(model(None), data(3, 0), "test", names=names)


def test_an_output_with_fewer_classes_needs_names() -> None:
    with pytest.raises(UsageError, match="no output with 3 classes or more"):
        score(model(None, columns=(0, 1)), data(3, 0), "test")


def test_numbers_are_not_scored(tmp_path: Path) -> None:
    images = np.zeros((2, 1, 3, 3), np.uint8)
    split = Split("test", Arrays(images, "t"), np.arange(2), np.zeros((2, 1), np.float32))
    numbers = DataSet("numbers", "arrays", None, (), {"test": split})
    with pytest.raises(UsageError, match="only classes are scored"):
        score(model(None), numbers, "test")
