"""From words to a configuration: what the command line and the Python verbs have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cnndsl.training import defaults
from cnndsl.training.choices import read_choice
from cnndsl.training.config import Config, DataChoice, ModelChoice, TrainingChoice
from cnndsl.training.fields import checked
from cnndsl.training.optimisers import OPTIMISERS
from cnndsl.training.schedules import SCHEDULES
from cnndsl.training.stages import Stage


def configure(
    spec: str,
    data: str,
    *,
    optimiser: str = defaults.OPTIMISER,
    schedule: str = defaults.SCHEDULE,
    weight_decay: float | None = None,
    data_dir: str | None = None,
    augment: str = "none",
    model: Mapping[str, Any] | None = None,
    learning_rates: tuple[tuple[str, float], ...] = (),
    stages: tuple[Stage, ...] = (),
    **training: Any,
) -> Config:
    """A configuration; `model` are fields of ModelChoice, `training` those of TrainingChoice.

    Weight decay is the default recipe's where neither it nor another optimiser is given. Raises
    UsageError.
    """
    chosen = read_choice("optimiser", optimiser, OPTIMISERS)
    if weight_decay is None and optimiser == defaults.OPTIMISER:
        weight_decay = defaults.WEIGHT_DECAY
    if weight_decay is not None:
        chosen = replace(chosen, weight_decay=weight_decay)
    return Config(
        checked(ModelChoice, {"spec": spec, **(model or {})}),
        checked(DataChoice, {"path": data, "folder": data_dir, "augment": augment}),
        checked(TrainingChoice, training),
        chosen,
        read_choice("schedule", schedule, SCHEDULES),
        learning_rates,
        stages,
    )
