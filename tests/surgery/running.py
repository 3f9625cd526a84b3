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
