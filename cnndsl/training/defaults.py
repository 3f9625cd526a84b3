"""The recipe for whoever gives none: AdamW and one cycle of the learning rate.

The numbers were chosen by measurement (docs/train.md has it).
"""

from __future__ import annotations

OPTIMISER = "adamw"
SCHEDULE = "one-cycle"
WEIGHT_DECAY = 0.05
EPOCHS = 10
BATCH = 64

WITH_NORMS = 0.005
WITHOUT_NORMS = 0.015
"""Divided by the number of layers: without norms, deep nets leave the rails at rates that suit
shallow ones."""

RATES = {"sgd": 0.05, "adagrad": 0.01, "rmsprop": 0.001}
"""Learning rates of optimisers that take the same one for any net."""


def learning_rate(optimiser: str, layers: int, has_norms: bool) -> float:
    """The learning rate at the schedule's peak, for a net with so many layers that have weights."""
    if optimiser in RATES:
        return RATES[optimiser]
    if has_norms:
        return WITH_NORMS
    return float(f"{WITHOUT_NORMS / max(layers, 3):.1g}")
