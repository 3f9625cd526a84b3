"""Networks that were operated on: that they read back equal, and what they compute."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from cnndsl.emit import emit
from cnndsl.lower import lower
from cnndsl.network import Network
from cnndsl.runtime import run
from cnndsl.show.flat import flat
from cnndsl.source import Source
from cnndsl.specs import load
from cnndsl.weights.source import Weights

Float = NDArray[np.float32]

SMALL = """cnndsl 1
net Small
input image 3@16x16
stem: conv 3x3 8 p1 bn relu
part: residual:
    conv 3x3 8 p1 relu
last: conv 1x1 4 relu -> dropout 0.2
logits: gap -> fc 5
head aux train:
    gap -> fc 5 from stem
loss cross_entropy(logits) + 0.3*cross_entropy(aux)
"""


def reads_back(network: Network) -> None:
    text = flat(network)
    assert load(Source("flat.cnn", text))[0] == network, text


def answers(network: Network, weights: Weights, inputs: Float) -> list[Float]:
    """The outputs in their order."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        emit(lower(network), path, weights=weights, metadata={})
        return list(run(path, inputs, threads=1).outputs.values())


def noise(*shape: int) -> Float:
    return np.random.default_rng(0).random(shape, np.float32)
