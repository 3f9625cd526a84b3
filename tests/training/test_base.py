"""A run's config.toml as the beginning of another training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import cnndsl
from cnndsl.diagnostics import UsageError
from cnndsl.preprocessing import Preprocessing
from cnndsl.shape import Shape
from cnndsl.training.config import Config, read_config
from cnndsl.training.options import PictureChoice, TransferChoice
from cnndsl.training.schedules import Step
from cnndsl.training.settings import Options, configure
from cnndsl.weights.save import read_tensors
from tests.support.command_line import cnndsl as command

GIVEN: Options = {
    "epochs": 3,
    "optimiser": "sgd momentum=0.5",
    "weight_decay": 0.25,
    "schedule": "step every=5 by=0.2",
    "learning_rate": 0.5,
    "learning_rates": {"stem.*": 0.1},
    "stages": ("5:block5*",),
    "settings": {"classes": 7},
    "input_shapes": {"image": Shape(1, (12, 10))},
    "preprocessing": {"scale": 2.0, "mean": (0.5,)},
    "seed": 4,
    "patience": 2,
    "freeze": ("stem",),
}


def test_what_is_not_given_is_that_of_the_base() -> None:
    base = configure("lenet5", "digits", **GIVEN)
    assert configure(None, None, base) == base == Config.from_toml(base.to_toml())
    assert base.shapes() == GIVEN["input_shapes"]
    assert base.pictures == PictureChoice(scale=2.0, mean=(0.5,))


@pytest.mark.parametrize(
    ("options", "changed"),
    [
        ({"patience": 0}, {"patience": 0}),
        ({"seed": 0}, {"seed": 0}),
        ({"epochs": 10}, {"epochs": 10}),
        ({"optimiser": "adamw"}, {"learning_rate": None}),  # it is another's
        ({"optimiser": "adamw", "learning_rate": 0.1}, {"learning_rate": 0.1}),
    ],
)
def test_options_replace_those_of_the_base(options: Options, changed: dict[str, object]) -> None:
    base = configure("lenet5", "digits", **GIVEN)
    found = configure("resnet20", None, base, **options)
    assert found.model.spec == "resnet20" and found.data.path == "digits"
    assert found.training == base.with_training(**changed).training
    assert found.schedule == Step(every=5, by=0.2) and found.model.freeze == ("stem",)


def test_what_comes_by_name_is_put_to_that_of_the_base() -> None:
    base = configure("lenet5", "digits", **GIVEN)
    found = configure(
        None,
        None,
        base,
        settings={"width": 2},
        learning_rates={"head": 2.0},
        preprocessing=Preprocessing(scale=1.0),
    )
    assert found.model.settings == {"classes": 7, "width": 2}
    assert dict(found.learning_rates) == {"stem.*": 0.1, "head": 2.0}
    assert found.pictures.scale == 1.0 and found.pictures.order == "RGB"


@pytest.mark.parametrize(
    ("spec", "data", "said"), [(None, "digits", "which net"), ("lenet5", None, "which data")]
)
def test_spec_and_data_must_be_named_somewhere(
    spec: str | None, data: str | None, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        configure(spec, data)


def test_that_of_a_transfer_is_refused() -> None:
    with pytest.raises(UsageError, match="that of a `cnndsl transfer`"):
        configure(None, None, Config(transfer=TransferChoice()))


def test_a_run_is_done_again(tmp_path: Path) -> None:
    """To the same bits, from its configuration alone; pictures are prepared as they were."""
    options = ("--epochs", "1", "--batch", "256", "--scale", "16", "--threads", "1", "-q")
    runs = ("--runs", str(tmp_path))
    command("train", "lenet5", *options, *runs, "--name", "a")
    config = next(tmp_path.glob("a*")) / "config.toml"
    assert read_config(config).pictures.scale == 16.0
    command("train", "--config", str(config), "-q", *runs, "--name", "b")
    cnndsl.train(config=config, runs=tmp_path, name="c", quiet=True)
    one, *others = (
        read_tensors(folder / "best.safetensors")[0] for folder in sorted(tmp_path.glob("[abc]*"))
    )
    for other in others:
        for name, values in one.items():
            np.testing.assert_array_equal(values, other[name])
