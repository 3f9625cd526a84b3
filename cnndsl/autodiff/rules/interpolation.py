"""Resize along one axis as a matrix [outputs, inputs]: its rows are the weights of each output.

The formulas are those of ONNX's specification of Resize.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cnndsl.diagnostics import UsageError

Matrix = npt.NDArray[np.float64]
Row = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Resizing:
    """How a Resize node chooses and weighs inputs; the names are its attributes'."""

    mode: str
    coordinates: str
    nearest: str
    cubic: float
    exclude_outside: bool

    def matrix(self, inputs: int, outputs: int, scale: float) -> Matrix:
        """The weights of every input in every output."""
        places = self._places(inputs, outputs, scale)
        if self.mode == "nearest":
            return _rows(self._nearest(places)[:, None], np.ones((outputs, 1)), inputs)
        low = np.floor(places)
        part = places - low
        if self.mode == "linear":
            taps = low[:, None] + np.arange(2.0)
            return _rows(taps, np.stack([1 - part, part], 1), inputs)
        if self.mode != "cubic":
            raise UsageError(f"there is no gradient of the mode {self.mode}")
        taps = low[:, None] + np.arange(-1.0, 3.0)
        weights = _cubic(np.abs(places[:, None] - taps), self.cubic)
        if self.exclude_outside:
            weights = np.where((taps >= 0) & (taps < inputs), weights, 0.0)
            weights /= weights.sum(1, keepdims=True)
        return _rows(taps, weights, inputs)

    def _places(self, inputs: int, outputs: int, scale: float) -> Row:
        """Where each output lies among the inputs."""
        x = np.arange(outputs, dtype=np.float64)
        match self.coordinates:
            case "half_pixel":
                return (x + 0.5) / scale - 0.5
            case "half_pixel_symmetric":
                exact = outputs / (inputs * scale)
                return inputs / 2 * (1 - exact) + (x + 0.5) / scale - 0.5
            case "pytorch_half_pixel":
                return (x + 0.5) / scale - 0.5 if outputs > 1 else x * 0
            case "align_corners":
                return x * (inputs - 1) / (outputs - 1) if outputs > 1 else x * 0
            case "asymmetric":
                return x / scale
            case other:
                raise UsageError(f"there is no gradient with {other}")

    def _nearest(self, places: Row) -> Row:
        match self.nearest:
            case "floor":
                return np.floor(places)
            case "ceil":
                return np.ceil(places)
            case "round_prefer_ceil":
                return np.floor(places + 0.5)
            case _:
                return np.ceil(places - 0.5)


def _rows(taps: Matrix, weights: Matrix, inputs: int) -> Matrix:
    """Beyond the ends the outermost input counts again."""
    matrix = np.zeros((len(taps), inputs))
    rows = np.arange(len(taps))[:, None].repeat(taps.shape[1], 1)
    np.add.at(matrix, (rows, taps.clip(0, inputs - 1).astype(int)), weights)
    return matrix


def _cubic(distance: Matrix, a: float) -> Matrix:
    """Keys 1981: the weight of an input at that distance."""
    d = distance
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))
