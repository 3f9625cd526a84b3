"""Optimisers: fifty steps end where torch's end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnndsl.runtime.buffers import Buffer
from cnndsl.training.apply import Group, Norm, Runner, Update, accumulation, averaging
from cnndsl.training.averaging import Average
from cnndsl.training.kernels import Kernel
from cnndsl.training.layout import Layout
from cnndsl.training.optimisers import OPTIMISERS, Adagrad, Adam, Adamw, Optimiser, Rmsprop, Sgd
from cnndsl.training.state import Weights
from tests.support.peers import torch

STEPS = 50
SHAPES = {"weight": (70_000,), "small.weight": (3, 5), "bias": (7,)}

CASES: dict[str, tuple[Optimiser, str, dict[str, Any]]] = {
    "sgd plain": (Sgd(momentum=0.0), "SGD", {}),
    "sgd": (Sgd(weight_decay=5e-4), "SGD", {"momentum": 0.9, "weight_decay": 5e-4}),
    "sgd nesterov": (
        Sgd(momentum=0.8, nesterov=True, weight_decay=1e-3),
        "SGD",
        {"momentum": 0.8, "nesterov": True, "weight_decay": 1e-3},
    ),
    "adagrad": (Adagrad(weight_decay=1e-3), "Adagrad", {"weight_decay": 1e-3}),
    "rmsprop": (Rmsprop(), "RMSprop", {}),
    "rmsprop momentum": (
        Rmsprop(momentum=0.9, smoothing=0.9, weight_decay=1e-3),
        "RMSprop",
        {"momentum": 0.9, "alpha": 0.9, "weight_decay": 1e-3},
    ),
    "adam": (Adam(), "Adam", {}),
    "adam l2": (Adam(weight_decay=1e-2), "Adam", {"weight_decay": 1e-2}),
    "adamw": (
        Adamw(weight_decay=0.05, beta1=0.85, beta2=0.98),
        "AdamW",
        {"weight_decay": 0.05, "betas": (0.85, 0.98)},
    ),
}


@pytest.mark.torch
@pytest.mark.parametrize("name", CASES)
def test_fifty_steps_equal_torchs(name: str) -> None:
    """Biases are left out of weight decay; the bias has a tenth of the learning rate; gradients
    are as large as 1e-3 and as small as 1e-9; learning rates change from step to step.
    """
    library = torch()
    optimiser, theirs, settings = CASES[name]
    rng = np.random.default_rng(0)
    layout = Layout(SHAPES)
    parameters, gradients = Buffer(layout.size), Buffer(layout.size)
    ours = layout.views(parameters.read())
    peers = {}
    for parameter, values in ours.items():
        values[...] = rng.normal(0, 0.1, values.shape)
        peers[parameter] = library.nn.Parameter(library.tensor(values.copy()))
    first_bias = layout["bias"].offset
    update = Update(
        optimiser,
        [
            Group(0, first_bias, decay=optimiser.weight_decay),
            Group(first_bias, layout.size - first_bias, rate=0.1),
        ],
        parameters,
        gradients,
    )
    peer = getattr(library.optim, theirs)(
        [
            {"params": [peers["weight"], peers["small.weight"]]},
            {"params": [peers["bias"]], "weight_decay": 0.0},
        ],
        lr=0.1,
        **settings,
    )
    for step in range(1, STEPS + 1):
        rate = 0.01 / step**0.5
        scales = {"weight": 1e-3, "small.weight": 1e-9, "bias": 1.0}
        for parameter, values in layout.views(gradients.read()).items():
            values[...] = rng.normal(0, scales[parameter], values.shape)
            peers[parameter].grad = library.tensor(values.copy())
        peer.param_groups[0]["lr"], peer.param_groups[1]["lr"] = rate, 0.1 * rate
        update.run(rate, step)
        peer.step()
    for parameter, values in ours.items():
        np.testing.assert_allclose(
            values, peers[parameter].detach().numpy(), rtol=2e-5, atol=2e-6, err_msg=parameter
        )


@pytest.mark.parametrize("optimiser", [kind() for kind in OPTIMISERS.values()])
@pytest.mark.parametrize("scaled", [False, True])
def test_updates_are_safe_in_place(optimiser: Optimiser, scaled: bool) -> None:
    optimiser.kernel(scaled).check_in_place()


def test_a_late_reader_is_found() -> None:
    kernel = Kernel("late")
    old = kernel.vector("value")
    new = kernel.op("Mul", old, 2.0)
    kernel.becomes("value", new)
    kernel.becomes("other", kernel.op("Add", new, old))
    with pytest.raises(ValueError, match="`value` is read after"):
        kernel.check_in_place()


def test_gaps_between_tensors_stay_zero() -> None:
    layout = Layout({"a": (3,), "b": (5,)})
    parameters, gradients = Buffer(layout.size), Buffer(layout.size)
    for view in layout.views(gradients.read()).values():
        view[...] = 1.0
    for kind in OPTIMISERS.values():
        Update(kind(), [Group(0, layout.size)], parameters, gradients).run(0.1, 1)
    values = parameters.read()
    assert np.all(values[3:16] == 0) and np.all(values[21:] == 0)
    assert np.all(values[:3] < 0)


def test_the_norm_is_that_of_all_gradients() -> None:
    gradients = Buffer(150_000)
    gradients.write(np.random.default_rng(1).normal(size=150_000))
    expected = np.linalg.norm(gradients.read().astype(np.float64))
    assert Norm(gradients)() == pytest.approx(expected, rel=1e-5)


def test_gradients_are_scaled_before_all_else() -> None:
    results = []
    for scale, factor in ((1.0, 0.25), (0.25, 1.0)):
        parameters, gradients = Buffer(16), Buffer(16)
        gradients.write(np.arange(16) * factor)
        update = Update(Sgd(), [Group(0, 16)], parameters, gradients, scaled=True)
        update.run(0.1, 1, scale)
        results.append(parameters.read().copy())
    np.testing.assert_array_equal(*results)


def test_accumulation_adds_and_averaging_moves() -> None:
    total, gradient = Buffer(16), Buffer(16)
    gradient.write(np.ones(16))
    adding = Runner(accumulation(), {"total": total, "gradient": gradient})
    adding.run({"share": 1.0})
    adding.run({"share": 0.5})
    assert np.all(total.read() == 1.5)
    Runner(averaging(), {"average": gradient, "value": total}).run({"share": 0.25})
    assert np.all(gradient.read() == 1.125)


@pytest.mark.torch
def test_averaged_weights_are_torchs() -> None:
    library = torch()
    rng = np.random.default_rng(2)
    weights = Weights(Layout({"weight": (5, 4)}), {}, {})
    average = Average(weights, 0.9)
    model = library.nn.Linear(4, 5, bias=False)
    utilities = library.optim.swa_utils
    peer = utilities.AveragedModel(model, multi_avg_fn=utilities.get_ema_multi_avg_fn(0.9))
    for step in range(STEPS):
        values = rng.normal(size=(5, 4)).astype(np.float32)
        weights.write({"weight": values})
        model.weight.data = library.from_numpy(values)
        average.update(step)
        peer.update_parameters(model)
    expected = peer.module.weight.detach().numpy()
    np.testing.assert_allclose(average.read()["weight"], expected, rtol=1e-5, atol=1e-6)
