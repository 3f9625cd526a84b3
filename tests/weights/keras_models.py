"""Small Keras models, and files of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any


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
