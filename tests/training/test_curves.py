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

from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np
import pytest

from cnndsl.training.assembly import Training
from cnndsl.training.config import Config, DataChoice, ModelChoice, TrainingChoice
from cnndsl.training.optimisers import Adamw, Optimiser, Sgd
from cnndsl.training.running import assemble
from cnndsl.training.subjects import SpecSubject
from tests.support import torch_words as torch_words  # fills in the words
from tests.support.data import real_data
from tests.support.peers import torch
from tests.support.torch_interpreter import Run

STEPS = 20
MOVED = 1e-6
"""So far, in parts of a tensor's largest value, starts are moved to see how far curves part."""
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
            ours.append(training.stepper.step([examples], rate, number)["loss"])
            np.testing.assert_allclose(ours[-1], here, rtol=1e-5, err_msg=f"step {number}")
    away = np.maximum.accumulate(np.abs(np.subtract(ours, exact)))
    apart = np.maximum.accumulate(np.abs(np.subtract(curves, exact)).max(0))
    assert np.all(away <= FACTOR * apart + LEAST * np.array(exact)), (away, apart)


def moved(start: dict[str, Any], seed: int) -> dict[str, Any]:
    """The weights, each a little away from where it was."""
    random = np.random.default_rng(seed)
    return {
        name: values + MOVED * np.abs(values).max() * random.standard_normal(values.shape)
        for name, values in start.items()
    }


def theirs(
    training: Training,
    start: dict[str, Any],
    batches: Sequence[dict[str, Any]],
    rate: float,
    kind: str = "float64",
) -> list[float]:
    """torch's losses from those weights."""
    library, graphs = torch(), training.graphs
    optimiser = training.config.optimiser
    tensors = tensors_of(start, getattr(library, kind))
    decayed, others = [], []
    for name in graphs.trained:
        is_weight = graphs.parameters[name].role == "weight"
        (decayed if is_weight else others).append(tensors[name].requires_grad_())
    groups = [{"params": decayed}, {"params": others, "weight_decay": 0.0}]
    settings = {"lr": rate, "weight_decay": optimiser.weight_decay}
    if isinstance(optimiser, Sgd):
        peer = library.optim.SGD(groups, momentum=optimiser.momentum, **settings)
    else:
        peer = library.optim.AdamW(groups, **settings)
    losses: list[float] = []
    for batch in batches:
        loss, statistics = forward(training, tensors, batch)
        peer.zero_grad()
        loss.backward()
        peer.step()
        tensors |= {name: average.detach() for name, average in statistics.items()}
        losses.append(float(loss.detach()))
    return losses


def loss_at(training: Training, weights: dict[str, Any], batch: dict[str, Any]) -> float:
    """torch's loss in float64 with those weights."""
    library = torch()
    with library.no_grad():
        return float(forward(training, tensors_of(weights, library.float64), batch)[0])


def tensors_of(weights: dict[str, Any], float_type: Any) -> dict[str, Any]:
    library = torch()
    return {n: library.from_numpy(values.copy()).to(float_type) for n, values in weights.items()}


def forward(training: Training, tensors: dict[str, Any], batch: dict[str, Any]) -> tuple[Any, Any]:
    """The loss, and the running statistics that come of it."""
    library, subject = torch(), training.problem.subject
    assert isinstance(subject, SpecSubject)
    float_type = next(iter(tensors.values())).dtype
    run = Run(library, subject.network, tensors, {})
    pictures = {n: library.from_numpy(batch[n]).to(float_type) for n in training.graphs.inputs}
    values = run(pictures)[subject.network.outputs[0]]
    target = library.from_numpy(batch["target"])
    return library.nn.functional.cross_entropy(values, target), run.statistics
