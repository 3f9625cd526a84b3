"""A step in place: equal to the arithmetic by hand, and the same whenever it is done again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnndsl.diagnostics import UsageError
from cnndsl.training.noise import fill_noise
from cnndsl.training.optimisers import Sgd
from cnndsl.training.train_step import NotFiniteError, StepSettings
from tests.training import toy


def expected(steps: int, accumulate: int = 1, clip: float | None = None) -> dict[str, Any]:
    """The weights after some steps of plain descent at rate 0.1, in float64."""
    weights: dict[str, Any] = {n: v.astype(np.float64) for n, v in toy.start().items()}
    for step in range(steps):
        dw, db = np.zeros((toy.CLASSES, toy.FEATURES)), np.zeros(toy.CLASSES)
        for number in range(step * accumulate, (step + 1) * accumulate):
            batch = toy.batch(number)
            noise = np.zeros((toy.BATCH, toy.FEATURES), np.float32)
            fill_noise(noise, "uniform", 3, number, "drop")
            x = batch["x"] - weights["norm.running_mean"] + noise
            powers = np.exp(x @ weights["fc.weight"].T + weights["fc.bias"])
            error = powers / powers.sum(1, keepdims=True) - np.eye(toy.CLASSES)[batch["target"]]
            dw += error.T @ x / toy.BATCH / accumulate
            db += error.mean(0) / accumulate
            mean = batch["x"].mean(0)
            weights["norm.running_mean"] = 0.9 * weights["norm.running_mean"] + 0.1 * mean
        scale = 1.0
        if clip is not None:
            scale = min(1.0, clip / (np.sqrt((dw**2).sum() + (db**2).sum()) + 1e-6))
        weights["fc.weight"] -= 0.1 * scale * dw
        weights["fc.bias"] -= 0.1 * scale * db
    return weights


@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("clip", [None, 0.05])
def test_steps_do_the_arithmetic(accumulate: int, clip: float | None) -> None:
    settings = StepSettings(seed=3, accumulate=accumulate, clip=clip)
    train_step = toy.train_step(settings, Sgd(momentum=0.0))
    for step in range(5):
        batches = [toy.batch(step * accumulate + i) for i in range(accumulate)]
        found = train_step.step(batches, 0.1, step)
        assert ("norm" in found) == (clip is not None)
    for name, values in expected(5, accumulate, clip).items():
        np.testing.assert_allclose(train_step.weights.read()[name], values, rtol=1e-5, atol=1e-6)


def test_training_learns_and_counts() -> None:
    train_step = toy.train_step()
    results = [train_step.step([toy.batch(n)], 0.1, n) for n in range(150)]
    assert results[-1]["loss"] < 0.3 * results[0]["loss"]
    assert results[-1]["correct"] > results[0]["correct"]


def test_a_step_depends_on_nothing_but_weights_state_and_number() -> None:
    """Half of the steps in one process and half in another end in the same bits."""
    whole = toy.train_step()
    for n in range(20):
        whole.step([toy.batch(n)], 0.1, n)
    first, second = toy.train_step(), toy.train_step()
    for n in range(11):
        first.step([toy.batch(n)], 0.1, n)
    second.weights.write(first.weights.read())
    for name, state in first.update.states.items():
        second.update.states[name].write(state.read())
    for n in range(11, 20):
        second.step([toy.batch(n)], 0.1, n)
    for name, values in whole.weights.read().items():
        np.testing.assert_array_equal(second.weights.read()[name], values, err_msg=name)


def test_a_loss_that_is_no_number_changes_no_weight() -> None:
    train_step = toy.train_step()
    train_step.step([toy.batch(0)], 0.1, 0)
    before = {name: values.copy() for name, values in train_step.weights.read().items()}
    spoilt = toy.batch(1)
    spoilt["x"][2, 1] = np.nan
    with pytest.raises(NotFiniteError) as caught:
        train_step.step([spoilt], 0.1, 1)
    assert caught.value.causes[0] == "the batch's `x`"
    for name, values in train_step.weights.read().items():
        np.testing.assert_array_equal(before[name], values)


def test_a_batch_that_does_not_fit_is_refused() -> None:
    train_step = toy.train_step()
    with pytest.raises(UsageError, match="`target` is missing"):
        train_step.step([{"x": toy.batch(0)["x"]}], 0.1, 0)
    with pytest.raises(UsageError, match=r"is of shape \(4,\), and \(8,\) is wanted"):
        train_step.step([{n: v[:4] for n, v in toy.batch(0).items()}], 0.1, 0)


def test_noise_depends_on_seed_step_and_layer() -> None:
    def noise(*keys: Any, kind: Any = "uniform") -> Any:
        values = np.zeros((3, 5), np.float32)
        fill_noise(values, kind, *keys)
        return values

    same = noise(1, 2, "a")
    np.testing.assert_array_equal(same, noise(1, 2, "a"))
    others = [noise(2, 2, "a"), noise(1, 3, "a"), noise(1, 2, "b"), noise(1, 2, "a", kind="normal")]
    assert all((other != same).any() for other in others)
    assert (same >= 0).all() and (same < 1).all()
