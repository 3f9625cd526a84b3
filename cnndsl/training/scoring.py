"""How right a finished model is about a split: any .onnx model, its own or somebody else's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnndsl.data.dataset import DataSet
from cnndsl.data.loader import Batch, Loader
from cnndsl.diagnostics import UsageError
from cnndsl.runtime.model import Model, Port
from cnndsl.runtime.pictures import PictureInput, picture_input
from cnndsl.runtime.running import batch_size
from cnndsl.runtime.session import Array
from cnndsl.training.judging import probabilities
from cnndsl.training.report.confusion import Counts, confusion

_NAMED = 3  # classes that a message lists
_SMALLEST = 1e-30  # of a probability, so that its logarithm is finite


@dataclass(frozen=True, slots=True)
class Verdict:
    """Mean cross-entropy, parts of right answers among the best one and the best five, and the
    confusion matrix; `answers` and `confidences` are of every example, in the split's order.
    """

    examples: int
    loss: float
    top1: float
    top5: float
    counts: Counts
    numbers: npt.NDArray[np.int64]
    answers: npt.NDArray[np.int64]
    confidences: npt.NDArray[np.float64]


def score(
    model: Model,
    data: DataSet,
    split: str,
    *,
    picture: PictureInput | None = None,
    batch: int | None = None,
) -> Verdict:
    """Ask a model about every example of a split.

    Where model and data both name their classes, classes are matched by name, so their order need
    not be the same. Raises UsageError where the two don't go together.
    """
    if not data.classes:
        raise UsageError(f"{data.name} has numbers to answer with, and only classes are scored")
    picture = picture or picture_input(model)
    output = _output(model, data.classes)
    columns = match_classes(model, data, output)
    targets: list[Array] = []
    numbers: list[Array] = []
    shares: list[Array] = []
    for made, values in _answers(model, data, split, picture, output, batch):
        rows = probabilities(values.reshape(len(made), -1))
        shares.append(rows if columns is None else rows[:, columns])
        targets.append(made.targets)
        numbers.append(made.numbers)
    if not shares:
        raise UsageError(f"none of the pictures in split `{split}` can be read")
    return _verdict(np.concatenate(shares), np.concatenate(targets), np.concatenate(numbers))


def match_classes(model: Model, data: DataSet, output: Port) -> npt.NDArray[np.int64] | None:
    """Which of the model's classes each of the data's is; None where they are the same ones.

    Raises UsageError.
    """
    count = output.dims[1]
    if model.labels and set(data.labels) <= set(model.labels):
        places = {label: number for number, label in enumerate(model.labels)}
        return np.array([places[label] for label in data.labels])
    if count == data.classes:
        return None
    unknown = [label for label in data.labels if label not in (model.labels or ())]
    named = ", ".join(f"`{label}`" for label in unknown[:_NAMED])
    raise UsageError(
        f"{model.name} has {count} classes and {data.name} {data.classes}; "
        f"{'it has no ' + named if model.labels else 'it has no names for its classes'}"
    )


def _output(model: Model, classes: int) -> Port:
    """The first output of classes: those of the data, or more."""
    for port in model.outputs:
        count = port.dims[1] if len(port.dims) > 1 else None
        if port.type.startswith("float") and isinstance(count, int) and count >= classes:
            return port
    raise UsageError(f"{model.name} has no output with {classes} classes or more")


def _answers(
    model: Model, data: DataSet, split: str, picture: PictureInput, output: Port, batch: int | None
) -> Iterator[tuple[Batch, Array]]:
    size = batch_size(model, batch)
    with Loader(data[split], picture, batch=size, corrupt="skip") as loader:
        for made in loader.epoch():
            count = len(made)
            if not count:
                continue
            images = made.images
            if model.batch and count < size:
                images = images[np.arange(size) % count]
            yield made, model({picture.name: images}, (output,))[output.name][:count]


def _verdict(
    shares: npt.NDArray[Any], targets: npt.NDArray[Any], numbers: npt.NDArray[Any]
) -> Verdict:
    rows, classes = shares.shape
    right = shares[np.arange(rows), targets]
    rank = (shares > right[:, None]).sum(axis=1)
    answers = shares.argmax(axis=1)
    return Verdict(
        examples=rows,
        loss=float(-np.log(np.maximum(right, _SMALLEST)).mean()),
        top1=float((answers == targets).mean()),
        top5=float((rank < 5).mean()),
        counts=confusion(targets, answers, classes),
        numbers=numbers,
        answers=answers,
        confidences=shares.max(axis=1),
    )
