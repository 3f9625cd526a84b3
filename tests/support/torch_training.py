"""A training repeated by torch: the same start, batches, optimiser and learning rate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain, count, islice
from typing import Any

import numpy as np

from cnndsl.training.adapters import SpecAdapter
from cnndsl.training.assembly import Training
from cnndsl.training.optimisers import Sgd
from tests.support import torch_words as torch_words  # fills in the words
from tests.support.peers import torch
from tests.support.torch_interpreter import Run

MOVED = 1e-6
"""So far, in parts of a tensor's largest value, starts are moved to see how far curves part."""


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
    loss: Callable[[Any, Any], Any] | None = None,
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
        found, statistics = forward(training, tensors, batch, loss)
        peer.zero_grad()
        found.backward()
        peer.step()
        tensors |= {name: average.detach() for name, average in statistics.items()}
        losses.append(float(found.detach()))
    return losses


def assert_torchs_losses(
    made: Training, steps: int, rate: float, loss: Callable[[Any, Any], Any]
) -> None:
    """So many steps from the start have torch's losses within 1e-4, and learn something."""
    made.start()
    start = {name: values.copy() for name, values in made.weights.read().items()}
    epochs = chain.from_iterable(made.feed.epoch(n, 0) for n in count())
    batches = list(islice(epochs, steps))
    ours = [made.train_step.step([b], rate, n)["loss"] for n, b in enumerate(batches)]
    np.testing.assert_allclose(ours, theirs(made, start, batches, rate, loss=loss), rtol=1e-4)
    assert len(ours) == steps and ours[-1] < ours[0]


def loss_at(training: Training, weights: dict[str, Any], batch: dict[str, Any]) -> float:
    """torch's loss in float64 with those weights."""
    library = torch()
    with library.no_grad():
        return float(forward(training, tensors_of(weights, library.float64), batch)[0])


def tensors_of(weights: dict[str, Any], float_type: Any) -> dict[str, Any]:
    library = torch()
    return {n: library.from_numpy(values.copy()).to(float_type) for n, values in weights.items()}


def forward(
    training: Training,
    tensors: dict[str, Any],
    batch: dict[str, Any],
    loss: Callable[[Any, Any], Any] | None = None,
) -> tuple[Any, Any]:
    """The loss, by default cross-entropy, and the running statistics that come of it."""
    library, adapter = torch(), training.task.adapter
    assert isinstance(adapter, SpecAdapter)
    float_type = next(iter(tensors.values())).dtype
    run = Run(library, adapter.network, tensors, {})
    pictures = {n: library.from_numpy(batch[n]).to(float_type) for n in training.graphs.inputs}
    values = run(pictures)[adapter.network.outputs[0]]
    target = library.from_numpy(batch["target"])
    loss = loss or library.nn.functional.cross_entropy
    return loss(values, target), run.statistics
