"""Averaged weights with the statistics that belong to them, beside torch's `AveragedModel`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnndsl.training.checkpoint import load_checkpoint, save_checkpoint
from cnndsl.training.progress import Progress
from tests.support.peers import torch
from tests.training.small import NORMED, RATE, training

DECAY = 0.8
LAYERS = {"conv1": "0", "bn1": "1", "logits": "5"}


def net() -> Any:
    """The same in torch."""
    nn = torch().nn
    return nn.Sequential(
        *(nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU()),
        *(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 4)),
    )


def named(name: str) -> str:
    """A parameter's name in torch's net."""
    layer, _, rest = name.rpartition(".")
    return f"{LAYERS[layer]}.{rest}"


@pytest.mark.torch
def test_statistics_are_averaged_with_the_weights(tmp_path: Path) -> None:
    library = torch()
    utilities = library.optim.swa_utils
    model = net()
    peer = utilities.AveragedModel(
        model, multi_avg_fn=utilities.get_ema_multi_avg_fn(DECAY), use_buffers=True
    )
    with training(tmp_path, NORMED, batch=32, average=DECAY) as ours:
        assert ours.average is not None
        for step, batch in enumerate(ours.feed.epoch(0, 0)):
            ours.train_step.step([batch], RATE, step)
            ours.average.update(step)
            values = {named(n): library.from_numpy(v) for n, v in ours.weights.read().items()}
            model.load_state_dict(values, strict=False)
            peer.update_parameters(model)
            expected = peer.module.state_dict()
            for name, average in ours.average.read().items():
                np.testing.assert_allclose(
                    average, expected[named(name)].numpy(), rtol=1e-5, atol=1e-6, err_msg=name
                )
        assert ours.average.read().keys() == ours.weights.read().keys()
        batches = list(ours.split("val"))
        images, target = (
            library.from_numpy(np.concatenate([b[n] for b in batches])) for n in ("image", "target")
        )
        with library.no_grad():
            answers = peer.module.eval()(images)
        loss = library.nn.functional.cross_entropy(answers, target)
        scores = ours.evaluate()
        assert scores["loss"] == pytest.approx(float(loss), rel=1e-5)
        assert scores["top1"] == pytest.approx(float((answers.argmax(1) == target).float().mean()))


def test_averages_survive_in_a_checkpoint(tmp_path: Path) -> None:
    """One without statistics, as earlier versions wrote it, goes on with those of the weights."""
    path = tmp_path / "checkpoint.safetensors"
    with training(tmp_path, NORMED, batch=32, average=DECAY) as ours:
        assert ours.average is not None
        for step, batch in enumerate(ours.feed.epoch(0, 0)):
            ours.train_step.step([batch], RATE, step)
            ours.average.update(step)
        save_checkpoint(path, ours.train_step, ours.average, Progress(ours.epoch_steps))
        kept = {name: values.copy() for name, values in ours.average.read().items()}
        with training(tmp_path, NORMED, batch=32, average=DECAY) as other:
            load_checkpoint(path, other.train_step, other.average)
            assert other.average is not None
            for name, values in other.average.read().items():
                np.testing.assert_array_equal(values, kept[name], name)
        assert (kept["bn1.running_mean"] != ours.weights.read()["bn1.running_mean"]).any()
