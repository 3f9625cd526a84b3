"""Models become specs that compute the same."""

from pathlib import Path

import pytest

import cnndsl
from cnndsl.importing import import_model
from tests.support.data import real_data
from tests.support.imported import assert_same, compiled

REAL = (
    "cntk_mnist.onnx",
    "mobilenet_v1_0.25_128.onnx",
    "mobilenet_v2_1.0_224.onnx",
    "squeezenet1_0.onnx",
    "squeezenet1_1_fp16.onnx",
    "style_candy.onnx",
)
SMALL = ("fashion_cnn", "lenet5", "resnet20", "mobilenet_v2", "googlenet_tv", "autoencoder")


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
