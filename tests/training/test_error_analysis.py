"""What a finished net says about a split: the confusion matrix and the worst errors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast

import numpy as np
import pytest

from cnndsl.training.error_analysis import judge
from cnndsl.training.evaluation import Evaluator

Batch = dict[str, Any]


class Answers:
    """In an evaluator's place: each batch's values are its pictures' first three pixels, each with
    so many axes of one position behind them.
    """

    def __init__(self, axes: int):
        self.axes = axes

    def values(self, batches: Iterable[Batch], name: str) -> Iterator[tuple[Batch, Any]]:
        """Each batch with those."""
        for batch in batches:
            yield batch, batch[name][:, 0, 0, :3].reshape(-1, 3, *[1] * self.axes)


@pytest.mark.parametrize("axes", [0, 1, 2])
def test_no_answer_is_in_no_column_and_no_error(axes: int) -> None:
    """A NaN is never right, wherever it stands: accuracy and matrix agree. Nets may end in maps of
    1x1.
    """
    pictures = np.zeros((5, 1, 3, 3), np.float32)
    rows = [[9, 0, 0], [np.nan, 0, 0], [0, 0, 9], [0, np.nan, 0], [0, 4, 2]]
    pictures[:, 0, 0] = np.array(rows, np.float32)
    batch = {"x": pictures, "target": np.array([0, 0, 0, 1, 2])}
    judged = judge(cast(Evaluator, Answers(axes)), [batch], "x", "x", 3)
    assert judged.counts.tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0]]
    assert [(e.number, e.target, e.answer) for e in judged.errors] == [(2, 0, 2), (4, 2, 1)]
    assert judged.errors[1].confidence > judged.errors[1].probability


def test_every_position_of_a_map_counts() -> None:
    values = np.zeros((2, 3, 2, 2), np.float32)
    values[0, 1], values[1, 2] = 1, 1
    values[1, 0, 1, 1] = np.nan
    targets = np.array([[[1, 1], [0, 1]], [[2, 2], [1, 0]]])

    class Maps:
        def values(self, batches: Iterable[Batch], name: str) -> Iterator[tuple[Batch, Any]]:
            for batch in batches:
                yield batch, values

    judged = judge(cast(Evaluator, Maps()), [{"target": targets}], "x", "y", 3)
    assert judged.counts.tolist() == [[0, 1, 0], [0, 3, 1], [0, 0, 2]]
    assert judged.errors == []
