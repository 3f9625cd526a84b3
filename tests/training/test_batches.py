"""An epoch's last batch, several batches in a step, weights of classes: beside torch, by hand."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnndsl.training.assembly import Training
from cnndsl.training.feeding import NEGLIGIBLE, plan_epoch
from tests.support.peers import torch
from tests.support.torch_training import forward, tensors_of
from tests.training.small import NORMED, RATE, UNEVEN, training

REPOSITORY = Path(__file__).resolve().parents[2]


def grouped(training: Training, epoch: int, count: int) -> list[list[Any]]:
    """An epoch's batches, so many for a step."""
    batches = list(training.feed.epoch(epoch, 0))
    return [batches[n : n + count] for n in range(0, len(batches), count)]


def weights_of(training: Training) -> dict[str, Any]:
    return {name: values.copy() for name, values in training.weights.read().items()}


class ByTorch:
    """Plain descent in float64; each step takes all examples of its batches at once."""

    def __init__(self, training: Training, weights: dict[str, Any], classes: Sequence[float]):
        self.training, self.classes = training, classes
        self.tensors = tensors_of(weights, torch().float64)

    def step(self, batches: Sequence[Any]) -> float:
        """The loss; batch norms take their statistics from batch after batch."""
        library, trained = torch(), self.training.graphs.trained
        for name in trained:
            self.tensors[name].requires_grad_()
        weights = library.tensor(self.classes, dtype=library.float64)
        logits, statistics = [], {}
        for batch in batches:
            answers, statistics = forward_logits(self.training, self.tensors, batch)
            logits.append(answers)
            self.tensors |= {name: v.detach() for name, v in statistics.items()}
        target = library.from_numpy(np.concatenate([batch["target"] for batch in batches]))
        loss = library.nn.functional.cross_entropy(library.cat(logits), target, weights)
        gradients = library.autograd.grad(loss, [self.tensors[name] for name in trained])
        for name, gradient in zip(trained, gradients, strict=True):
            self.tensors[name] = (self.tensors[name] - RATE * gradient).detach()
        return float(loss.detach())

    def check(self, tolerance: float) -> None:
        for name, values in self.training.weights.read().items():
            expected = self.tensors[name].detach().numpy()
            largest = np.abs(expected).max()
            assert np.abs(values - expected).max() <= tolerance * largest, name


def forward_logits(training: Training, tensors: dict[str, Any], batch: Any) -> tuple[Any, Any]:
    """What the net answers, and the running statistics that come of it."""
    return forward(training, tensors, batch, lambda answers, target: answers)


def numbers(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]


@pytest.mark.torch
@pytest.mark.parametrize("weights", [UNEVEN, "none"])
def test_accumulated_batches_are_one_large_batch(tmp_path: Path, weights: str) -> None:
    many = training(tmp_path, batch=16, accumulate=4, class_weights=weights)
    large = training(tmp_path, batch=64, class_weights=weights)
    peer = ByTorch(large, weights_of(large), [1.0] * 4 if weights == "none" else numbers(weights))
    with many, large:
        assert many.epoch_steps == large.epoch_steps == 4
        groups = grouped(many, 0, 4)
        for step, (group, whole) in enumerate(zip(groups, large.feed.epoch(0, 0), strict=True)):
            losses = [
                many.train_step.step(group, RATE, step)["loss"],
                large.train_step.step([whole], RATE, step)["loss"],
                peer.step([whole]),
            ]
            np.testing.assert_allclose(losses, losses[-1], rtol=1e-6)
            peer.check(1e-6)
            for name, values in weights_of(large).items():
                found = many.weights.read()[name]
                assert np.abs(found - values).max() <= 1e-6 * np.abs(values).max(), name


@pytest.mark.torch
@pytest.mark.parametrize("accumulate", [1, 2])
def test_an_epochs_last_batch_counts_by_its_examples(tmp_path: Path, accumulate: int) -> None:
    """Batch norms take their statistics from it as from any other, and from nothing else."""
    ours = training(
        tmp_path, NORMED, 187, batch=64, accumulate=accumulate, class_weights=UNEVEN
    )  # 150 to train on: 64, 64 and 22
    peer = ByTorch(ours, weights_of(ours), numbers(UNEVEN))
    step = 0
    with ours:
        for epoch in range(2):
            seen: list[Any] = []
            for group in grouped(ours, epoch, accumulate):
                seen += [batch["image"] for batch in group]
                loss = ours.train_step.step(group, RATE, step)["loss"]
                assert loss == pytest.approx(peer.step(group), rel=1e-5)
                peer.check(1e-5)
                step += 1
            assert [len(images) for images in seen] == [64, 64, 22]
            assert len(np.unique(np.concatenate(seen), axis=0)) == 150
    assert step == 2 * ours.epoch_steps


@given(examples=st.integers(1, 5000), batch=st.integers(1, 200), accumulate=st.integers(1, 5))
def test_an_epoch_takes_all_examples_that_matter(
    examples: int, batch: int, accumulate: int
) -> None:
    batch = min(batch, examples)
    plan = plan_epoch(examples, batch, accumulate)
    assert plan.steps >= 1 and plan.rest != 1 and plan.rest < batch
    assert plan.left_out <= max(1, NEGLIGIBLE * examples)
    taken = examples - plan.left_out
    batches = taken // batch + (plan.rest > 0)
    assert taken % batch == plan.rest and plan.steps == -(-batches // accumulate)


@pytest.mark.parametrize(
    ("examples", "batch", "steps", "rest", "left_out"),
    [(245, 64, 4, 53, 0), (55_000, 64, 859, 0, 24), (192, 64, 3, 0, 0), (65, 64, 1, 0, 1)],
)
def test_plans_of_epochs(examples: int, batch: int, steps: int, rest: int, left_out: int) -> None:
    plan = plan_epoch(examples, batch)
    assert (plan.steps, plan.rest, plan.left_out) == (steps, rest, left_out)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_class_of_weight_zero_changes_nothing(tmp_path: Path, smoothing: float) -> None:
    """Not even where a whole batch has no other."""
    with training(
        tmp_path, batch=16, accumulate=2, class_weights="1,1,1,0", label_smoothing=smoothing
    ) as ours:
        before = weights_of(ours)
        ignored = next(ours.feed.epoch(0, 0))
        ignored["target"] = np.full(16, 3)
        found = ours.train_step.step([ignored, ignored], RATE, 0)
        assert found["loss"] == 0
        for name, values in weights_of(ours).items():
            np.testing.assert_array_equal(values, before[name], name)
        usual = list(ours.feed.epoch(0, 0))[1]
        assert ours.train_step.step([ignored, usual], RATE, 1)["loss"] > 0
        assert all(np.isfinite(values).all() for values in weights_of(ours).values())


# The kernel's own figure of the process: getrusage's begins with what the parent had taken.
MEMORY = """
import re
from pathlib import Path
from tests.training.small import training
spec = '''cnndsl 1
net Wide(classes=4)
input image 1@64x64
conv 3x3 64 p1 bn relu
conv 3x3 64 p1 bn relu
gap
logits: fc classes
output logits
'''
def peak() -> None:
    status = Path("/proc/self/status").read_text()
    print(re.search("VmHWM:\\s*([0-9]+)", status)[1])

with training(Path({folder!r}), spec, 150, batch=64) as made:  # 64 and 56
    peak()
    for step, batch in enumerate(made.feed.epoch(0, 0)):
        made.train_step.step([batch], 0.1, step)
        peak()
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the memory from /proc")
def test_a_smaller_last_batch_takes_the_memory_of_the_others(tmp_path: Path) -> None:
    """But for gaps: by itself it would take seven eighths of theirs."""
    command = [sys.executable, "-c", MEMORY.format(folder=str(tmp_path))]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=REPOSITORY)
    before, first, second = map(int, printed.stdout.split())
    assert second - first < 0.6 * (first - before)
