"""How right a finished model is about a split: any .onnx model, its own or somebody else's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from cnndsl.data.dataset import DataSet
from cnndsl.data.fitting import check_volumes
from cnndsl.data.loader import Loader
from cnndsl.diagnostics import UsageError
from cnndsl.runtime.model import Model, Port
from cnndsl.runtime.pictures import PictureInput, picture_input, volume_input
from cnndsl.runtime.running import batch_size
from cnndsl.runtime.session import Array
from cnndsl.training.matching import Matching, match_classes
from cnndsl.training.report.confusion import Counts
from cnndsl.training.top_k import MOST_RANKS, in_top_k

Unknown = Literal["wrong", "left-out"]
"""What becomes of examples whose class the model doesn't have."""

_SMALLEST = 1e-30  # of a probability, so that its logarithm is finite
_CLOSE, _HALF_CLOSE = 1e-3, 1e-2  # how near to 1 probabilities sum up, in float16 the second


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a model says about N examples with C classes.

    top1, top5: parts of right answers (`cnndsl.training.top_k` says how ties count). loss: the mean
    cross-entropy over all classes of the model, of the `known` examples, whose class it has; None
    where there are none. labels: the data's classes, then others of the model's that were answered.
    numbers: places in the split. targets, answers: classes by their place in `labels`; the number
    behind the last stands for no answer, where there is a NaN among the values. confidences:
    probabilities of the answers. counts: the confusion matrix, the data's classes × (labels, no
    answer). classes: how many the model has. ties: examples with several best classes. unreadable:
    pictures by name, and why.
    """

    matching: Matching
    known: int
    loss: float | None
    top1: float
    top5: float
    labels: tuple[str, ...]
    numbers: npt.NDArray[np.int64]
    targets: npt.NDArray[np.int64]
    answers: npt.NDArray[np.int64]
    confidences: npt.NDArray[np.float64]
    counts: Counts
    classes: int
    ties: int
    unreadable: Mapping[str, str]

    @property
    def examples(self) -> int:
        """How many examples were judged."""
        return len(self.numbers)

    @property
    def unanswered(self) -> int:
        """How many of them have a NaN for an answer."""
        return int((self.answers == len(self.labels)).sum())


def score(
    model: Model,
    data: DataSet,
    split: str,
    *,
    picture: PictureInput | None = None,
    batch: int | None = None,
    names: Sequence[str] | None = None,
    unknown: Unknown = "wrong",
) -> Verdict:
    """Ask a model about every example of a split; its answer is the best of all its classes.

    `names` are the model's classes in its order, by default those that it names itself. They are
    matched with the data's as `match_classes` says. Raises UsageError where the two don't go
    together, or nothing is left to judge.
    """
    data.check_classes()
    if not data.classes:
        raise UsageError(f"{data.name} has numbers to answer with, and only classes are scored")
    names = names or model.labels
    output = _output(model, names, data.classes)
    classes = int(output.dims[1])
    matching = match_classes(model.name, names, classes, data.name, data.labels)
    columns = np.array([-1 if c is None else c for c in matching.columns])
    targets = data[split].targets
    chosen = np.arange(len(targets))
    if unknown == "left-out":
        chosen = np.flatnonzero(columns[targets] >= 0)
        if not len(chosen):
            raise UsageError(f"{model.name} has none of the classes in split `{split}`")
    size = batch_size(model, batch)
    numbers: list[Array] = []
    judged = _Judged(_HALF_CLOSE if output.type == "float16" else _CLOSE)
    picture = picture or volume_input(model) or picture_input(model)
    check_volumes(data, picture)
    part = data[split].part(chosen)
    with Loader(part, picture, batch=size, corrupt="skip") as loader:
        for made in loader.epoch():
            values = _values(model, made.images, picture, output, size)
            judged.add(values, columns[made.targets])
            numbers.append(made.numbers)
        unreadable = dict(sorted(loader.skipped.items()))
    if not numbers:
        raise UsageError(f"none of the pictures in split `{split}` can be read")
    places = chosen[np.concatenate(numbers)]
    return _verdict(matching, data.labels, places, targets[places], judged, unreadable)


def _output(model: Model, names: Sequence[str] | None, classes: int) -> Port:
    """The first output with a number for each class: as many as there are names, or else as the
    data has, or else more.
    """
    ports = [
        port
        for port in model.outputs
        if port.type.startswith("float")
        and len(port.dims) > 1
        and isinstance(port.dims[1], int)
        and all(not isinstance(size, int) or size == 1 for size in port.dims[2:])
    ]
    counts = [int(port.dims[1]) for port in ports]
    if names is not None:
        if len(names) in counts:
            return ports[counts.index(len(names))]
        found = " and ".join(map(str, dict.fromkeys(counts))) or "none"
        hint = "; if class 0 is the background, add --labels-from 1" * (len(names) + 1 in counts)
        raise UsageError(
            f"there are names for {len(names)} classes, and {model.name} has {found}{hint}"
        )
    for fits in (classes.__eq__, classes.__le__):
        for port, count in zip(ports, counts, strict=True):
            if fits(count):
                return port
    raise UsageError(f"{model.name} has no output with {classes} classes or more")


def _values(model: Model, images: Array, picture: PictureInput, output: Port, size: int) -> Array:
    """What the model says about some pictures: N×C."""
    count = len(images)
    if model.batch and count < size:
        images = images[np.arange(size) % count]
    values = model({picture.name: images}, (output,))[output.name]
    if values.size != len(images) * int(output.dims[1]):
        raise UsageError(f"output `{output.name}` has several answers for a picture, not one")
    return values.reshape(len(images), -1)[:count].astype(np.float64)


class _Judged:
    """What is kept of each example while batches go by, whether values are logits or probabilities,
    which is known at the end.
    """

    def __init__(self, close: float):
        self.are_probabilities, self._close = True, close
        self._columns: dict[str, list[npt.NDArray[Any]]] = {}

    def add(self, values: npt.NDArray[np.float64], targets: npt.NDArray[np.int64]) -> None:
        """Take N×C values, and the model's classes that are right, -1 where it has none."""
        rows = np.arange(len(values))
        lost = np.isnan(values).any(axis=1)
        sums = values[~lost].sum(axis=1)
        if (values[~lost] < 0).any() or (np.abs(sums - 1) > self._close).any():
            self.are_probabilities = False
        best = values.argmax(axis=1)
        right, top = values[rows, targets], values[rows, best]
        with np.errstate(invalid="ignore"):  # of NaN and infinities comes NaN
            sizes = np.log(np.exp(values - top[:, None]).sum(axis=1)) + top
        known = targets >= 0
        five = min(MOST_RANKS, values.shape[1])
        row = {
            "best": np.where(lost, -1, best),
            "known": known,
            "first": in_top_k(values, targets, 1) * known,
            "five": in_top_k(values, targets, five) * known,
            "ties": (values == top[:, None]).sum(axis=1) > 1,
            "right": right,
            "top": top,
            "sizes": sizes,
        }
        for name, column in row.items():
            self._columns.setdefault(name, []).append(column)

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        return np.concatenate(self._columns[name])

    def loss(self) -> float | None:
        """The mean cross-entropy of the examples with a known class."""
        known = self["known"]
        if not known.any():
            return None
        if self.are_probabilities:
            losses = -np.log(np.maximum(self["right"], _SMALLEST))
        else:
            losses = self["sizes"] - self["right"]
        return float(losses[known].mean())

    def confidences(self) -> npt.NDArray[np.float64]:
        """The probability of each answer."""
        with np.errstate(invalid="ignore"):
            return self["top"] if self.are_probabilities else np.exp(self["top"] - self["sizes"])


def _verdict(
    matching: Matching,
    labels: tuple[str, ...],
    numbers: npt.NDArray[np.int64],
    targets: npt.NDArray[np.int64],
    judged: _Judged,
    unreadable: Mapping[str, str],
) -> Verdict:
    """Everything by the data's classes, with others that were answered behind them."""
    best = judged["best"]
    place = {column: n for n, column in enumerate(matching.columns) if column is not None}
    others: list[int] = [n for n in np.unique(best).tolist() if n >= 0 and n not in place]
    place |= {n: len(labels) + k for k, n in enumerate(others)} | {-1: len(labels) + len(others)}
    answers = np.array([place[n] for n in best.tolist()])
    width = len(labels) + len(others) + 1
    counts = np.bincount(targets * width + answers, minlength=len(labels) * width)
    return Verdict(
        matching=matching,
        known=int(judged["known"].sum()),
        loss=judged.loss(),
        top1=float(judged["first"].mean()),
        top5=float(judged["five"].mean()),
        labels=(*labels, *(_distinct(matching.names[n], n, labels) for n in others)),
        numbers=numbers,
        targets=targets,
        answers=answers,
        confidences=judged.confidences(),
        counts=counts.reshape(-1, width),
        classes=len(matching.names),
        ties=int(judged["ties"].sum()),
        unreadable=unreadable,
    )


def _distinct(name: str, number: int, labels: tuple[str, ...]) -> str:
    """The name of a class that isn't the data's, though it may be called as one of them."""
    return f"{name} ({number})" if name in labels else name
