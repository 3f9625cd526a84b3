"""The loss goes the way it goes in torch, step by step, from the same start over the same batches.

Rounding grows from step to step: relus flip where a value is nearly zero, and maxima of a constant
background are anywhere in it. So what counts is the distance from torch in float64, beside that of
torch in float32.
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
FACTOR = 4.0
"""So many times torch's own rounding is rounding too."""
LEAST = 1e-3
"""And so much in any case, in parts of the loss."""


@pytest.mark.torch
@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("net", "data", "optimiser", "rate"),
    [
        ("fashion_cnn", "fashion-mnist", Adamw(weight_decay=0.05), 1e-3),
        ("lenet5", "mnist", Sgd(), 0.01),
        ("resnet20", "cifar10", Sgd(weight_decay=1e-4), 0.01),
    ],
)
def test_twenty_steps_go_as_in_torch(
    net: str, data: str, optimiser: Optimiser, rate: float
) -> None:
    choice = TrainingChoice(batch=32, learning_rate=rate, threads=1)
    chosen = DataChoice(str(real_data(data)), augment="light")
    with assemble(Config(ModelChoice(net), chosen, choice, optimiser)) as training:
        training.start()
        batches = [
            {name: np.array(values) for name, values in batch.items()}
            for batch in islice(training.feed.epoch(0, 0), STEPS)
        ]
        exact, rounded = (theirs(training, batches, rate, kind) for kind in ("float64", "float32"))
        ours = [training.stepper.step([b], rate, n)["loss"] for n, b in enumerate(batches)]
    np.testing.assert_allclose(ours[0], exact[0], rtol=1e-5)
    away = np.maximum.accumulate(np.abs(np.subtract(ours, exact)))
    allowed = np.maximum.accumulate(np.abs(np.subtract(rounded, exact)))
    assert np.all(away <= FACTOR * allowed + LEAST * np.array(exact)), (away, allowed)


def theirs(
    training: Training, batches: Sequence[dict[str, Any]], rate: float, kind: str
) -> list[float]:
    """torch's losses, from the training's weights as they are."""
    library, graphs = torch(), training.graphs
    float_type = getattr(library, kind)
    subject, optimiser = training.problem.subject, training.config.optimiser
    assert isinstance(subject, SpecSubject)
    tensors = {
        name: library.from_numpy(values.copy()).to(float_type)
        for name, values in training.weights.read().items()
    }
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
    output = subject.network.outputs[0]
    losses: list[float] = []
    for batch in batches:
        run = Run(library, subject.network, tensors, {})
        pictures = {n: library.from_numpy(batch[n]).to(float_type) for n in graphs.inputs}
        target = library.from_numpy(batch["target"])
        loss = library.nn.functional.cross_entropy(run(pictures)[output], target)
        peer.zero_grad()
        loss.backward()
        peer.step()
        tensors |= {name: average.detach() for name, average in run.statistics.items()}
        losses.append(float(loss.detach()))
    return losses
