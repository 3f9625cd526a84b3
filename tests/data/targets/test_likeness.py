"""MSE, MAE, PSNR and SSIM against sums by hand and torch's convolution."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cnndsl.data.targets.likeness import Likeness, ssim
from tests.support.peers import torch


def pictures(*shape: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = random.random(shape)
    return np.clip(truth + random.normal(0, 0.1, shape), 0, 1), truth


def by_hand(a: np.ndarray, b: np.ndarray) -> float:
    """Wang et al. 2004, equation 13, window by window, of one channel."""
    side = min(11, *(n - (n + 1) % 2 for n in a.shape))
    line = np.exp(-((np.arange(11) - 5.0) ** 2) / (2 * 1.5**2))
    start = (11 - side) // 2
    window = np.outer(line, line)[start : start + side, start : start + side]
    window /= window.sum()
    found = []
    for y in range(a.shape[0] - side + 1):
        for x in range(a.shape[1] - side + 1):
            p, q = a[y : y + side, x : x + side], b[y : y + side, x : x + side]
            mp, mq = (window * p).sum(), (window * q).sum()
            vp, vq = (window * (p - mp) ** 2).sum(), (window * (q - mq) ** 2).sum()
            c = (window * (p - mp) * (q - mq)).sum()
            above = (2 * mp * mq + 1e-4) * (2 * c + 9e-4)
            found.append(above / ((mp**2 + mq**2 + 1e-4) * (vp + vq + 9e-4)))
    return float(np.mean(found))


@pytest.mark.parametrize("shape", [(20, 17), (11, 11), (8, 8), (5, 30), (1, 1)])
def test_ssim_is_the_papers(shape: tuple[int, int]) -> None:
    a, b = pictures(2, 3, *shape)
    expected = [np.mean([by_hand(a[n, c], b[n, c]) for c in range(3)]) for n in range(2)]
    np.testing.assert_allclose(ssim(a, b), expected, rtol=1e-9)
    np.testing.assert_allclose(ssim(b, b), 1)


@pytest.mark.torch
def test_ssim_is_torchs_convolution() -> None:
    library = torch()
    a, b = (library.from_numpy(v) for v in pictures(3, 1, 40, 28))
    line = library.exp(-((library.arange(11.0).double() - 5) ** 2) / 4.5)
    window = library.outer(line, line)[None, None] / line.sum() ** 2
    blur = lambda v: library.nn.functional.conv2d(v, window)  # noqa: E731
    ma, mb = blur(a), blur(b)
    va, vb, c = blur(a * a) - ma**2, blur(b * b) - mb**2, blur(a * b) - ma * mb
    whole = (2 * ma * mb + 1e-4) * (2 * c + 9e-4) / ((ma**2 + mb**2 + 1e-4) * (va + vb + 9e-4))
    np.testing.assert_allclose(ssim(a.numpy(), b.numpy()), whole.mean((1, 2, 3)), rtol=1e-9)


def test_means_are_over_pictures() -> None:
    truth = np.zeros((3, 1, 4, 4))
    answers = truth + np.array([0.1, 0.01, 0]).reshape(3, 1, 1, 1)
    sums = Likeness()
    sums.add(answers[:2], truth[:2])
    sums.add(answers[2:], truth[2:])
    found = sums.scores()
    assert math.isclose(found["mse"], (0.01 + 0.0001) / 3)
    assert math.isclose(found["mae"], 0.11 / 3)
    assert math.isclose(found["psnr"], (20 + 40 + 100) / 3)  # the same picture counts 100 dB
    assert Likeness().scores() == {}
