"""Keras models that scale their pictures themselves: it becomes preprocessing, or a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnndsl import parse
from cnndsl.preprocessing import Preprocessing
from cnndsl.weights.mapping import fit
from cnndsl.weights.opening import open_tensors
from tests.support import peers
from tests.support.run_layer import run_network
from tests.weights.keras_models import graph, saved

SPEC = "cnndsl 1\ninput x 3@8x8\nconv 3x3 6\nfc 4\n"
MEAN, VARIANCE = [0.4, 0.5, 0.6], [0.04, 0.05, 0.06]


def adapted(keras: Any) -> Any:
    layer = keras.layers.Normalization()
    layer.adapt(np.random.default_rng(3).uniform(0, 1, (4, 8, 8, 3)).astype(np.float32))
    return layer


HEADS: dict[str, Any] = {
    "a mean": lambda k, _: [k.Rescaling(1 / 255), k.Normalization(mean=MEAN, variance=VARIANCE)],
    "twice": lambda k, _: [k.Rescaling(1 / 255), k.Rescaling(2.0, -1.0)],
    "one": lambda k, _: [k.Rescaling(1 / 127.5, offset=-1)],
    "negative": lambda k, _: [k.Rescaling(-1 / 255, offset=1)],
    "lists": lambda k, _: [
        k.Rescaling(1 / 255), k.Rescaling([2.0, 3.0, 4.0], offset=[0.1, 0.2, 0.3])
    ],
    "mean alone": lambda k, _: [k.Normalization(mean=[120, 110, 100], variance=[60**2] * 3)],
    "one mean": lambda k, _: [k.Normalization(axis=None, mean=127.5, variance=127.5**2)],
    "inverted": lambda k, _: [k.Rescaling(1 / 255),
                              k.Normalization(mean=MEAN, variance=VARIANCE, invert=True)],
    "behind others": lambda k, _: [
        k.Resizing(8, 8), k.RandomFlip(), k.GaussianNoise(0.1), k.Rescaling(1 / 255),
        k.RandomRotation(0.1), k.Normalization(mean=MEAN, variance=VARIANCE),
    ],
    "nested": lambda k, keras: [
        keras.Sequential([k.RandomFlip(), keras.Sequential([k.Rescaling(1 / 255)])]),
        k.Normalization(mean=MEAN, variance=VARIANCE),
    ],
    "adapted": lambda k, keras: [k.Rescaling(1 / 255), adapted(keras)],
}  # fmt: skip


@pytest.mark.torch
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("form", ["chain", "calls"])
@pytest.mark.parametrize("name", HEADS)
def test_scaling_becomes_preprocessing(tmp_path: Path, name: str, form: str, suffix: str) -> None:
    keras = peers.keras()
    k = keras.layers
    layers = [*HEADS[name](k, keras), k.Conv2D(6, 3), k.Flatten(), k.Dense(4)]
    model = graph(keras, (8, 8, 3), layers, form)
    file = open_tensors(saved(model, tmp_path, suffix))
    assert file.preprocessing is not None
    assert not file.notes
    mapping = fit(parse(SPEC), file)
    mapping.check()
    assert not list(mapping.of("unused"))
    pixels = np.random.default_rng(1).integers(0, 256, (2, 8, 8, 3)).astype(np.float32)
    expected = np.asarray(model(pixels, training=False).detach())
    how = file.preprocessing
    x = (pixels / how.scale - np.array(how.mean)) / np.array(how.std)
    feed = np.moveaxis(x, -1, 1).astype(np.float32)
    (result,) = run_network(parse(SPEC), {"x": feed}, mapping.arrays())
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


@pytest.mark.torch
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("twice", Preprocessing(scale=127.5, mean=(1.0,))),
        ("one", Preprocessing(scale=127.5, mean=(1.0,))),
        ("one mean", Preprocessing(scale=127.5, mean=(1.0,))),
    ],
)
def test_it_is_written_as_usual(tmp_path: Path, name: str, expected: Preprocessing) -> None:
    keras = peers.keras()
    k = keras.layers
    model = graph(keras, (8, 8, 3), [*HEADS[name](k, keras), k.Conv2D(6, 3)], "chain")
    assert open_tensors(saved(model, tmp_path, ".keras")).preprocessing == expected


SPOILT: dict[str, Any] = {
    "inside": lambda k: [k.Conv2D(6, 3), k.Rescaling(2.0)],
    "behind zeros": lambda k: [k.ZeroPadding2D(), k.Rescaling(1 / 255, -1), k.Conv2D(6, 3)],
    "a mean a row": lambda k: [k.Normalization(axis=1, mean=[1.0] * 8, variance=[1.0] * 8)],
    "by nothing": lambda k: [k.Rescaling(0.0)],
}


@pytest.mark.torch
@pytest.mark.parametrize("name", SPOILT)
def test_what_is_no_preprocessing_is_said(tmp_path: Path, name: str) -> None:
    keras = peers.keras()
    k = keras.layers
    model = graph(keras, (8, 8, 3), [*SPOILT[name](k), k.Flatten(), k.Dense(4)], "chain")
    file = open_tensors(saved(model, tmp_path, ".keras"))
    assert file.preprocessing is None
    assert any("the answers will differ" in note for note in file.notes)


@pytest.mark.torch
def test_pixels_that_go_two_ways_are_said(tmp_path: Path) -> None:
    keras = peers.keras()
    k = keras.layers
    x = keras.Input((8, 8, 3))
    model = keras.Model(x, k.Add()([k.Rescaling(1 / 255)(x), x]))
    file = open_tensors(saved(model, tmp_path, ".keras"))
    assert file.preprocessing is None
    assert any("the answers will differ" in note for note in file.notes)


@pytest.mark.torch
def test_weights_alone_dont_say_what_stands_before_a_mean(tmp_path: Path) -> None:
    keras = peers.keras()
    k = keras.layers
    model = graph(keras, (8, 8, 3), [adapted(keras), k.Conv2D(6, 3)], "chain")
    file = open_tensors(saved(model, tmp_path, ".weights.h5"))
    assert [name.rpartition("/")[2] for name in file.tensors] == ["kernel", "bias"]
    assert any("prepares the input" in note for note in file.notes)
