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
Places = npt.NDArray[np.int64]


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
        taps, weights = self.taps(inputs, outputs, scale)
        matrix = np.zeros((outputs, inputs))
        rows = np.arange(outputs)[:, None].repeat(taps.shape[1], 1)
        np.add.at(matrix, (rows, taps), weights)
        return matrix

    def taps(self, inputs: int, outputs: int, scale: float) -> tuple[Places, Matrix]:
        """The inputs that every output is made of, and their weights, both [outputs, taps].

        Beyond the ends the outermost input counts again.
        """
        places = self._places(inputs, outputs, scale)
        if self.mode == "nearest":
            return _inside(self._nearest(places)[:, None], inputs), np.ones((outputs, 1))
        low = np.floor(places)
        part = places - low
        if self.mode == "linear":
            taps = low[:, None] + np.arange(2.0)
            return _inside(taps, inputs), np.stack([1 - part, part], 1)
        if self.mode != "cubic":
            raise UsageError(f"there is no gradient of the mode {self.mode}")
        taps = low[:, None] + np.arange(-1.0, 3.0)
        weights = _cubic(np.abs(places[:, None] - taps), self.cubic)
        if self.exclude_outside:
            weights = np.where((taps >= 0) & (taps < inputs), weights, 0.0)
            weights /= weights.sum(1, keepdims=True)
        return _inside(taps, inputs), weights

    def _places(self, inputs: int, outputs: int, scale: float) -> Row:
        """Where each output lies among the inputs.

        Which input is the nearest may hang on the last digit, so that it is float32's as in ONNX
        Runtime.
        """
        kind = np.float32 if self.mode == "nearest" else np.float64
        x, factor, half = np.arange(outputs, dtype=kind), kind(scale), kind(0.5)
        match self.coordinates:
            case "half_pixel":
                places = (x + half) / factor - half
            case "half_pixel_symmetric":
                exact = outputs / (inputs * scale)
                places = inputs / 2 * (1 - exact) + (x + half) / factor - half
            case "pytorch_half_pixel":
                places = (x + half) / factor - half if outputs > 1 else x * 0
            case "tf_half_pixel_for_nn":
                places = (x + half) / factor
            case "align_corners":
                places = x * kind(inputs - 1) / kind(outputs - 1) if outputs > 1 else x * 0
            case "asymmetric":
                places = x / factor
            case other:
                raise UsageError(f"there is no gradient with {other}")
        return np.asarray(places, np.float64)

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


def _inside(taps: Row | Matrix, inputs: int) -> Places:
    return taps.clip(0, inputs - 1).astype(np.int64)


def _cubic(distance: Matrix, a: float) -> Matrix:
    """Keys 1981: the weight of an input at that distance."""
    d = distance
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))
