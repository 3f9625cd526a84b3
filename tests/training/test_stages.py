"""Stages: what is trained from when on, how fast, and that going over loses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cnndsl.diagnostics import UsageError
from cnndsl.layers.base import Parameter
from cnndsl.specs import load
from cnndsl.training.adapters import spec_adapter
from cnndsl.training.assembly import Training
from cnndsl.training.blocks import blocks, depth_factors, patterns_of
from cnndsl.training.checkpoint import gathered, load_checkpoint, save_checkpoint
from cnndsl.training.config import Config
from cnndsl.training.optimisers import Adamw
from cnndsl.training.options import DataChoice, ModelChoice, TrainingChoice
from cnndsl.training.progress import Progress
from cnndsl.training.running import assemble
from cnndsl.training.schedules import Constant, LearningRate, Linear, Moment
from cnndsl.training.stages import Plan, Stage, gradual, read_stages
from tests.support.toy_data import write_toy

NAMES = ["conv1.weight", "bn1.weight", "block1.conv1.weight", "block2.conv1.weight", "fc.weight"]


def test_stages_are_written_as_epochs_and_patterns() -> None:
    assert read_stages(["5:block5*,10:*@0.1", "5:bn1"]) == (
        Stage(5, ("block5*", "bn1")),
        Stage(10, ("*",), 0.1),
    )
    assert read_stages(["2:conv1"])[0].describe() == "after 2 epochs conv1"


@pytest.mark.parametrize("text", ["block5", "x:block5", "5:", "5:a@b", "5:a@0", "5:a@inf", "-1:a"])
def test_other_writings_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="isn't written EPOCHS:PATTERN"):
        read_stages([text])


def test_a_plan_tells_what_is_trained_when() -> None:
    plan = Plan(["*"], read_stages(["0:fc,2:block2,5:*@0.5"]), NAMES)
    trained = [[n for n in NAMES if plan.is_trained(n, stage)] for stage in range(3)]
    assert trained == [NAMES[4:], NAMES[3:], NAMES]
    assert [plan.number(epoch) for epoch in (0, 1, 2, 4, 5, 99)] == [0, 0, 1, 1, 2, 2]
    assert [plan.since(name) for name in NAMES] == [5, 5, 5, 2, 0]
    assert [plan.end(stage) for stage in range(3)] == [2, 5, None]


def test_gradual_plans_free_a_block_at_a_time() -> None:
    parameters = {name: Parameter(name, (1,), "weight") for name in NAMES}
    parameters["bn1.weight"] = Parameter("bn1.weight", (1,), "norm")
    found = blocks(parameters)
    assert list(found) == ["conv1", "block1", "block2", "fc"]
    assert patterns_of("conv1", found["conv1"]) == ("conv1", "bn1")
    plan = Plan(["*"], gradual(found, 3), NAMES)
    assert [plan.since(name) for name in NAMES] == [9, 9, 6, 3, 0]
    factors = depth_factors(parameters, 0.5)
    assert list(factors.values()) == [0.125, 0.125, 0.25, 0.5, 1.0]


@pytest.mark.parametrize(
    ("net", "count", "some"),
    [("resnet50", 6, "stage3"), ("squeezenet1_1", 10, "fire9"), ("vgg16", 16, "conv13")],
)
def test_blocks_are_the_names_at_the_top(net: str, count: int, some: str) -> None:
    network = load(net)[0]
    adapter = spec_adapter(network, "")
    found = blocks(adapter.parameters)
    assert len(found) == count and some in found
    assert [n for names in found.values() for n in names] == list(adapter.parameters)


def test_a_block_that_holds_most_of_the_net_is_divided() -> None:
    names = [f"net.block{n}.conv{m}.weight" for n in (1, 2, 3) for m in (1, 2)] + ["fc.weight"]
    found = blocks({name: Parameter(name, (1,), "weight") for name in names})
    assert list(found) == ["net.block1", "net.block2", "net.block3", "fc"]


def test_each_stage_has_a_schedule_of_its_own() -> None:
    rate = LearningRate(2.0, Linear(), 0, ((0, 1.0), (2, 0.5)))
    rates = [rate.at(Moment(step, 24, 4)) for step in range(24)]
    assert rates[:8] == [2.0 * (1 - step / 8) for step in range(8)]
    assert rates[8:] == [1.0 * (1 - step / 16) for step in range(16)]
    warm = LearningRate(1.0, Constant(), 2, ((0, 1.0), (1, 1.0)))
    assert [warm.at(Moment(step, 8, 4)) for step in range(8)] == [0.5, 1, 1, 1, 0.5, 1, 1, 1]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    spec, data = write_toy(tmp_path)
    return Config(
        ModelChoice(str(spec), freeze=("*",)),
        DataChoice(str(data)),
        TrainingChoice(epochs=3, batch=64, learning_rate=0.01, threads=1, average=0.9),
        Adamw(weight_decay=0.0),
        Constant(),
        stages=read_stages(["0:logits,1:conv1,2:bn1"]),
    )


def test_going_over_is_as_going_on_from_a_checkpoint(config: Config, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    with assemble(config) as training:
        training.start()
        steps = _epoch(training, 0)
        before = {n: v.copy() for n, v in gathered(training.train_step, training.average).items()}
        save_checkpoint(path, training.train_step, training.average, Progress(steps))
        training.advance(steps)
        after = gathered(training.train_step, training.average)
        with Training(training.config, training.task, steps=steps) as other:
            load_checkpoint(path, other.train_step, other.average)
            for name, values in gathered(other.train_step, other.average).items():
                assert (values == after[name]).all(), name
        assert all((after[name] == values).all() for name, values in before.items())
        assert not after["state/mean/conv1.weight"].any()
        assert (after["average/conv1.weight"] == before["conv1.weight"]).all()


def test_what_is_freed_begins_as_if_it_were_the_first_step(config: Config) -> None:
    """Adam's first step is as long as the learning rate, however late it comes."""
    with assemble(config) as training:
        training.start()
        steps = _epoch(training, 0)
        training.advance(steps)
        old = training.weights.read()["conv1.weight"].copy()
        batch = next(training.feed.epoch(1, 0))
        training.train_step.step([batch], 0.01, steps)
        change = np.abs(training.weights.read()["conv1.weight"] - old)
        assert change.max() == pytest.approx(0.01, rel=1e-3)


def _epoch(training: Training, number: int) -> int:
    batches: Iterator = training.feed.epoch(number, 0)
    for step, batch in enumerate(batches, number * training.epoch_steps):
        training.train_step.step([batch], 0.01, step)
        if training.average:
            training.average.update(step)
    return (number + 1) * training.epoch_steps
