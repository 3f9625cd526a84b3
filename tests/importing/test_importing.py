"""Models become specs that compute the same."""

from pathlib import Path

import pytest

import cnndsl
from cnndsl.importing import import_model
from cnndsl.preprocessing import Preprocessing
from tests.support import peers
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
    assert len(imported.text.splitlines()) < 60
    half = "fp16" in name  # ONNX Runtime computes it in halves, the spec doesn't
    assert_same(model, compiled(imported, tmp_path), 1e-2 if half else 1e-5)


@pytest.mark.parametrize(
    ("name", "lines"),
    [("vgg16", 9), ("resnet50", 11), ("mobilenet_v2", 15), ("googlenet_tv", 29)],
)
def test_specs_are_short(name: str, lines: int, tmp_path: Path) -> None:
    model = tmp_path / f"{name}.onnx"
    cnndsl.compile(name, model, init="zeros", external=True)
    assert len(import_model(model).text.splitlines()) <= lines


@pytest.mark.filterwarnings("ignore")
@pytest.mark.torch
@pytest.mark.parametrize("name", ["shufflenet_v2_x0_5", "mobilenet_v3_small", "inception_v3"])
def test_a_net_of_torchvision_comes_over(name: str, tmp_path: Path) -> None:
    torch, size = peers.torch(), 299 if name == "inception_v3" else 64
    torch.manual_seed(0)
    net = peers.torchvision().models.get_model(name, weights=None).eval()
    model = tmp_path / f"{name}.onnx"
    torch.onnx.export(net, (torch.randn(1, 3, size, size),), model, dynamo=False)
    imported = import_model(model)
    assert len(imported.text.splitlines()) < 60
    assert_same(model, compiled(imported, tmp_path))


@pytest.mark.data
def test_pictures_and_classes_come_from_the_metadata(tmp_path: Path) -> None:
    assert import_model(real_data("weights", "cntk_mnist.onnx")).preprocessing == Preprocessing(1.0)
    model = tmp_path / "net.onnx"
    how = Preprocessing(scale=1.0, mean=(104.0, 117.0, 123.0), order="BGR")
    cnndsl.compile("lenet5", model, labels=list("abcdefghij"), preprocessing=how)
    imported = import_model(model)
    assert imported.preprocessing == how
    assert imported.labels == tuple("abcdefghij")


def test_a_net_of_any_size_stays_one(tmp_path: Path) -> None:
    model = tmp_path / "unet.onnx"
    cnndsl.compile("unet_same", model, init="zeros")
    imported = import_model(model)
    assert "input image 1@HxW" in imported.text
    assert "concat e1\n" in imported.text
    assert not imported.notes
