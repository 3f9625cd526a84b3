"""What a net says about a whole split: the confusion matrix, the worst errors, every answer."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from cnndsl.runtime.session import Array
from cnndsl.training.evaluation import Evaluator, Examples
from cnndsl.training.report.confusion import Counts, confusion

WORST = 24


@dataclass(frozen=True, slots=True, order=True)
class Misclassification:
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
    """Counts over all targets that were answered, and the worst errors, worst first.

    A NaN among an example's values is no answer (`cnndsl.training.top_k`).
    """

    counts: Counts
    errors: list[Misclassification]


def judge(
    evaluator: Evaluator, batches: Iterable[Examples], picture: str, output: str, classes: int
) -> Judgement:
    """Ask about every example of a split.

    `picture` is the input that shows it, `output` the one with N×classes(×…) logits or
    probabilities. Errors are of nets that answer once for an example.
    """
    counts = np.zeros((classes, classes), np.int64)
    worst: list[tuple[float, int, Misclassification]] = []
    seen = 0
    for batch, values in evaluator.values(batches, output):
        single = batch["target"].ndim == 1
        targets, best = batch["target"].reshape(-1), values.argmax(axis=1).reshape(-1)
        answered = ~np.isnan(values).any(axis=1).reshape(-1)
        counts += confusion(targets[answered], best[answered], classes)
        if single:
            rows = np.flatnonzero(answered)
            shares = probabilities(values.reshape(len(targets), classes)[rows])
            for row, share in zip(rows.tolist(), shares, strict=True):
                target, answer = int(targets[row]), int(best[row])
                probability, sure = float(share[target]), float(share[answer])
                if answer != target and _is_bad(worst, probability):
                    image = batch[picture][row].copy()
                    _keep(
                        worst,
                        Misclassification(probability, seen + row, target, answer, sure, image),
                    )
            seen += len(targets)
    return Judgement(counts, sorted(error for _, _, error in worst))


def probabilities(values: Array) -> npt.NDArray[np.float64]:
    """Rows that are probabilities already as they are, softmax of others."""
    rows = values.astype(np.float64)
    if (rows >= 0).all() and np.allclose(rows.sum(axis=1), 1, atol=1e-3):
        return rows
    powers = np.exp(rows - rows.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _is_bad(worst: list[tuple[float, int, Misclassification]], probability: float) -> bool:
    """Whether it would be among the worst: the heap's root is the mildest of them."""
    return len(worst) < WORST or probability < -worst[0][0]


def _keep(worst: list[tuple[float, int, Misclassification]], error: Misclassification) -> None:
    entry = (-error.probability, -error.number, error)
    if len(worst) < WORST:
        heapq.heappush(worst, entry)
    else:
        heapq.heapreplace(worst, entry)
