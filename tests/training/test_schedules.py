"""Schedules equal torch's; groups share settings; choices read as the language's layers do."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from cnndsl.diagnostics import UsageError
from cnndsl.training.apply import Group
from cnndsl.training.choices import read_choice, write_choice
from cnndsl.training.groups import arrange, check_rates, rate_of
from cnndsl.training.optimisers import OPTIMISERS, Sgd
from cnndsl.training.schedules import (
    SCHEDULES,
    Cosine,
    LearningRate,
    Linear,
    Moment,
    OneCycle,
    Plateau,
    Schedule,
    Step,
)
from tests.support.peers import torch

STEPS, EPOCH = 60, 6


@pytest.mark.torch
@pytest.mark.parametrize(
    ("schedule", "theirs", "settings", "by_epoch"),
    [
        (Step(every=3, by=0.5), "StepLR", {"step_size": 3, "gamma": 0.5}, True),
        (Cosine(end=0.01), "CosineAnnealingLR", {"T_max": STEPS, "eta_min": 0.02}, False),
        (
            Linear(end=0.1),
            "LinearLR",
            {"start_factor": 1.0, "end_factor": 0.1, "total_iters": STEPS},
            False,
        ),
        (
            OneCycle(),
            "OneCycleLR",
            {"max_lr": 2.0, "total_steps": STEPS, "cycle_momentum": False},
            False,
        ),
    ],
)
def test_schedules_equal_torchs(
    schedule: Schedule, theirs: str, settings: dict[str, Any], by_epoch: bool
) -> None:
    library = torch()
    optimiser = library.optim.SGD([library.nn.Parameter(library.zeros(1))], lr=2.0)
    peer = getattr(library.optim.lr_scheduler, theirs)(optimiser, **settings)
    rate = LearningRate(2.0, schedule)
    for step in range(STEPS):
        expected = optimiser.param_groups[0]["lr"]
        assert rate.at(Moment(step, STEPS, EPOCH)) == pytest.approx(expected, rel=1e-9)
        optimiser.step()
        if not by_epoch or (step + 1) % EPOCH == 0:
            peer.step()


@pytest.mark.torch
def test_plateau_equals_torchs() -> None:
    library = torch()
    losses = [1.0, 0.9, 0.95, 0.91, 0.92, 0.9, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6]
    optimiser = library.optim.SGD([library.nn.Parameter(library.zeros(1))], lr=1.0)
    peer = library.optim.lr_scheduler.ReduceLROnPlateau(optimiser, factor=0.5, patience=2)
    schedule = Plateau(by=0.5, patience=2)
    for epoch, loss in enumerate(losses, 1):
        peer.step(loss)
        factor = schedule.factor(Moment(epoch, 100, 1, losses[:epoch]))
        assert factor == pytest.approx(optimiser.param_groups[0]["lr"])


def test_warm_up_rises_in_equal_parts_to_the_schedules_start() -> None:
    rate = LearningRate(1.0, Cosine(), warm_up=4)
    found = [rate.at(Moment(step, 12, 4)) for step in range(12)]
    assert found[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert all(a > b for a, b in pairwise(found[4:]))
    assert found[-1] > 0


@pytest.mark.parametrize("word", SCHEDULES)
@pytest.mark.parametrize("steps", [1, 2, 3, 10])
def test_short_runs_have_a_rate_at_each_step(word: str, steps: int) -> None:
    rate = LearningRate(0.5, SCHEDULES[word]())
    assert all(0 < rate.at(Moment(step, steps, 1)) <= 0.5 for step in range(steps))


def test_parameters_with_equal_settings_lie_together() -> None:
    shapes = {"conv1.weight": (4, 4), "conv1.bias": (4,), "fc1.weight": (20,), "fc1.bias": (2,)}
    roles: Any = {name: name.rpartition(".")[2] for name in shapes}
    rates = [("fc1", 10.0), ("fc1.bias", 2.0)]
    layout, groups = arrange(shapes, roles, lambda name: rate_of(name, rates), 0.01)
    assert list(layout) == ["conv1.weight", "conv1.bias", "fc1.weight", "fc1.bias"]
    assert groups == [
        Group(0, 16, 1.0, 0.01),
        Group(16, 16, 1.0, 0.0),
        Group(32, 32, 10.0, 0.01),
        Group(64, 16, 2.0, 0.0),
    ]
    with pytest.raises(UsageError, match="no trained parameter is called `head"):
        check_rates([("head*", 1.0)], shapes)


def test_choices_are_written_as_layers_are() -> None:
    chosen = read_choice("optimiser", "sgd momentum=0.8 nesterov=yes", OPTIMISERS)
    assert chosen == Sgd(momentum=0.8, nesterov=True)
    assert write_choice(chosen) == {
        "name": "sgd",
        "momentum": 0.8,
        "nesterov": True,
        "weight_decay": 0.0,
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("adaam", "no optimiser `adaam`; did you mean `adam`"),
        (
            "sgd momentun=1",
            "the optimiser `sgd`: `momentun` is not known here; did you mean `momentum`",
        ),
        ("sgd momentum", "written name=value"),
        ("sgd momentum=much", 'momentum must be a number of at least 0 and below 1, not "much"'),
        ("sgd nesterov=maybe", 'nesterov must be true or false, not "maybe"'),
        ("sgd momentum=1.5", 'momentum must be a number of at least 0 and below 1, not "1.5"'),
        ("", "no optimiser ``"),
    ],
)
def test_a_mistaken_choice_is_explained(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_choice("optimiser", text, OPTIMISERS)
