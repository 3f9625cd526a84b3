"""Values that make our net compute what another one did, where the two don't have the same tensors.

All are exact up to float32's rounding, since a batch norm at inference is
(x − mean)/√(variance + eps)·weight + bias, whatever is put into which of the four.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cnndsl.layers.base import Parameter

Array = npt.NDArray[Any]


def left_out(parameter: Parameter) -> Array:
    """A parameter that the other net does without, so that it does nothing: a factor of 1, a bias,
    mean or offset of 0. Not for weights.
    """
    return np.full(parameter.shape, parameter.initial, np.float32)


def mean_without_bias(mean: Array, bias: Array) -> Array:
    """The running mean that stands for a bias added before the batch norm: mean − bias."""
    return (mean.astype(np.float64) - bias).astype(np.float32)


def variance_for_epsilon(variance: Array, theirs: float, ours: float) -> Array:
    """The running variance that with our epsilon gives their sum: variance + theirs − ours."""
    return (variance.astype(np.float64) + (theirs - ours)).astype(np.float32)
