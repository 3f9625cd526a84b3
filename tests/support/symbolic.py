"""Run a layer whose graph was made for symbolic sizes."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnndsl.layers.base import Layer
from cnndsl.shape import Shape, Symbolic
from tests.support.run_layer import one_layer, run_network

NAMES = ("D", "H", "W")


def run_symbolic(layer: Layer, *arrays: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The output for arrays of one space, in a graph where each axis of it has a name alone."""
    names = NAMES[-(arrays[0].ndim - 2) :]
    space = tuple(map(Symbolic, names))
    network = one_layer(layer, *(Shape(a.shape[1], space) for a in arrays))
    result = run_network(network, {f"x{i}": a for i, a in enumerate(arrays)}, {})[0]
    sizes = dict(zip(names, arrays[0].shape[2:], strict=True))
    promised = network.shapes["layer"]
    expected = [n if isinstance(n, int) else n.at(sizes[n.name]) for n in promised.space]
    assert result.shape[1:] == (promised.channels, *expected)
    return result
