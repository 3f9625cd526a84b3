"""The loss goes the way it goes in torch, step by step, from the same start over the same batches.

A curve in float32 is one of several. Where a relu's input or the distance between two maxima is
nearly zero, rounding decides which way the gradient goes, and from there on the losses part:
LeNet-5 on MNIST with SGD at 0.01 is 1e-2 away after twenty steps. That isn't the arithmetic's
fault. From the same weights every step's loss is torch's in float64 within 1e-6, every gradient
within 4e-6 of its largest value (torch's own in float32 are 3e-6 away there), and torch in float64
leaves its own curve by the same 1e-2, on the same way, from a start that is 1e-6 away. So the curve
is held to as much as the exact one moves when its start does, or torch's in float32; and every step
by itself to rounding.
"""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from cnndsl.training.config import Config
from cnndsl.training.optimisers import Adamw, Optimiser, Sgd
from cnndsl.training.options import DataChoice, ModelChoice, TrainingChoice
from cnndsl.training.running import assemble
from tests.support.data import real_data
from tests.support.torch_training import loss_at, moved, theirs

STEPS = 20
FACTOR = 4.0
"""So many times what curves part by rounding is rounding too."""
LEAST = 1e-3
"""And so much in any case, in parts of the loss."""


@pytest.mark.torch
@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("net", "data", "optimiser", "rate", "batch", "starts"),
    [
        ("fashion_cnn", "fashion-mnist", Adamw(weight_decay=0.05), 1e-3, 8, 2),
        ("lenet5", "mnist", Sgd(), 0.01, 32, 6),
        ("resnet20", "cifar10", Sgd(weight_decay=1e-4), 0.01, 8, 1),
    ],
)
def test_twenty_steps_go_as_in_torch(
    net: str, data: str, optimiser: Optimiser, rate: float, batch: int, starts: int
) -> None:
    choice = TrainingChoice(batch=batch, learning_rate=rate, threads=1)
    chosen = DataChoice(str(real_data(data)), augment="light")
    with assemble(Config(ModelChoice(net), chosen, choice, optimiser)) as training:
        training.start()
        batches = [
            {name: np.array(values) for name, values in examples.items()}
            for examples in islice(training.feed.epoch(0, 0), STEPS)
        ]
        start = {name: values.copy() for name, values in training.weights.read().items()}
        exact = theirs(training, start, batches, rate)
        curves = [theirs(training, start, batches, rate, "float32")]
        curves += [theirs(training, moved(start, n), batches, rate) for n in range(starts)]
        ours: list[float] = []
        for number, examples in enumerate(batches):
            here = loss_at(training, training.weights.read(), examples)
            ours.append(training.train_step.step([examples], rate, number)["loss"])
            np.testing.assert_allclose(ours[-1], here, rtol=1e-5, err_msg=f"step {number}")
    away = np.maximum.accumulate(np.abs(np.subtract(ours, exact)))
    apart = np.maximum.accumulate(np.abs(np.subtract(curves, exact)).max(0))
    assert np.all(away <= FACTOR * apart + LEAST * np.array(exact)), (away, apart)
