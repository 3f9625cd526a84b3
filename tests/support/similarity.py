"""Structural similarity by torch's convolutions."""

from __future__ import annotations

from typing import Any

from tests.support.peers import torch


def ssim_by_torch(a: Any, b: Any, window: int) -> Any:
    """The mean similarity of two batches of pictures, by convolutions with one window."""
    library, channels = torch(), a.shape[1]
    shorter = min(a.shape[2:])
    window = min(window, shorter if shorter % 2 else shorter - 1)
    line = library.exp(-((library.arange(window, dtype=a.dtype) - window // 2) ** 2) / (2 * 1.5**2))
    weights = (line[:, None] * line / line.sum() ** 2).expand(channels, 1, window, window)

    def blurred(values: Any) -> Any:
        return library.nn.functional.conv2d(values, weights, groups=channels)

    mean_a, mean_b = blurred(a), blurred(b)
    covariance = blurred(a * b) - mean_a * mean_b
    variances = blurred(a * a) - mean_a**2 + blurred(b * b) - mean_b**2
    c1, c2 = 0.01**2, 0.03**2
    light = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    return (light * (2 * covariance + c2) / (variances + c2)).mean()
