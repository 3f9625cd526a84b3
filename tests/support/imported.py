"""Compiling what was imported, and comparing it with the model."""

from pathlib import Path

import numpy as np

import cnndsl
from cnndsl.importing import Imported
from cnndsl.runtime import open_model
from cnndsl.weights.save import write_tensors


def compiled(imported: Imported, folder: Path) -> Path:
    """The model that the spec and its weights make."""
    weights, spec, model = (folder / f"again.{s}" for s in ("safetensors", "cnn", "onnx"))
    spec.write_text(imported.text, encoding="utf-8")
    write_tensors(weights, imported.values)
    cnndsl.compile(spec, model, weights=weights)
    return model


def outputs(model: Path, seed: int = 0) -> list[np.ndarray]:
    """What a model makes of random numbers."""
    opened = open_model(model, threads=1)
    random = np.random.default_rng(seed)
    feeds = {
        port.name: random.random([n if isinstance(n, int) else 1 for n in port.dims]).astype(
            port.type
        )
        for port in opened.inputs
    }
    return list(opened(feeds, opened.outputs).values())


def assert_same(first: Path, second: Path, tolerance: float = 1e-5) -> None:
    """Equal outputs, relative to the largest value."""
    for a, b in zip(outputs(first), outputs(second), strict=True):
        assert a.shape == b.shape
        assert np.abs(a.astype(np.float32) - b).max() <= tolerance * np.abs(a).max()
