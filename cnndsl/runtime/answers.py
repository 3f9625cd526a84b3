"""What an output says about one example: its best classes, or the extent of its values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from cnndsl.diagnostics import UsageError
from cnndsl.runtime.running import Results
from cnndsl.runtime.session import Array

Scores = Literal["probabilities", "softmax", "values"]
"""What is ranked: outputs that are probabilities already, their softmax, or the plain values."""

FEW = 8
"""Up to so many values are shown as they are."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """One of the best classes; `label` is "" where classes have no names."""

    number: int
    label: str
    score: float


@dataclass(frozen=True, slots=True)
class Best:
    """The best classes of an example, best first."""

    scores: Scores
    ranked: tuple[Ranked, ...]


@dataclass(frozen=True, slots=True)
class Extent:
    """Shape and extent of an example's values; `values` has them all where they are few.

    `minimum`, `maximum` and `mean` are of the finite values, None where there are none;
    `not_finite` counts the others.
    """

    shape: tuple[int, ...]
    minimum: float | None
    maximum: float | None
    mean: float | None
    not_finite: int
    values: tuple[float, ...]


Answer = Best | Extent


@dataclass(frozen=True, slots=True)
class Reading:
    """How one output is read, for all its examples alike.

    `classes` is None where it isn't an output of classes.
    """

    output: str
    classes: int | None
    scores: Scores
    labels: tuple[str, ...]
    top: int


def read_outputs(
    results: Results,
    *,
    top: int = 5,
    labels: Sequence[str] | None = None,
    first: int = 0,
    softmax: bool | None = None,
) -> list[Reading]:
    """How to read each output, decided by the first results.

    An output with one number for each class (N×C, or N×C×1×1) is ranked; `top=0` ranks none. Where
    `softmax` is None, it is taken unless the numbers are probabilities already: from 0 to 1, with
    a sum of 1. `labels` name the classes from class `first` on, in those outputs that have so many.
    """
    readings: list[Reading] = []
    for name, array in results.items():
        classes = _classes(array) if top and results.has_rows(name) else None
        fitting = labels is not None and classes == len(labels) + first
        readings.append(
            Reading(
                output=name,
                classes=classes,
                scores=_scores(array, softmax) if classes else "values",
                labels=("",) * first + tuple(labels) if labels is not None and fitting else (),
                top=top,
            )
        )
    return readings


def check_labels(readings: Sequence[Reading], labels: Sequence[str], first: int) -> None:
    """Raise UsageError where the labels fit none of the outputs."""
    counts = [r.classes for r in readings if r.classes]
    if not counts:
        raise UsageError("no output has classes that labels could name")
    if any(r.labels for r in readings):
        return
    hint = ""
    if not first and len(labels) + 1 in counts:
        hint = "; if class 0 is the background, add --labels-from 1"
    raise UsageError(
        f"there are {len(labels)} labels, but "
        f"{' and '.join(f'{count} classes' for count in counts)}{hint}"
    )


def answer(reading: Reading, row: Array) -> Answer:
    """What an output says about one example (its row); where a score is NaN none is the best."""
    if not reading.classes:
        return extent(row)
    values = np.asarray(row, np.float64).reshape(-1)
    shown = _softmax(values) if reading.scores == "softmax" else values
    if np.isnan(shown).any():
        return extent(row)
    order = np.argsort(-values, kind="stable")[: reading.top]
    ranked = (
        Ranked(n, reading.labels[n] if reading.labels else "", float(shown[n]))
        for n in map(int, order)
    )
    return Best(reading.scores, tuple(ranked))


def extent(values: Array) -> Extent:
    """Shape, minimum, maximum and mean."""
    numbers = np.asarray(values, np.float64).reshape(-1)
    finite = numbers[np.isfinite(numbers)]
    few = numbers if numbers.size <= FEW else numbers[:0]
    least, most, mean = (
        (float(finite.min()), float(finite.max()), float(finite.mean()))
        if finite.size
        else (None, None, None)
    )
    return Extent(
        tuple(values.shape),
        least,
        most,
        mean,
        int(numbers.size - finite.size),
        tuple(float(n) for n in few),
    )


def _classes(array: Array) -> int | None:
    """The number of classes of an output with one number for each, else None."""
    if array.ndim < 2 or array.dtype.kind != "f" or array.shape[1] < 2:
        return None
    return array.shape[1] if math.prod(array.shape[2:]) == 1 else None


def _scores(array: Array, softmax: bool | None) -> Scores:
    rows = np.asarray(array, np.float64).reshape(len(array), -1)
    rows = rows[~np.isnan(rows).any(axis=1)]
    close = 1e-2 if array.dtype == np.float16 else 1e-3
    if len(rows) and bool(np.all(rows >= 0) and np.all(np.abs(rows.sum(axis=1) - 1) < close)):
        return "softmax" if softmax else "probabilities"
    return "values" if softmax is False else "softmax"


def _softmax(values: np.ndarray[Any, np.dtype[np.float64]]) -> Array:
    with np.errstate(invalid="ignore"):  # infinite logits make NaN, which the caller sees
        powers = np.exp(values - values.max())
        return powers / powers.sum()
