"""Layers to work through, with any numbers, and what torch makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from cnndsl.show.numbers.case import Case, shape_of, sizes
from cnndsl.show.numbers.merging import keys
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
    "conv 3x3x3 2": "2@3x4x4",
    "conv 2x3x1 4 g2 d1x1x2 s1x2x1 p=(0,1,2,1,0,1)": "4@4x5x4",
    "dwconv 2x2x2": "2@3x3x3",
    "filter 2x2x2 1 0 0 -1 1 0 0 2 p1": "1@2x3x2",
    "deconv 2x3x3 4 s2 p0x1x1 op0x1x1 g2": "2@2x2x3",
    "pool 2x2": "2@6x6",
    "pool 3x3 s2 p1": "2@7x7",
    "pool 3x3 s2 ceil": "1@6x6",
    "pool k2 s1 d2": "3@8",
    "pool 2x2x2": "2@4x4x5",
    "pool 3x3x2 s2x1x2 p1x1x0 ceil": "1@4x4x3",
    "gmp": "3@4x5",
    "gmp ": "2@2x4x5",
    "avgpool 2x2": "2@6x6",
    "avgpool 3x3 s2 p1": "2@7x7",
    "avgpool 3x3 s2 p1 countpad ceil": "2@6x6",
    "avgpool 2x2x3 s1 p1 countpad ceil": "2@3x4x4",
    "avgpool 3x2x2 p1x0x1": "2@4x3x3",
    "gap": "3@4x5",
    "gap ": "3@2x4x2",
    "upsample 2x2": "2@3x4",
    "upsample 2x3 bilinear": "2@3x4",
    "upsample size=5x7 bilinear align_corners": "1@3x4",
    "upsample k=1.5 bilinear": "1@4x4",
    "upsample k3 linear": "2@4",
    "upsample 2x1x2": "2@2x2x3",
    "upsample 2x2x3 linear": "1@2x3x2",
    "bn": "3@4x4",
    "bn ": "2@2x2x3",
    "ln": "4@2x3",
    "ln eps=0.1": "6",
    "ln all": "2@2x3",
    "ln ": "4@2x2x3",
    "ln  all": "2@2x1x3",
    "inorm": "3@4x4",
    "inorm ": "2@2x2x3",
    "inorm noscale": "2@5",
    "gn 2": "4@3x3",
    "gn 3 noscale": "6@2x2",
    "lrn 3 k=1 alpha=0.5": "5@2x3",
    "lrn 5": "8",
    "lrn 3": "4@2x1x2",
    "minmax": "3@4x3",
    "minmax ": "2@2x2x3",
    "minmax all": "2@5",
    "softmax": "6",
    "softmax ": "4@2x3",
    "softmax  ": "3@2x2x2",
    "logsoftmax": "6",
    "fc 4": "5",
    "fc 3 nobias": "2@3x3",
    "fc 2": "2@2x3x1",
    "prelu": "3@4x4",
    "prelu ": "3@2x2x2",
    "prelu shared": "5",
    "add x": "2@3x4 2@3x4",
    "add x y": "2@3x4 2@1x1 1@3x4",
    "sub x": "5 5",
    "sub x y": "1@3x4 2@3x4 2@3x1",
    "mul x": "2@3x4 2@1x1",
    "mul x y": "2@2x3x2 2@2x3x2 2@1x1x1",
    "div x": "2@4 2@4",
    "div x y": "1@2x2 1@1x2 1@2x2",
    "max x": "2@3x4 2@3x4",
    "max x y": "6 6 6",
    "min x": "2@3x4 1@3x4",
    "atan2 x": "1@3x4 1@3x4",
    "concat x": "2@3x4 1@3x4",
    "concat x y": "3 2 4",
    "concat x ": "2@2x3x2 3@2x3x2",
    **dict.fromkeys(
        ("relu", "relu6", "leaky 0.2", "threshold 0.5", "shrink 0.5 0.25", "elu", "elu 0.5"), "7"
    ),
    **dict.fromkeys(("celu 0.5", "selu", "sigmoid", "tanh", "hsigmoid", "softplus"), "2@3x3"),
    **dict.fromkeys(("softsign", "silu", "hswish", "gelu", "gelu tanh", "mish", "abs", "exp"), "9"),
    **dict.fromkeys(("log", "power 3", "power 0.5", "clamp -1 1", "clamp high=0.5"), "9"),
}
"""Lines with the inputs that they are worked through on: channels@space, or a vector's length; of
several inputs one after the other. Blanks at the end tell equal lines apart.
"""


def case(line: str, inputs: str = "", *, statistics: bool = False) -> Case:
    """The line with random numbers, and a random gradient that comes in."""
    found = of_line(line, Request(gradient=True))
    random = np.random.default_rng(3)
    x, *others = (
        3 * random.standard_normal(_size(text)) for text in (inputs or LINES[line]).split()
    )
    if found.layer.word in ("log", "power"):
        x = np.abs(x) + 0.1
    if found.layer.word == "div":
        others = [np.abs(other) + 0.5 for other in others]
    owned = found.layer.parameters(*map(shape_of, (x, *others)))
    drawn = {p.name: random.standard_normal(p.shape) for p in owned}
    made = replace(
        found,
        x=x,
        others=tuple(others),
        parameters={n: np.abs(v) + 0.5 if "var" in n else v for n, v in drawn.items()},
        given=frozenset({"running_mean"} if statistics else ()),
    )
    return replace(made, upstream=random.standard_normal(sizes(made.output)))


def _size(text: str) -> tuple[int, ...]:
    channels, _, space = text.rpartition("@")
    return (int(channels), *map(int, space.split("x"))) if channels else (int(space),)


def torch_gradients(case: Case) -> tuple[Array, Mapping[str, Array]]:
    """Output and gradients as torch's autograd has them, in float64."""
    from tests.support import torch_words as torch_words
    from tests.support.torch_interpreter import Run

    def tensor(values: Array, trained: bool = True) -> Any:
        return torch().tensor(values, dtype=torch().float64, requires_grad=trained)

    inputs = [tensor(x[None]) for x in (case.x, *case.others)]
    parameters = {
        name: tensor(values, "running" not in name) for name, values in case.parameters.items()
    }
    full = {f"layer.{name}": value for name, value in parameters.items()}
    frozen = bool(case.given)
    run = Run(torch(), one_layer(case.layer, *case.shapes), full, {}, frozen=lambda _: frozen)
    y = run({f"x{n}": x for n, x in enumerate(inputs)})["layer"]
    (y * torch().tensor(case.upstream)[None]).sum().backward()
    found = {name: x.grad[0].numpy() for name, x in zip(keys(len(inputs)), inputs, strict=True)}
    found |= {n: p.grad.numpy() for n, p in parameters.items() if p.grad is not None}
    return y[0].detach().numpy(), found
