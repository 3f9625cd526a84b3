"""The recipe for whoever gives none: AdamW and one cycle of the learning rate.

The numbers were chosen by measurement (docs/training.md has it): nets with norms take a larger
step than those without.
"""

from __future__ import annotations

OPTIMISER = "adamw"
SCHEDULE = "one-cycle"
WEIGHT_DECAY = 0.05
EPOCHS = 10
BATCH = 64

WITH_NORMS = 0.005
WITHOUT_NORMS = 0.001
RATES = {"sgd": 0.05, "adagrad": 0.01, "rmsprop": 0.001}
"""Learning rates of optimisers that take the same one for any net."""


def learning_rate(optimiser: str, has_norms: bool) -> float:
    """The learning rate at the schedule's peak."""
    if optimiser in RATES:
        return RATES[optimiser]
    return WITH_NORMS if has_norms else WITHOUT_NORMS
