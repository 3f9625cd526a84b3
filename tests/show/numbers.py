"""Layers to work through, with any numbers, and what torch makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from cnndsl.show.numbers.case import Case, sizes
from cnndsl.show.numbers.request import Request, of_line
from tests.support.peers import torch
from tests.support.run_layer import one_layer

Array = np.ndarray[Any, Any]

LINES = {
    "conv 3x3": "1@5x5",
    "conv 3x3 4 s2 p1 nobias": "3@6x7",
    "conv 3x2 4 g2 d2x1 p=(0,1,2,1)": "4@7x6",
    "conv k3 2 s2 same": "3@8",
    "conv 1x1 5": "7@3x3",
    "dwconv 3x3 s2 p1": "3@7x7",
    "filter sobel_x s2 p1": "2@6x6",
    "filter k3 1 -2 1": "2@8",
    "deconv 3x3 1 s2 nobias": "1@2x2",
    "deconv 3x3 4 s2 p1 op1 g2": "2@3x4",
    "deconv 4x4 2 s2 same": "3@3x3",
    "deconv k3 2 s3 d2": "2@4",
    "pool 2x2": "2@6x6",
    "pool 3x3 s2 p1": "2@7x7",
    "pool 3x3 s2 ceil": "1@6x6",
    "pool k2 s1 d2": "3@8",
    "gmp": "3@4x5",
    "avgpool 2x2": "2@6x6",
    "avgpool 3x3 s2 p1": "2@7x7",
    "avgpool 3x3 s2 p1 countpad ceil": "2@6x6",
    "gap": "3@4x5",
    "upsample 2x2": "2@3x4",
    "upsample 2x3 bilinear": "2@3x4",
    "upsample size=5x7 bilinear align_corners": "1@3x4",
    "upsample k=1.5 bilinear": "1@4x4",
    "upsample k3 linear": "2@4",
    "bn": "3@4x4",
    "ln": "4@2x3",
    "ln eps=0.1": "6",
    "ln all": "2@2x3",
    "inorm": "3@4x4",
    "inorm noscale": "2@5",
    "gn 2": "4@3x3",
    "gn 3 noscale": "6@2x2",
    "lrn 3 k=1 alpha=0.5": "5@2x3",
    "lrn 5": "8",
    "softmax": "6",
    "softmax ": "4@2x3",
    "logsoftmax": "6",
    "fc 4": "5",
    "fc 3 nobias": "2@3x3",
    "prelu": "3@4x4",
    "prelu shared": "5",
    **dict.fromkeys(
        ("relu", "relu6", "leaky 0.2", "threshold 0.5", "shrink 0.5 0.25", "elu", "elu 0.5"), "7"
    ),
    **dict.fromkeys(("celu 0.5", "selu", "sigmoid", "tanh", "hsigmoid", "softplus"), "2@3x3"),
    **dict.fromkeys(("softsign", "silu", "hswish", "gelu", "gelu tanh", "mish", "abs", "exp"), "9"),
    **dict.fromkeys(("log", "power 3", "power 0.5", "clamp -1 1", "clamp high=0.5"), "9"),
}
"""Lines with the inputs that they are worked through on: channels@space, or a vector's length."""


def case(line: str, *, statistics: bool = False) -> Case:
    """The line with random numbers, and a random gradient that comes in."""
    channels, _, space = LINES[line].rpartition("@")
    shape = (int(channels), *map(int, space.split("x"))) if channels else (int(space),)
    rows = "; ".join([" ".join(["1"] * shape[-1])] * prod(shape[1:-1]))
    text = " | ".join([rows] * (shape[0] if len(shape) > 1 else 1))
    found = of_line(line, Request(text, gradient=True))
    random = np.random.default_rng(3)
    x = 3 * random.standard_normal(shape)
    if line.startswith(("log", "power")) and line != "logsoftmax":
        x = np.abs(x) + 0.1
    parameters = {
        name: np.abs(values) + 0.5 if "var" in name else values
        for name, old in found.parameters.items()
        for values in [random.standard_normal(old.shape)]
    }
    return replace(
        found,
        x=x,
        parameters=parameters,
        given=frozenset({"running_mean"} if statistics else ()),
        upstream=random.standard_normal(sizes(found.output)),
    )


def torch_gradients(case: Case) -> tuple[Array, Mapping[str, Array]]:
    """Output and gradients as torch's autograd has them, in float64."""
    from tests.support import torch_words as torch_words
    from tests.support.torch_interpreter import Run

    def tensor(values: Array, trained: bool = True) -> Any:
        return torch().tensor(values, dtype=torch().float64, requires_grad=trained)

    x = tensor(case.x[None])
    parameters = {
        name: tensor(values, "running" not in name) for name, values in case.parameters.items()
    }
    full = {f"layer.{name}": value for name, value in parameters.items()}
    frozen = bool(case.given)
    run = Run(torch(), one_layer(case.layer, case.shape), full, {}, frozen=lambda _: frozen)
    y = run({"x0": x})["layer"]
    (y * torch().tensor(case.upstream)[None]).sum().backward()
    found = {"X": x.grad[0].numpy()}
    found |= {n: p.grad.numpy() for n, p in parameters.items() if p.grad is not None}
    return y[0].detach().numpy(), found
