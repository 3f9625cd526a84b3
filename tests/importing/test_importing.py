"""Models become specs that compute the same."""

from pathlib import Path

import numpy as np
import pytest

import cnndsl
from cnndsl.importing import Imported, import_model
from cnndsl.runtime import open_model
from cnndsl.weights.save import write_tensors
from tests.support.data import real_data

REAL = (
    "cntk_mnist.onnx",
    "mobilenet_v1_0.25_128.onnx",
    "mobilenet_v2_1.0_224.onnx",
    "squeezenet1_0.onnx",
    "squeezenet1_1_fp16.onnx",
    "style_candy.onnx",
)
SMALL = ("fashion_cnn", "lenet5", "resnet20", "mobilenet_v2", "googlenet_tv", "autoencoder")


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


@pytest.mark.parametrize("name", SMALL)
def test_a_net_of_the_zoo_comes_back(name: str, tmp_path: Path) -> None:
    model = tmp_path / f"{name}.onnx"
    cnndsl.compile(name, model)
    assert_same(model, compiled(import_model(model), tmp_path))


@pytest.mark.data
@pytest.mark.parametrize("name", REAL)
def test_a_real_model_comes_back(name: str, tmp_path: Path) -> None:
    model = real_data("weights", name)
    imported = import_model(model)
    half = "fp16" in name  # ONNX Runtime computes it in halves, the spec doesn't
    assert_same(model, compiled(imported, tmp_path), 1e-2 if half else 1e-5)
