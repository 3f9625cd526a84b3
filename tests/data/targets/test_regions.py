"""Pixel accuracy, IoU and Dice by hand."""

from __future__ import annotations

import numpy as np
import pytest

from cnndsl.data.targets import Masks, RegionScorer
from cnndsl.data.targets.masks import classes_of
from tests.data.making import wanted

TRUTH = np.array([[[0, 0, 1, 1], [0, -1, 1, -1]]])
FOUND = np.array([[[0, 1, 1, 0], [0, 0, 1, 3]]])


def logits(found: np.ndarray, classes: int = 4) -> np.ndarray:
    return np.moveaxis(np.eye(classes, dtype=np.float32)[found], -1, 1)


def scored(answers: np.ndarray, truth: np.ndarray) -> RegionScorer:
    scorer = RegionScorer(("a", "b", "c", "d"))
    for n in range(len(truth)):
        scorer.add(answers[n : n + 1], {"target": truth[n : n + 1]})
    return scorer


def test_scores_by_hand() -> None:
    """Of six pixels that count four are right; neither c nor d is anywhere among them."""
    scorer = scored(logits(FOUND), TRUTH)
    scores = scorer.scores()
    assert scores["accuracy"] == pytest.approx(4 / 6)
    assert scores["iou"] == pytest.approx((2 / 4 + 2 / 4) / 2)
    assert scores["dice"] == pytest.approx((4 / 6 + 4 / 6) / 2)
    assert [(s.pixels, s.iou) for s in scorer.by_class()[2:]] == [(0, None), (0, None)]


def test_a_class_that_was_only_answered_counts_as_missed() -> None:
    scores = scored(logits(np.where(FOUND == 1, 2, FOUND)), TRUTH).scores()
    assert scores["iou"] == pytest.approx((2 / 4 + 0 + 0) / 3)


def test_nan_is_no_answer() -> None:
    answers = logits(FOUND)
    answers[:, 2, 0] = np.nan
    assert (classes_of(answers)[:, 0] == -1).all()
    assert scored(answers, TRUTH).scores()["accuracy"] == pytest.approx(2 / 6)


def test_one_channel_is_a_probability() -> None:
    found = classes_of(np.array([[[[0.2, 0.5], [0.9, np.nan]]]], np.float32))
    np.testing.assert_array_equal(found, [[[0, 1], [1, -1]]])


def test_nothing_counts() -> None:
    assert scored(logits(FOUND), np.full_like(TRUTH, -1)).scores() == {}


def test_means_over_random_masks() -> None:
    random = np.random.default_rng(0)
    truth, found = random.integers(-1, 4, (3, 9, 7)), random.integers(0, 4, (3, 9, 7))
    counts = truth >= 0
    t, f = truth[counts], found[counts]
    iou = [((t == c) & (f == c)).sum() / ((t == c) | (f == c)).sum() for c in range(4)]
    dice = [2 * ((t == c) & (f == c)).sum() / ((t == c).sum() + (f == c).sum()) for c in range(4)]
    scores = scored(logits(found), truth).scores()
    np.testing.assert_allclose(
        [scores["accuracy"], scores["iou"], scores["dice"]],
        [(t == f).mean(), np.mean(iou), np.mean(dice)],
    )


def test_classes_lie_over_the_picture() -> None:
    target = Masks(wanted(1, 2, 4), ("a", "b", "c", "d"))
    examples = {"image": np.full((1, 1, 2, 4), 100, np.float32), "target": TRUTH}
    photo, mask, answer = (shown[0] for shown in target.drawn(logits(FOUND), examples).values())
    assert photo.shape == mask.shape == answer.shape == (2, 4, 3)
    np.testing.assert_array_equal(mask[1, 1], photo[1, 1])  # no class: as it is
    assert (mask[0, 0] != photo[0, 0]).any() and (mask[0, 0] == answer[0, 0]).all()
    assert [label for label, _ in target.legend] == ["a", "b", "c", "d"]
    assert [label for label, _ in Masks(wanted(1, 2, 4), ("no", "yes")).legend] == ["yes"]
