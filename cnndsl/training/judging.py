"""What a net says about a whole split: the confusion matrix, the worst errors, every answer."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from cnndsl.runtime.session import Array
from cnndsl.training.evaluation import Evaluator, Examples
from cnndsl.training.report.confusion import Counts, confusion

WORST = 24


@dataclass(frozen=True, slots=True, order=True)
class Error:
    """An example that was taken for another class; `number` is its place in the split.

    The first field orders errors: the less probable the right class, the worse.
    """

    probability: float
    number: int
    target: int = field(compare=False)
    answer: int = field(compare=False)
    confidence: float = field(compare=False)
    picture: Array = field(compare=False, repr=False)


@dataclass(slots=True)
class Judgement:
    """Counts over all targets, the worst errors (worst first), and each example's best class."""

    counts: Counts
    errors: list[Error]
    answers: npt.NDArray[np.int64]
    confidences: npt.NDArray[np.float64]


def judge(
    evaluator: Evaluator, batches: Iterable[Examples], picture: str, output: str, classes: int
) -> Judgement:
    """Ask about every example of a split.

    `picture` is the input that shows it, `output` the one with N×classes(×…) logits or
    probabilities. Errors and answers are of nets that answer once for an example.
    """
    counts = np.zeros((classes, classes), np.int64)
    worst: list[tuple[float, int, Error]] = []
    answers: list[npt.NDArray[Any]] = []
    confidences: list[npt.NDArray[Any]] = []
    seen = 0
    for batch, values in evaluator.values(batches, output):
        targets, best = batch["target"], values.argmax(axis=1)
        counts += confusion(targets.reshape(-1), best.reshape(-1), classes)
        if targets.ndim == 1:
            shares = probabilities(values.reshape(len(targets), classes))
            rows = np.arange(len(targets))
            answers.append(best.reshape(-1))
            confidences.append(shares[rows, best.reshape(-1)])
            for row in np.flatnonzero(best.reshape(-1) != targets).tolist():
                probability = float(shares[row, targets[row]])
                if _is_bad(worst, probability):
                    error = Error(
                        probability,
                        seen + row,
                        int(targets[row]),
                        int(best.reshape(-1)[row]),
                        float(shares[row].max()),
                        batch[picture][row].copy(),
                    )
                    _keep(worst, error)
            seen += len(targets)
    return Judgement(
        counts,
        sorted(error for _, _, error in worst),
        np.concatenate(answers) if answers else np.zeros(0, np.int64),
        np.concatenate(confidences) if confidences else np.zeros(0),
    )


def probabilities(values: Array) -> npt.NDArray[np.float64]:
    """Rows that are probabilities already as they are, softmax of others."""
    rows = values.astype(np.float64)
    if (rows >= 0).all() and np.allclose(rows.sum(axis=1), 1, atol=1e-3):
        return rows
    powers = np.exp(rows - rows.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _is_bad(worst: list[tuple[float, int, Error]], probability: float) -> bool:
    """Whether it would be among the worst: the heap's root is the mildest of them."""
    return len(worst) < WORST or probability < -worst[0][0]


def _keep(worst: list[tuple[float, int, Error]], error: Error) -> None:
    entry = (-error.probability, -error.number, error)
    if len(worst) < WORST:
        heapq.heappush(worst, entry)
    else:
        heapq.heapreplace(worst, entry)
