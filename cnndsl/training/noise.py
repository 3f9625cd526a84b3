"""Random numbers for dropout and its kind: functions of (seed, step, layer) alone.

So a resumed run drops what an uninterrupted one would have dropped, and adding a layer changes no
other layer's noise.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Literal

import numpy as np

from cnndsl.training.layout import Float

NoiseKind = Literal["uniform", "normal"]
"""Uniform on [0, 1), or normal with mean 0 and variance 1."""


def fill_noise(out: Float, kind: NoiseKind, seed: int, step: int, layer: str) -> None:
    """Fill an array with a layer's noise at a step."""
    digest = int.from_bytes(sha256(layer.encode()).digest()[:8], "little")
    generator = np.random.Generator(np.random.PCG64([seed, step, digest]))
    if kind == "uniform":
        generator.random(out=out, dtype=np.float32)
    else:
        generator.standard_normal(out=out, dtype=np.float32)
