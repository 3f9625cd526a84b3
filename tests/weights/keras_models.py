"""Small Keras models, and files of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np


def saved(model: Any, folder: Path, suffix: str) -> Path:
    path = folder / f"model{suffix}"
    (model.save_weights if suffix == ".weights.h5" else model.save)(path)
    return path


def graph(keras: Any, shape: tuple[int, ...], layers: list[Any], form: str) -> Any:
    """The layers as a chain, as a graph of calls, or as a model in one."""
    if form == "chain":
        return keras.Sequential([keras.Input(shape), *layers])
    if form == "inner":
        return keras.Sequential([keras.Input(shape), keras.Sequential(layers)])
    x = start = keras.Input(shape)
    for layer in layers:
        x = layer(x)
    return keras.Model(start, x)


def randomise(model: Any) -> None:
    """Random statistics, factors and offsets, so that none of them may be mistaken for another."""
    random = np.random.default_rng(0)
    for variable in model.weights:
        name, shape = variable.path.rpartition("/")[2], tuple(variable.shape)
        if name in ("gamma", "moving_variance"):
            variable.assign(random.uniform(0.5, 1.5, shape))
        elif name in ("bias", "beta", "moving_mean"):
            variable.assign(random.uniform(-0.1, 0.1, shape))
