"""A head that isn't trained in steps but solved: scikit-learn's logistic regression."""

from __future__ import annotations

from importlib import import_module
from time import monotonic
from typing import Any

import numpy as np

from cnndsl.diagnostics import UsageError
from cnndsl.training.callbacks import Callback, EpochEnd
from cnndsl.training.folder import RunFolder
from cnndsl.training.layout import Float
from cnndsl.training.progress import Epoch, Progress
from cnndsl.training.running import Outcome, checkpointer_for, conclude
from cnndsl.transfer.cached import FeatureTraining

STRENGTH = 0.1
"""scikit-learn's C, for features of variance 1: the weights are held ten times as firmly as by its
default, since there are often more features than pictures."""
MOST_ROUNDS = 1000


def check() -> None:
    """Raise UsageError where scikit-learn isn't there."""
    _models()


def solve(
    training: FeatureTraining, folder: RunFolder, progress: Progress, callback: Callback
) -> Outcome:
    """Fit the head, keep it as the only epoch of the run, and judge it."""
    began = monotonic()
    part = training.parts["train"]
    weight, bias = _fitted(
        training.scaling.applied(part.vectors),
        part.targets,
        training.task.data.classes,
    )
    first = training.renewed.first.name
    training.weights.write({f"{first}.weight": weight, f"{first}.bias": bias})
    seconds = monotonic() - began
    scores = training.evaluator.scores(training.split("train"))
    speed = len(part.targets) / max(seconds, 1e-9)
    progress.epochs.append(Epoch(1, 0, 0.0, scores, training.evaluate(), seconds, speed))
    progress.ended, progress.seconds = "epochs", seconds
    progress.steps = training.config.training.epochs * training.epoch_steps
    checkpointer = checkpointer_for(training, folder)
    checkpointer.epoch(progress)
    checkpointer.checkpoint(progress)
    callback.on_epoch(EpochEnd.of(progress))
    return conclude(training, folder, progress, callback)


def _fitted(vectors: Float, targets: Any, classes: int) -> tuple[Float, Float]:
    """Weights C×D and biases C of a softmax."""
    found = np.unique(targets)
    if len(found) < 2:
        raise UsageError("the training pictures are all of one class")
    if not np.isfinite(vectors).all():
        raise UsageError(
            "no new head can be fitted to what the net makes of the pictures: some of it is no "
            "numbers, or too large"
        )
    model = _models().LogisticRegression(C=STRENGTH, max_iter=MOST_ROUNDS)
    model.fit(vectors, targets)
    weight = np.zeros((classes, vectors.shape[1]), np.float32)
    bias = np.full(classes, np.float32(-1e4))  # classes without an example
    if len(found) == 2:  # one row, for the second class
        weight[found[1]], bias[found] = model.coef_[0], (0, model.intercept_[0])
    else:
        weight[found], bias[found] = model.coef_, model.intercept_
    return weight, bias


def _models() -> Any:
    try:
        return import_module("sklearn.linear_model")
    except ModuleNotFoundError:
        raise UsageError(
            "--head logistic needs scikit-learn (`pip install scikit-learn`); linear is the same "
            "kind of head, trained in steps"
        ) from None
