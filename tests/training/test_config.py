"""A configuration survives being written; what doesn't belong there is named."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnndsl.diagnostics import UsageError
from cnndsl.training.config import (
    Config,
    DataChoice,
    ModelChoice,
    TrainingChoice,
    TransferChoice,
)
from cnndsl.training.optimisers import Sgd
from cnndsl.training.schedules import Step
from cnndsl.training.stages import Stage
from cnndsl.training.toml import write_toml

numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, width=64)
values = st.booleans() | numbers | st.text(max_size=20)
keys = st.text(min_size=1, max_size=8)
flat = st.dictionaries(keys, values | st.lists(values, max_size=3) | st.dictionaries(keys, values))


@given(st.dictionaries(keys, values | flat))
def test_toml_is_read_as_it_was_written(tables: dict[str, object]) -> None:
    text = write_toml(tables)
    assert tomllib.loads(text) == tables


@pytest.mark.parametrize(
    "config",
    [
        Config(),
        Config(
            ModelChoice(
                "net.cnn", {"classes": 10, "w": 0.5}, {"image": "3@32x32"}, "a.b", ("c",), "he"
            ),
            DataChoice('/data/with "quotes" and ünïcode', "/cache", "strong.toml", "abc"),
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
