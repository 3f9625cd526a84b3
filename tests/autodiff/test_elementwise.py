from __future__ import annotations
import numpy as np
from tests.autodiff.check import check_gradient

R = np.random.default_rng(0)


def test_add_broadcast() -> None:
    check_gradient(
        "Add",
        [R.standard_normal((2, 3, 4)), R.standard_normal((3, 1))],
        [0, 1],
        torch_function=lambda a, b: a + b,
    )


def test_conv() -> None:
    import torch

    check_gradient(
        "Conv",
        [R.standard_normal((2, 4, 9, 8)), R.standard_normal((6, 2, 3, 3))],
        [0],
        torch_function=lambda x, w: torch.nn.functional.conv2d(x, w, stride=2, padding=1, groups=2),
        strides=[2, 2],
        pads=[1, 1, 1, 1],
        group=2,
        finite=False,
    )
