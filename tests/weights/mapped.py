"""Small nets with random values, and files of weights that hold them under other names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cnndsl import parse
from cnndsl.network import Network
from cnndsl.weights.tensors import FileFormat, Tensor, TensorFile
from tests.support.run_layer import run_network

Arrays = dict[str, np.ndarray[Any, Any]]


def net(lines: str, shape: str = "3@8x8") -> Network:
    """A network of lines."""
    return parse(f"cnndsl 1\nnet Small\ninput x {shape}\n{lines}\n")


def values(network: Network, seed: int = 0) -> Arrays:
    """Random values for every parameter; none of them may be taken for another."""
    random = np.random.default_rng(seed)
    found: Arrays = {}
    for step in (step for step in network.steps if step.shares is None):
        for parameter in step.layer.parameters(*network.input_shapes(step)):
            low, high = (0.5, 1.5) if parameter.initial else (-0.5, 0.5)
            array = random.uniform(low, high, parameter.shape).astype(np.float32)
            found[f"{step.name}.{parameter.name}"] = array
    return found


def in_memory(
    arrays: Mapping[str, np.ndarray[Any, Any]], file_format: FileFormat = "NumPy", **said: Any
) -> TensorFile:
    """Arrays as an open file holds them."""
    tensors = {
        name: Tensor(name, array.shape, str(array.dtype), lambda a=array: a)
        for name, array in arrays.items()
    }
    return TensorFile(Path("small"), file_format, tensors, **said)


def output(network: Network, arrays: Arrays) -> np.ndarray[Any, Any]:
    """What a net answers to the same random input."""
    (entry,) = network.inputs
    shape = (2, entry.shape.channels, *entry.shape.sizes)
    x = np.random.default_rng(9).standard_normal(shape).astype(np.float32)
    (result,) = run_network(network, {entry.name: x}, arrays)
    return result
