"""Dynamic loss scaling: gradients in float16 are computed times a factor, and divided by it after.

Small gradients vanish in float16, whose smallest number is 6e-8. So the loss is multiplied by a
factor as large as goes: where a gradient overflows the step is skipped and the factor halved;
after enough steps without that it is doubled (Micikevicius et al. 2018, arXiv:1710.03740). The
numbers are those of torch.amp.GradScaler.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnndsl.training.layout import Float

LOSS_SCALE = "loss_scale"
"""The input of gradient graphs that the loss is multiplied by."""

FIRST = 2.0**16
PATIENCE = 2000
"""So many steps without an overflow until the factor is doubled."""
LARGEST, SMALLEST = 2.0**24, 2.0**-14
"""Up to the largest all its values are exact in float32; below the smallest it isn't the scale that
is wrong."""


@dataclass(slots=True)
class LossScale:
    """The factor, the steps done since it changed, and the steps skipped so far."""

    factor: float = FIRST
    steady: int = 0
    skipped: int = 0

    def accept(self) -> None:
        """A step's gradients were finite."""
        self.steady += 1
        if self.steady >= PATIENCE:
            self.factor, self.steady = min(2 * self.factor, LARGEST), 0

    def skip(self) -> bool:
        """A step's gradients weren't; whether a smaller factor may help."""
        self.factor, self.steady = self.factor / 2, 0
        self.skipped += 1
        return self.factor >= SMALLEST

    def read(self) -> Float:
        """Its state, for a checkpoint."""
        return np.array([self.factor, self.steady, self.skipped], np.float32)

    def write(self, state: Float) -> None:
        """Take over a state that was read."""
        self.factor = float(state[0])
        self.steady, self.skipped = int(state[1]), int(state[2])
