"""Scaling of losses: overflows cost a step each and nothing else, and a resumed training has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnndsl.autodiff.algorithms.choose import Planner
from cnndsl.specs import load
from cnndsl.training import scaling
from cnndsl.training.checkpoint import load_checkpoint, save_checkpoint
from cnndsl.training.graphs import build_training
from cnndsl.training.groups import arrange
from cnndsl.training.optimisers import Adamw
from cnndsl.training.progress import Progress, RunningMetrics
from cnndsl.training.scaling import FIRST, LARGEST, PATIENCE, SMALLEST, LossScale
from cnndsl.training.state import Weights
from cnndsl.training.train_step import NotFiniteError, StepSettings, TrainStep
from tests.support.gradients import feeds_for

SPEC = "net Small\ninput x 1@6x6\nconv 3x3 4 bn relu\nfc 3\n"
TOO_LARGE = 2.0**22
BATCH = 8


def test_the_factor_falls_at_once_and_rises_slowly() -> None:
    scale = LossScale()
    assert scale.skip() and scale.factor == FIRST / 2
    for _ in range(PATIENCE):
        scale.accept()
    assert (scale.factor, scale.steady, scale.skipped) == (FIRST, 0, 1)
    other = LossScale()
    other.write(scale.read())
    assert other == scale
    assert LossScale(LARGEST, PATIENCE - 1).accept() is None
    assert not LossScale(SMALLEST).skip()


def train_step(factor: float = FIRST, clip: float | None = None, accumulate: int = 1) -> TrainStep:
    """A small net in float16 at its first weights."""
    graphs = build_training(load(SPEC)[0], BATCH, planner=Planner(threads=1, precision="float16"))
    shapes = {name: p.shape for name, p in graphs.parameters.items()}
    optimiser = Adamw()
    layout, groups = arrange(
        {name: shapes[name] for name in graphs.trained},
        {name: p.role for name, p in graphs.parameters.items()},
        lambda name: 1.0,
        optimiser.weight_decay,
        lambda name: 0,
    )
    changing = {*graphs.trained, *graphs.statistics}
    weights = Weights(
        layout,
        {n: s for n, s in shapes.items() if n not in changing},
        {n: shapes[n] for n in graphs.statistics},
    )
    weights.write({n: a for n, a in feeds_for(graphs).items() if n in shapes})
    settings = StepSettings(accumulate=accumulate, clip=clip, threads=1)
    made = TrainStep(graphs.grad_bytes(), {}, weights, groups, optimiser, settings)
    assert made.scale is not None
    made.scale.factor = factor
    return made


def batch(number: int) -> dict[str, Any]:
    """Classes that can be told apart by the brightness."""
    random = np.random.default_rng(number)
    target = random.integers(0, 3, BATCH)
    x = random.random((BATCH, 1, 6, 6)) + target[:, None, None, None]
    return {"x": x.astype(np.float32), "target": target}


@pytest.mark.parametrize(("clip", "accumulate"), [(None, 1), (0.5, 1), (None, 2)])
def test_skipped_steps_change_no_weight(clip: float | None, accumulate: int) -> None:
    """After them it goes as if it had begun there: Adam's count of steps has none of them."""
    overflowing = train_step(TOO_LARGE, clip, accumulate)
    before = {n: v.copy() for n, v in overflowing.weights.trained.read().items()}
    batches = [batch(i) for i in range(accumulate)]
    skipped = 0
    while (numbers := overflowing.step(batches, 0.01, skipped))["skipped"]:
        skipped += 1
        for name, values in overflowing.weights.trained.read().items():
            np.testing.assert_array_equal(values, before[name])
    assert 0 < skipped < 20 and np.isfinite(numbers["loss"])
    assert overflowing.scale is not None and overflowing.scale.skipped == skipped
    fresh = train_step(TOO_LARGE / 2**skipped, clip, accumulate)
    fresh.step(batches, 0.01, 0)
    for name, values in fresh.weights.trained.read().items():
        np.testing.assert_array_equal(overflowing.weights.trained.read()[name], values)


def test_an_overflow_that_no_factor_cures_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaling, "SMALLEST", TOO_LARGE)
    hopeless = train_step(TOO_LARGE)
    with pytest.raises(NotFiniteError) as caught:
        hopeless.step([batch(0)], 0.01, 0)
    assert any("gradient" in cause for cause in caught.value.causes)


def test_a_resumed_training_ends_at_the_same_bits(tmp_path: Path) -> None:
    path, steps, kept = tmp_path / "checkpoint.safetensors", 14, 3
    whole, first = train_step(TOO_LARGE), train_step(TOO_LARGE)
    numbers = [whole.step([batch(n)], 0.01, n) for n in range(steps)]
    assert sum(n["skipped"] for n in numbers[kept:]) > 0
    for n in range(kept):
        first.step([batch(n)], 0.01, n)
    save_checkpoint(path, first, None, Progress(steps=kept))
    second = train_step()
    assert load_checkpoint(path, second, None).steps == kept
    for n in range(kept, steps):
        second.step([batch(n)], 0.01, n)
    assert second.scale == whole.scale
    for name, values in whole.weights.read().items():
        np.testing.assert_array_equal(second.weights.read()[name], values, err_msg=name)


def test_training_in_float16_learns() -> None:
    small = train_step()
    steps = [small.step([batch(n)], 0.01, n) for n in range(100)]
    losses = [step["loss"] for step in steps]
    assert np.mean(losses[-10:]) < 0.5 * np.mean(losses[:10])
    assert sum(step["correct"] for step in steps[-10:]) > 5 * BATCH


def test_skipped_steps_are_counted() -> None:
    running_metrics = RunningMetrics()
    for skipped in (1.0, 0.0, 1.0):
        running_metrics.add({"loss": 1.0, "skipped": skipped}, BATCH, BATCH)
    assert running_metrics.scores() == {"loss": 1.0, "skipped": 2.0}
