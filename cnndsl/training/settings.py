"""What can be said about a training: what the command line and the Python verbs take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Literal, TypedDict, TypeVar, Unpack

from cnndsl.diagnostics import UsageError
from cnndsl.graphs.precision import Precision
from cnndsl.preprocessing import Preprocessing
from cnndsl.shape import Shape
from cnndsl.training import defaults
from cnndsl.training.choices import read_choice
from cnndsl.training.config import Config
from cnndsl.training.fields import check, checked
from cnndsl.training.optimisers import OPTIMISERS, Decay
from cnndsl.training.options import Factor, PictureChoice
from cnndsl.training.schedules import SCHEDULES
from cnndsl.training.stages import read_stages

T = TypeVar("T")


class TrialOptions(TypedDict, total=False):
    """The options of one training of several. What is left out, or None, is chosen.

    Most are fields of ModelChoice, DataChoice and TrainingChoice (`cnndsl.training.options`), which
    have their bounds and defaults. `input_shapes` are by the names of inputs, "" for the only one;
    `preprocessing` is how pictures are prepared, or some fields of it. `optimiser` and `schedule`
    are written as on the command line ("sgd nesterov=yes"), and so are `stages` ("5:block5*").
    `learning_rates` are factors by patterns of layers. `checkpoint_every` is in seconds.
    """

    settings: Mapping[str, int | float | str]
    input_shapes: Mapping[str, Shape]
    weights: str | Path | None
    allow_missing: Sequence[str]
    init: Literal["auto", "he", "glorot", "lecun", "zeros"]
    freeze: Sequence[str]
    gradual: int | None
    stages: Sequence[str]

    data_dir: str | Path | None
    augment: str | None
    noise: float
    ignore_index: int | None
    preprocessing: Preprocessing | Mapping[str, Any] | None

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
    checkpoint_every: float | None

    seed: int
    device: Literal["cpu", "cuda"]
    precision: Precision
    threads: int | None
    deterministic: bool
    autotune: bool


class Options(TrialOptions, total=False):
    """The options of a training: those of `TrialOptions`, and `time_limit` in seconds."""

    time_limit: float | None


def configure(
    spec: str | Path | None,
    data: str | Path | None,
    base: Config | None = None,
    **options: Unpack[Options],
) -> Config:
    """The configuration of a training: the options over those of `base`, which may name spec and
    data too.

    Weight decay is the default recipe's where neither it nor another optimiser is given, and the
    learning rate is chosen anew for another optimiser. Raises UsageError.
    """
    if unknown := sorted(options.keys() - Options.__annotations__.keys()):
        raise TypeError(f"there is no option `{unknown[0]}`")
    start = base or Config()
    if start.transfer is not None:
        raise UsageError(
            "the configuration is that of a `cnndsl transfer`, whose net was made out of another: "
            "call `cnndsl transfer` again, or go on with the run by `cnndsl resume`"
        )
    given: dict[str, Any] = {name: v for name, v in options.items() if v is not None}
    chosen, schedule = start.optimiser, start.schedule
    if base is None or "optimiser" in given:
        optimiser = given.pop("optimiser", defaults.OPTIMISER)
        chosen = read_choice("optimiser", optimiser, OPTIMISERS)
        usual = defaults.WEIGHT_DECAY if optimiser == defaults.OPTIMISER else chosen.weight_decay
        chosen = replace(chosen, weight_decay=usual)
        start = start.with_training(learning_rate=None)
    if "weight_decay" in given:
        decay = check(Decay, given.pop("weight_decay"), "weight_decay")
        chosen = replace(chosen, weight_decay=decay)
    if base is None or "schedule" in given:
        schedule = read_choice("schedule", given.pop("schedule", defaults.SCHEDULE), SCHEDULES)
    rates = dict(start.learning_rates) | given.pop("learning_rates", {})
    stages = read_stages(given.pop("stages", ())) or start.stages
    shapes = given.pop("input_shapes", {})
    given["inputs"] = dict(start.model.inputs) | {n: str(shape) for n, shape in shapes.items()}
    given["settings"] = dict(start.model.settings) | given.get("settings", {})
    pictures = given.pop("preprocessing", {})
    if isinstance(pictures, Preprocessing):
        pictures = pictures.as_dict()
    if "data_dir" in given:
        given["folder"] = str(given.pop("data_dir"))
    if "weights" in given:
        given["weights"] = str(given["weights"])
    if given.get("deterministic"):
        given["threads"] = 1
    for name, said in (("spec", spec), ("path", data)):
        if said is not None:
            given[name] = str(said)
    model = _over(start.model, given)
    source = _over(start.data, given)
    training = _over(start.training, given)
    if not model.spec:
        raise UsageError("which net is to be trained? Name its spec, as in `cnndsl train lenet5`")
    if not source.path:
        raise UsageError("on which data is the net to be trained? Name it, such as `digits`")
    return Config(
        model,
        source,
        training,
        chosen,
        schedule,
        tuple((n, check(Factor, rate, f"learning_rates[{n}]")) for n, rate in rates.items()),
        stages,
        pictures=checked(
            PictureChoice, start.pictures.given() | dict(pictures), "the preprocessing's "
        ),
    )


def _over(start: T, given: dict[str, Any]) -> T:
    """A choice with the fields that are given, which are taken away from the others."""
    kind: Any = type(start)
    known = {f.name: getattr(start, f.name) for f in fields(kind)}
    return checked(kind, known | {name: given.pop(name) for name in known if name in given})
