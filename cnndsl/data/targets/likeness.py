"""How alike pictures are: MSE, MAE, PSNR and SSIM, each the mean over pictures.

On the scale of 0 to 1, over all channels, and values beyond it count as they are. PSNR is
10·log10(1 / MSE) of each picture, 100 dB at most. SSIM is that of Wang, Bovik, Sheikh and
Simoncelli 2004, "Image Quality Assessment: From Error Visibility to Structural Similarity": a
Gaussian window of 11x11 with σ = 1.5, K1 = 0.01, K2 = 0.03, the mean over all places where the
window lies in the picture, and over channels. In a picture with a shorter side the window is the
largest odd number that fits there.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]

WINDOW, SIGMA = 11, 1.5
MOST_PSNR = 100.0
C1, C2 = 0.01**2, 0.03**2


class Likeness:
    """Sums over pictures, batch by batch."""

    def __init__(self) -> None:
        self.count, self.sums = 0, np.zeros(4)

    def add(self, answers: Doubles, truth: Doubles) -> None:
        """Two batches B×C×H×W on the scale of 0 to 1."""
        difference = (answers - truth).reshape(len(truth), -1)
        squares = np.square(difference).mean(axis=1)
        psnr = -10 * np.log10(np.maximum(squares, 10 ** (-MOST_PSNR / 10)))
        rows = squares, np.abs(difference).mean(axis=1), psnr, ssim(answers, truth)
        self.sums += np.array([row.sum() for row in rows])
        self.count += len(truth)

    def scores(self) -> dict[str, float]:
        """`mse`, `mae`, `psnr` in decibels, and `ssim`."""
        if not self.count:
            return {}
        means = (self.sums / self.count).tolist()
        return dict(zip(("mse", "mae", "psnr", "ssim"), means, strict=True))


def ssim(a: Doubles, b: Doubles) -> Doubles:
    """The structural similarity of each pair of pictures B×C×H×W on the scale of 0 to 1."""
    window = fitting(WINDOW, a.shape[2:])
    down, across = (blur(side, window) for side in a.shape[2:])

    def blurred(values: Doubles) -> Doubles:
        return down @ values @ across.T

    mean_a, mean_b = blurred(a), blurred(b)
    variances = blurred(a * a + b * b) - mean_a**2 - mean_b**2
    covariance = blurred(a * b) - mean_a * mean_b
    light = (2 * mean_a * mean_b + C1) / (mean_a**2 + mean_b**2 + C1)
    return (light * (2 * covariance + C2) / (variances + C2)).mean(axis=(1, 2, 3))


def fitting(window: int, sides: Sequence[int]) -> int:
    """The window, or the largest odd one that fits into a picture with these sides."""
    shorter = min(sides)
    return min(window, shorter - (shorter + 1) % 2)


@cache
def blur(side: int, window: int) -> Doubles:
    """The matrix that takes a line of so many pixels to its weighted means."""
    weights = np.exp(-((np.arange(window) - window // 2) ** 2) / (2 * SIGMA**2))
    places = side - window + 1
    matrix = np.zeros((places, side))
    for place in range(places):
        matrix[place, place : place + window] = weights / weights.sum()
    return matrix
