"""What can be said about a training: what the command line and the Python verbs take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack

from cnndsl.autodiff.passes.precision import Precision
from cnndsl.training import defaults
from cnndsl.training.choices import read_choice
from cnndsl.training.config import Config, DataChoice, Factor, ModelChoice, TrainingChoice
from cnndsl.training.fields import check, checked
from cnndsl.training.optimisers import OPTIMISERS, Decay
from cnndsl.training.schedules import SCHEDULES
from cnndsl.training.stages import read_stages


class Options(TypedDict, total=False):
    """The options of a training. What is left out, or None, is chosen.

    Most are fields of ModelChoice, DataChoice and TrainingChoice (`cnndsl.training.config`), which
    have their bounds and defaults. `optimiser` and `schedule` are written as on the command line
    ("sgd nesterov=yes"), and so are `stages` ("5:block5*"). `learning_rates` are factors by
    patterns of layers. `time_limit` and `checkpoint_every` are seconds.
    """

    settings: Mapping[str, int | float | str]
    weights: str | Path | None
    allow_missing: Sequence[str]
    init: Literal["auto", "he", "glorot", "lecun", "zeros"]
    freeze: Sequence[str]
    gradual: int | None
    stages: Sequence[str]

    data_dir: str | Path | None
    augment: str | None

    epochs: int | None
    batch: int | None
    accumulate: int
    optimiser: str
    learning_rate: float | None
    learning_rates: Mapping[str, float]
    layer_decay: float | None
    weight_decay: float | None
    schedule: str
    warm_up: float
    clip: float | None
    average: float | None
    label_smoothing: float
    class_weights: str
    patience: int | None
    time_limit: float | None
    checkpoint_every: float | None

    seed: int
    device: Literal["cpu", "cuda"]
    precision: Precision
    threads: int | None
    deterministic: bool
    autotune: bool


def configure(spec: str | Path, data: str | Path, **options: Unpack[Options]) -> Config:
    """The configuration of a training.

    Weight decay is the default recipe's where neither it nor another optimiser is given. Raises
    UsageError.
    """
    given: dict[str, Any] = {name: v for name, v in options.items() if v is not None}
    optimiser = given.pop("optimiser", defaults.OPTIMISER)
    chosen = read_choice("optimiser", optimiser, OPTIMISERS)
    usual = defaults.WEIGHT_DECAY if optimiser == defaults.OPTIMISER else chosen.weight_decay
    decay = check(Decay, given.pop("weight_decay", usual), "weight_decay")
    chosen = replace(chosen, weight_decay=decay)
    schedule = read_choice("schedule", given.pop("schedule", defaults.SCHEDULE), SCHEDULES)
    rates = given.pop("learning_rates", {})
    stages = read_stages(given.pop("stages", ()))
    if "data_dir" in given:
        given["folder"] = str(given.pop("data_dir"))
    if "weights" in given:
        given["weights"] = str(given["weights"])
    if given.get("deterministic"):
        given["threads"] = 1
    model = {f.name: given.pop(f.name) for f in fields(ModelChoice) if f.name in given}
    source = {f.name: given.pop(f.name) for f in fields(DataChoice) if f.name in given}
    return Config(
        checked(ModelChoice, {**model, "spec": str(spec)}),
        checked(DataChoice, {**source, "path": str(data)}),
        checked(TrainingChoice, given),
        chosen,
        schedule,
        tuple((n, check(Factor, rate, f"learning_rates[{n}]")) for n, rate in rates.items()),
        stages,
    )
