"""Where no order is known, shapes may leave one way alone; and what is said where they don't."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cnndsl.weights.mapping import fit
from cnndsl.weights.opening import open_tensors
from tests.support import peers
from tests.support.run_layer import run_network
from tests.weights.keras_models import randomise, saved
from tests.weights.mapped import Arrays, in_memory, net, values

LINES = """conv 3x3 4 p1 bias -> bn relu
conv 1x1 5 p1 -> gn 1 -> scale nobias
conv 3x3 6 bias -> bn
fc 7 relu
fc 8"""


def shuffled(arrays: Arrays, seed: int) -> Arrays:
    """The same layers under names that say nothing, in any order."""
    random = np.random.default_rng(seed)
    layers = list(dict.fromkeys(name.rpartition(".")[0] for name in arrays))
    words = {layer: f"layer_{word}" for layer, word in zip(layers, "cbdaefhgi", strict=True)}
    return {
        f"{words[layer]}.{role}": arrays[f"{layer}.{role}"]
        for layer in random.permutation(layers)
        for role in ("weight", "bias", "running_mean", "running_var")
        if f"{layer}.{role}" in arrays
    }


@pytest.mark.parametrize("file_format", ["PyTorch", "safetensors", "NumPy"])
@pytest.mark.parametrize("seed", range(5))
def test_distinct_shapes_are_enough(file_format: str, seed: int) -> None:
    network = net(LINES)
    arrays = values(network)
    theirs = shuffled(arrays, seed)
    if file_format == "safetensors":
        theirs = {name: theirs[name] for name in sorted(theirs)}
    mapping = fit(network, in_memory(theirs, file_format))  # type: ignore[arg-type]
    mapping.check()
    found = mapping.arrays()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


@pytest.mark.parametrize("seed", range(3))
def test_layers_of_one_shape_are_not(seed: int) -> None:
    network = net(LINES.replace("fc 8", "fc 7\nfc 7\nfc 8").replace("gn 1 -> scale nobias", "relu"))
    arrays = shuffled(values(network), seed)
    middle = [name for name in arrays if arrays[name].shape == (7, 7)]
    assert len(middle) == 2
    assert fit(network, in_memory(arrays, "PyTorch")).lacking


def test_what_is_missing_is_named_where_shapes_are_equal() -> None:
    network = net("conv 3x3 4 relu\nconv 1x1 5\nfc 6")
    arrays = values(network)
    theirs = {
        name.replace("conv", "c").replace("fc", "f"): array
        for name, array in arrays.items()
        if name != "conv2.bias"
    }
    mapping = fit(network, in_memory(theirs))
    assert mapping.obstacle.endswith(
        "the 2nd are `conv2`, 5 x 4 x 1 x 1, and `c2`, 5 x 4 x 1 x 1, which has no bias"
    )


@pytest.mark.torch
@pytest.mark.parametrize("twins", [False, True])
def test_a_decoder_of_keras(tmp_path: Path, twins: bool) -> None:
    """Weights alone list dense layers behind convolutions; those of one kind keep their order."""
    keras = peers.keras()
    k = keras.layers
    more = [k.Conv2DTranspose(6, 3, padding="same", activation="relu") for _ in range(2 * twins)]
    model = keras.Sequential(
        [
            keras.Input((2,)),
            k.Dense(96, activation="relu"),
            k.Reshape((4, 4, 6)),
            k.Conv2DTranspose(6, 3, strides=2, padding="same", activation="relu"),
            *more,
            k.BatchNormalization(),
            k.Conv2DTranspose(3, 3, strides=2, padding="same", activation="relu"),
            k.BatchNormalization(),
            k.Conv2DTranspose(1, 3, padding="same", activation="sigmoid"),
        ]
    )
    randomise(model)
    lines = ["fc 96 relu", "reshape 6@4x4", "deconv 3x3 6 s2 same relu"]
    lines += ["deconv 3x3 6 same relu"] * 2 * twins
    lines += ["bn eps=1e-3", "deconv 3x3 3 s2 same relu", "bn eps=1e-3"]
    network = net("\n".join([*lines, "deconv 3x3 1 same sigmoid"]), "@2")
    mapping = fit(network, open_tensors(saved(model, tmp_path, ".weights.h5")))
    mapping.check()
    x = np.random.default_rng(1).standard_normal((2, 2)).astype(np.float32)
    (result,) = run_network(network, {"x": x}, mapping.arrays())
    expected = np.moveaxis(np.asarray(model(x, training=False).detach()), -1, 1)
    np.testing.assert_allclose(result, expected, atol=1e-5)
