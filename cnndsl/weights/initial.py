"""Initial weights: the usual rules, from a seed, the same bits on every machine.

Weights are uniform on ±√(3·gain/fan): the variance is that of the rule's normal distribution. The
uniform kind is drawn from integers by exact arithmetic alone, so that no machine's mathematical
library has a say in it. Every tensor has a stream of its own, made from the seed and its name:
adding a layer changes no other layer's start.

- `he`: variance 2/fan_in (He et al. 2015, arXiv:1502.01852), for nets with rectifiers.
- `glorot`: variance 2/(fan_in + fan_out) (Glorot, Bengio 2010).
- `lecun`: variance 1/fan_in (LeCun et al. 1998, Efficient BackProp), for selu.
- `zeros`: everything 0 but norms, for tests.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from math import sqrt

import numpy as np

from cnndsl.layers.base import Parameter
from cnndsl.network import Network
from cnndsl.weights.source import CHUNK, Chunks, Weights

RECTIFIERS = {"relu", "relu6", "leaky", "prelu", "elu", "gelu", "silu", "hswish", "mish"}

_VARIANCES: dict[str, Callable[[Parameter], float]] = {
    "he": lambda p: 2 / p.fan_in,
    "glorot": lambda p: 2 / (p.fan_in + p.fan_out),
    "lecun": lambda p: 1 / p.fan_in,
    "zeros": lambda p: 0.0,
}

RULES = ("auto", *_VARIANCES)


def initial_weights(network: Network, rule: str = "auto", seed: int = 0) -> Weights:
    """Draws for every parameter of a network.

    `auto` is He's rule where the net has rectifiers, LeCun's with selu, Glorot's else.
    """
    variance = _VARIANCES[_automatic(network) if rule == "auto" else rule]

    def draw(name: str, parameter: Parameter) -> Chunks:
        if parameter.role != "weight":
            yield from _constant(parameter)
            return
        generator = np.random.Generator(np.random.PCG64(_stream(seed, name)))
        bound = np.float32(sqrt(3 * variance(parameter)))
        for start in range(0, parameter.size, CHUNK):
            values = generator.random(min(CHUNK, parameter.size - start), np.float32)
            values -= np.float32(0.5)
            values *= np.float32(2) * bound
            yield values

    return draw


def _automatic(network: Network) -> str:
    words = {step.layer.word for step in network.steps}
    if words & RECTIFIERS:
        return "he"
    return "lecun" if "selu" in words else "glorot"


def _constant(parameter: Parameter) -> Chunks:
    for start in range(0, parameter.size, CHUNK):
        count = min(CHUNK, parameter.size - start)
        yield np.full(count, parameter.initial, np.float32)


def _stream(seed: int, name: str) -> int:
    return int.from_bytes(sha256(f"{seed}:{name}".encode()).digest()[:16], "little")
