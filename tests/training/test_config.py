"""A configuration survives being written; what doesn't belong there is named."""

from __future__ import annotations

import pytest

from cnndsl.diagnostics import UsageError
from cnndsl.training.config import Config
from cnndsl.training.optimisers import Sgd
from cnndsl.training.options import DataChoice, ModelChoice, TrainingChoice, TransferChoice
from cnndsl.training.schedules import Step
from cnndsl.training.stages import Stage


@pytest.mark.parametrize(
    "config",
    [
        Config(),
        Config(
            ModelChoice(
                "net.cnn", {"classes": 10, "w": 0.5}, {"image": "3@32x32"}, "a.b", ("c",), "he"
            ),
            DataChoice('/data/with "quotes", ünïcode\n\x7f and\\', "/cache", "strong.toml", "abc"),
            TrainingChoice(epochs=3, clip=1.0, average=0.99, patience=2, time_limit=60.0),
            Sgd(momentum=0.8, nesterov=True, weight_decay=1e-4),
            Step(every=2),
            (("stem.*", 0.1), ("fc*", 10.0)),
            (Stage(0, ("logits",)), Stage(3, ("bn1", "conv1"), 0.5)),
            TransferChoice("last", "mlp", "pool5"),
        ),
    ],
)
def test_a_configuration_is_read_as_it_was_written(config: Config) -> None:
    assert Config.from_toml(config.to_toml()) == config


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("epochs", "epoch", r"\[training\] `epoch` is not known here; did you mean `epochs`"),
        ("adamw", "adamx", "no optimiser `adamx`; did you mean `adam"),
        ("[training]", "[trainings]", "table `trainings`"),
        ("[model]", "[model", "is no TOML"),
    ],
)
def test_mistakes_are_named(old: str, new: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Config.from_toml(Config().to_toml().replace(old, new, 1))
