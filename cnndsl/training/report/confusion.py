"""Which classes are taken for which: counts, a picture of them, and the commonest mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnndsl.printing import escape

Counts = npt.NDArray[np.int64]

MOST_CLASSES = 150  # as a picture
MOST_FIGURES = 25  # with a number in each field
FIELD = 30
LEAST_SIZE = 0.8  # as a part of its size, so that names and numbers can be read on a narrow page
LONGEST_LABEL = 14
MUCH, FULL = 0.4, 0.85
"""Parts of a row above which a field is so dark (in a dark page so light) that its number needs
another colour to stand out: each is where black and white are equally far from the field's."""


def confusion(targets: npt.NDArray[Any], answers: npt.NDArray[Any], classes: int) -> Counts:
    """How often class [row] was taken for class [column]."""
    places = targets.astype(np.int64) * classes + answers.astype(np.int64)
    return np.bincount(places, minlength=classes * classes).reshape(classes, classes)


@dataclass(frozen=True, slots=True)
class Mistake:
    """`count` examples of class `target` were taken for `answer`."""

    target: int
    answer: int
    count: int


def mistakes(counts: Counts, most: int = 12) -> list[Mistake]:
    """The commonest mistakes, commonest first."""
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    places = [divmod(int(place), len(counts)) for place in order]
    found = [Mistake(target, answer, int(wrong[target, answer])) for target, answer in places]
    return [mistake for mistake in found if mistake.count]


@dataclass(frozen=True, slots=True)
class ClassScores:
    """Of one class: examples, the part of them that was found, and the part of the answers with
    this class that were right; None where there is nothing to divide by.
    """

    number: int
    examples: int
    recall: float | None
    precision: float | None


def class_scores(counts: Counts) -> list[ClassScores]:
    """Scores of every class."""
    hits, examples, answers = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    return [
        ClassScores(
            number,
            int(examples[number]),
            float(hits[number] / examples[number]) if examples[number] else None,
            float(hits[number] / answers[number]) if answers[number] else None,
        )
        for number in range(len(counts))
    ]


def svg(counts: Counts, labels: Sequence[str]) -> str:
    """The matrix as an element of a page: the darker, the larger the part of the row; "" where
    there are too many classes for a picture.
    """
    count = len(counts)
    if not 2 <= count <= MOST_CLASSES:
        return ""
    field = FIELD if count <= MOST_FIGURES else max(4, 750 // count)
    named = field >= 12
    names = [_short(label) for label in labels]
    left = 12 + 7 * max(map(len, names)) if named else 24
    top = left if named else 24
    size = field * count
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    parts = [
        f'<svg class="confusion" viewBox="0 0 {left + size + 4} {top + size + 4}" role="img"'
        f' style="min-width:{round(LEAST_SIZE * (left + size)) if named else 0}px;'
        f'max-width:{left + size + 4}px" aria-label="confusion matrix">'
        f'<rect class="frame" x="{left}" y="{top}" width="{size}" height="{size}"/>'
    ]
    for row, column in np.argwhere(counts):
        share, number = float(shares[row, column]), int(counts[row, column])
        x, y = left + field * int(column), top + field * int(row)
        kind = "hit" if row == column else "miss"
        what = "recognised" if row == column else f"taken for {labels[column]}"
        tip = f"{labels[row]}, {what}: {number:,} ({100 * share:.1f} % of {labels[row]})"
        parts.append(
            f'<rect class="{kind}" x="{x}" y="{y}" width="{field}" height="{field}"'
            f' fill-opacity="{_opacity(share):.3f}"><title>{escape(tip)}</title></rect>'
        )
        if count <= MOST_FIGURES:
            shade = " full" if share > FULL else " much" if share > MUCH else ""
            parts.append(
                f'<text class="figure{shade}" x="{x + field / 2:g}" y="{y + field / 2 + 4:g}">'
                f"{number}</text>"
            )
    if named:
        for number, name in enumerate(names):
            middle = field * number + field / 2
            text = escape(name)
            parts.append(f'<text class="row" x="{left - 6}" y="{top + middle + 4:g}">{text}</text>')
            x = left + middle + 4
            parts.append(
                f'<text class="column" transform="translate({x:g} {top - 6}) rotate(-90)">'
                f"{text}</text>"
            )
    return "".join(parts) + "</svg>"


def _opacity(share: float) -> float:
    """Small parts must be seen too."""
    return share**0.6


def _short(label: str) -> str:
    return label if len(label) <= LONGEST_LABEL else label[: LONGEST_LABEL - 1] + "…"
