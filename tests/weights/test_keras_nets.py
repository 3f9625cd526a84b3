"""Nets that Keras saved compute the same here: keras.applications, and every kind of layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnndsl import parse
from cnndsl.diagnostics import UsageError
from cnndsl.network import Network
from cnndsl.shape import Shape
from cnndsl.specs import load
from cnndsl.weights.mapping import Mapping, fit
from cnndsl.weights.opening import open_tensors
from tests.support import peers
from tests.support.data import real_data
from tests.support.run_layer import run_network
from tests.weights.keras_models import graph, randomise, saved

CLASSES = 10
NETS: dict[str, tuple[str, dict[str, Any], int, str]] = {
    "VGG16": ("vgg16", {}, 64, ".weights.h5"),
    "ResNet50": ("resnet50", {"first": 1}, 64, ".h5"),
    "InceptionV3": ("inception_v3", {"tf": 1}, 299, ".keras"),
    "MobileNetV2": ("mobilenet_v2", {"tf": 1}, 96, ".h5"),
    "MobileNet": ("mobilenet_v1", {"tf": 1, "act": "relu6"}, 64, ".keras"),
}
"""In Keras, here, with these settings, on pictures of that size; kept in a file of that kind."""


def agree(model: Any, network: Network, path: Path) -> Mapping:
    """The same weights, the same input, the same output within a relative tolerance of 1e-4."""
    (entry,) = network.inputs
    size = (1, *entry.shape.sizes, entry.shape.channels)
    x = np.random.default_rng(1).standard_normal(size).astype(np.float32)
    expected = np.asarray(model(x, training=False).detach())
    mapping = fit(network, open_tensors(path))
    mapping.check()
    (result,) = run_network(network, {entry.name: np.moveaxis(x, -1, 1)}, mapping.arrays())
    error = np.abs(result - expected).max() / np.abs(expected).max()
    assert error < 1e-4, f"relative error {error:.2e}"
    assert expected.std() > 1e-3  # signals are alive
    return mapping


@pytest.mark.torch
@pytest.mark.slow
@pytest.mark.parametrize("name", NETS)
def test_nets_of_keras_applications(tmp_path: Path, name: str) -> None:
    spec, settings, size, suffix = NETS[name]
    build = getattr(peers.keras().applications, name)
    shape, classes = (size, size, 3), {"classes": CLASSES, "classifier_activation": None}
    model = build(weights=None, input_shape=shape, **classes)
    randomise(model)
    (entry,) = load(spec)[0].inputs
    shapes = {entry.name: Shape(3, (size, size))}
    network = load(spec, {"classes": CLASSES, **settings}, shapes)[0]
    agree(model, network, saved(model, tmp_path, suffix))


SPEC = """cnndsl 1
net Kinds
input image 3@12x14
conv 3x3 8 same bn relu
dwconv 3x3 s2 same bn
dwconv 3x3 same nobias -> conv 1x1 10 relu
conv 3x3 12 same g2 -> conv 1x1 6 bn
deconv 3x3 4 s2
fc 60 relu -> reshape 5@3x4 -> deconv 2x2 3 s2 -> flatten -> bn
fc 7
"""


def kinds(keras: Any) -> Any:
    """The same in Keras: norms that lack a part, a model in the model, vectors that are maps."""
    layers = keras.layers
    inner = keras.Sequential([layers.Conv2D(6, 1), layers.BatchNormalization(epsilon=0.1)])
    return keras.Sequential(
        [
            keras.Input((12, 14, 3)),
            layers.Conv2D(8, 3, padding="same"),
            layers.BatchNormalization(scale=False),
            layers.ReLU(),
            layers.DepthwiseConv2D(3, strides=2, padding="same"),
            layers.BatchNormalization(center=False, epsilon=0.01),
            layers.SeparableConv2D(10, 3, padding="same", activation="relu"),
            layers.Conv2D(12, 3, padding="same", groups=2),
            inner,
            layers.Conv2DTranspose(4, 3, strides=2),
            layers.Flatten(),
            layers.Dense(60, activation="relu"),
            layers.Reshape((3, 4, 5)),
            layers.Conv2DTranspose(3, 2, strides=2),
            layers.Flatten(),
            layers.BatchNormalization(),
            layers.Dense(7),
        ]
    )


@pytest.mark.torch
@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_every_kind_of_layer(tmp_path: Path, suffix: str) -> None:
    model = kinds(peers.keras())
    randomise(model)
    agree(model, parse(SPEC), saved(model, tmp_path, suffix))


PARTS = [{"center": False}, {"scale": False}, {"center": False, "scale": False}, {}]


@pytest.mark.torch
@pytest.mark.parametrize("suffix", [".weights.h5", ".h5", ".keras"])
@pytest.mark.parametrize("parts", PARTS)
@pytest.mark.parametrize("norm", ["BatchNormalization", "LayerNormalization"])
def test_norms_without_scale_or_centre(
    tmp_path: Path, norm: str, parts: dict[str, bool], suffix: str
) -> None:
    keras = peers.keras()
    layers = keras.layers
    middle = getattr(layers, norm)(**parts)
    model = keras.Sequential([keras.Input((4,)), layers.Dense(8), middle, layers.Dense(3)])
    randomise(model)
    word = "bn" if norm == "BatchNormalization" else "ln"
    network = parse(f"cnndsl 1\ninput x @4\nfc 8 bias -> {word} eps=1e-3\nfc 3\n")
    path = saved(model, tmp_path, suffix)
    if len(parts) == 1 and suffix == ".weights.h5":
        with pytest.raises(UsageError, match="weights alone don't say which"):
            fit(network, open_tensors(path)).check()
    elif len(parts) == 2 and word == "ln":
        assert fit(network, open_tensors(path)).lacking  # nothing of the norm is in the file
    else:
        agree(model, network, path)


TURNED: dict[str, Any] = {
    "channels first": lambda k: [k.Permute((3, 1, 2)), k.Flatten()],
    "width first": lambda k: [k.Permute((2, 1, 3)), k.ReLU(), k.Flatten()],
    "channels between": lambda k: [k.Permute((1, 3, 2)), k.Reshape((-1,))],
    "twice": lambda k: [k.Permute((3, 1, 2)), k.Dropout(0.5), k.Permute((2, 1, 3)), k.Flatten()],
    "reshaped before": lambda k: [k.Reshape((30, 5)), k.Permute((2, 1)), k.Flatten()],
    "reshaped alone": lambda k: [k.Reshape((10, 15)), k.Flatten()],
    "reshaped behind": lambda k: [k.Permute((3, 1, 2)), k.Reshape((10, 15)), k.Flatten()],
}
DECODED: dict[str, Any] = {
    "usual": lambda k: [k.Reshape((3, 4, 5))],
    "channels first": lambda k: [k.Reshape((5, 3, 4)), k.Permute((2, 3, 1))],
    "width first": lambda k: [k.Reshape((4, 3, 5)), k.ReLU(), k.Permute((2, 1, 3))],
}


@pytest.mark.torch
@pytest.mark.parametrize("form", ["chain", "calls", "inner"])
@pytest.mark.parametrize("name", TURNED)
def test_maps_that_are_permuted_before_they_are_flattened(
    tmp_path: Path, name: str, form: str
) -> None:
    keras = peers.keras()
    k = keras.layers
    turned = TURNED[name](k)
    relu = any(isinstance(layer, k.ReLU) for layer in turned)
    model = graph(keras, (7, 8, 3), [k.Conv2D(5, 3), *turned, k.Dense(4)], form)
    randomise(model)
    path = saved(model, tmp_path, ".keras" if form != "calls" else ".h5")
    for flatten in ("", " -> flatten"):
        spec = f"cnndsl 1\ninput x 3@7x8\nconv 3x3 5{' relu' * relu}{flatten}\nfc 4\n"
        agree(model, parse(spec), path)


@pytest.mark.torch
@pytest.mark.parametrize("name", DECODED)
def test_vectors_that_become_permuted_maps(tmp_path: Path, name: str) -> None:
    keras = peers.keras()
    k = keras.layers
    shaped = DECODED[name](k)
    relu = any(isinstance(layer, k.ReLU) for layer in shaped)
    model = graph(keras, (6,), [k.Dense(60), *shaped, k.Conv2DTranspose(3, 2)], "chain")
    randomise(model)
    spec = f"cnndsl 1\ninput x @6\nfc 60{' relu' * relu} -> reshape 5@3x4\ndeconv 2x2 3\n"
    network, x = parse(spec), np.random.default_rng(1).standard_normal((1, 6)).astype(np.float32)
    mapping = fit(network, open_tensors(saved(model, tmp_path, ".keras")))
    (result,) = run_network(network, {"x": x}, mapping.arrays())
    expected = np.moveaxis(np.asarray(model(x).detach()), -1, 1)
    np.testing.assert_allclose(result, expected, atol=1e-5)


@pytest.mark.torch
def test_permutations_that_differ_are_refused(tmp_path: Path) -> None:
    keras = peers.keras()
    k = keras.layers
    layers = [k.Permute((2, 1, 3)), k.Conv2D(5, 3), k.Flatten(), k.Dense(4)]
    path = saved(graph(keras, (8, 8, 3), layers, "chain"), tmp_path, ".keras")
    mapping = fit(parse("cnndsl 1\ninput x 3@8x8\nconv 3x3 5\nfc 4\n"), open_tensors(path))
    with pytest.raises(UsageError, match="permutes axes"):
        mapping.check()


@pytest.mark.torch
def test_pictures_with_channels_first_are_turned_at_the_input(tmp_path: Path) -> None:
    keras = peers.keras()
    k = keras.layers
    layers = [k.Permute((2, 3, 1)), k.Conv2D(5, 3), k.Flatten(), k.Dense(4)]
    path = saved(graph(keras, (3, 8, 8), layers, "chain"), tmp_path, ".keras")
    mapping = fit(parse("cnndsl 1\ninput x 3@8x8\nconv 3x3 5\nfc 4\n"), open_tensors(path))
    assert not mapping.lacking
    assert not any("permutes axes" in note for note in mapping.notes)


@pytest.mark.data
def test_a_real_net_scores_as_it_should() -> None:
    mapping = fit(
        load("resnet8")[0], open_tensors(real_data("weights", "keras_resnet8_cifar10.h5"))
    )
    mapping.check()
    assert not list(mapping.of("unused"))
    with np.load(real_data("cifar10", "cifar10_lossless_train4000.npz")) as data:
        images, labels = data["x"], data["y"]
    x = np.moveaxis(images, -1, 1).astype(np.float32)
    (result,) = run_network(load("resnet8")[0], {"image": x}, mapping.arrays())
    assert (result.argmax(1) == labels).mean() == pytest.approx(0.930, abs=5e-4)


@pytest.mark.torch
@pytest.mark.parametrize("suffix", [".weights.h5", ".h5", ".keras"])
def test_slopes_by_channel(tmp_path: Path, suffix: str) -> None:
    keras = peers.keras()
    k = keras.layers
    layers = [
        *(k.Conv2D(5, 3), k.PReLU(shared_axes=(1, 2)), k.Conv2D(5, 1), k.BatchNormalization()),
        *(k.PReLU(shared_axes=(1, 2)), k.Conv2D(4, 1)),
    ]
    model = graph(keras, (8, 8, 3), layers, "chain")
    randomise(model)
    random = np.random.default_rng(0)
    for variable in model.weights:
        if variable.path.endswith("alpha"):
            variable.assign(random.uniform(0.1, 0.9, tuple(variable.shape)))
    lines = "conv 3x3 5 prelu\nconv 1x1 5 bias -> bn eps=1e-3 -> prelu\nconv 1x1 4"
    network = parse(f"cnndsl 1\ninput x 3@8x8\n{lines}\n")
    path = saved(model, tmp_path, suffix)
    (x,) = [random.standard_normal((1, 8, 8, 3)).astype(np.float32)]
    mapping = fit(network, open_tensors(path))
    mapping.check()
    (result,) = run_network(network, {"x": np.moveaxis(x, -1, 1)}, mapping.arrays())
    expected = np.moveaxis(np.asarray(model(x, training=False).detach()), -1, 1)
    np.testing.assert_allclose(result, expected, atol=1e-5)
