"""Keras' layouts turned to ours, by the definition of each layer."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from cnndsl import parse
from cnndsl.layers import LAYERS, Layer
from cnndsl.layers.base import Parameter
from cnndsl.shape import Shape
from cnndsl.weights.mapping.adapting import left_out, mean_without_bias, variance_for_epsilon
from cnndsl.weights.mapping.layouts import LayoutError, fits, keras_orders, to_ours

Array = np.ndarray[Any, Any]
random = np.random.default_rng(0)


def layer(word: str, **fields: Any) -> Layer:
    return LAYERS[word](**fields)


def weight(which: Layer, x: Shape) -> Parameter:
    return which.parameters(x)[0]


MAP = Shape(4, (5, 6))
CONV, DEPTHWISE = partial(layer, "conv"), layer("dwconv", kernel=(3,))
TURNS: list[tuple[Layer, Shape, tuple[int, ...], str]] = [
    (CONV(kernel=(3, 2), filters=7), MAP, (3, 2, 4, 7), "hwio->oihw"),
    (CONV(kernel=(3,), filters=7), Shape(4, (9,)), (3, 4, 7), "hio->oih"),
    (CONV(kernel=(1, 2, 3), filters=7), Shape(4, (9, 9, 9)), (1, 2, 3, 4, 7), "dhwio->oidhw"),
    (CONV(kernel=(3,), filters=6, groups=2), MAP, (3, 3, 2, 6), "hwio->oihw"),
    (CONV(kernel=(3,), filters=8, groups=4), MAP, (3, 3, 1, 8), "hwio->oihw"),
    (DEPTHWISE, MAP, (3, 3, 4, 1), "hwio->iohw"),
    (DEPTHWISE, Shape(1, (9,)), (3, 1, 1), "hio->ioh"),
    (layer("deconv", kernel=(3, 2), filters=7), MAP, (3, 2, 7, 4), "hwoi->iohw"),
    (layer("fc", units=7), Shape(4), (4, 7), "io->oi"),
    (layer("fc", units=7), Shape(4, (1, 1)), (1, 1, 4, 7), "hwio->ohwi"),
    (CONV(kernel=(1,), filters=7), Shape(4, (1, 1)), (4, 7), "io->oi"),
    (layer("ln", all=True), MAP, (5, 6, 4), "hwc->chw"),
    (layer("prelu"), MAP, (1, 1, 4), "hwc->chw"),
]
"""A layer, its input, the shape in Keras, and how the axes go; axes of one come and go."""


@pytest.mark.parametrize(("which", "x", "shape", "axes"), TURNS)
def test_each_layers_values_find_their_places(
    which: Layer, x: Shape, shape: tuple[int, ...], axes: str
) -> None:
    theirs, parameter = random.standard_normal(shape), weight(which, x)
    ours = to_ours(theirs, "Keras", which, (x,), parameter)
    assert ours.shape == parameter.shape
    np.testing.assert_array_equal(ours, np.einsum(axes, theirs).reshape(parameter.shape))
    assert fits(shape, "Keras", which, (x,), parameter)


def test_several_filters_a_channel_stand_side_by_side() -> None:
    which, kernel = CONV(kernel=(3,), filters=8, groups=4), random.standard_normal((3, 3, 4, 2))
    ours = to_ours(kernel, "Keras", which, (MAP,), weight(which, MAP))
    for channel in range(4):
        for filter in range(2):
            np.testing.assert_array_equal(
                ours[2 * channel + filter, 0], kernel[..., channel, filter]
            )


@pytest.mark.parametrize("which", [layer("fc", units=7), layer("conv", kernel=(5, 6), filters=7)])
@pytest.mark.parametrize("shape", [(120, 7), (5, 6, 4, 7)])
def test_a_dense_kernel_weighs_the_same_values_of_a_map(
    which: Layer, shape: tuple[int, ...]
) -> None:
    kernel, x = random.standard_normal(shape), random.standard_normal(tuple(MAP))
    ours = to_ours(kernel, "Keras", which, (MAP,), weight(which, MAP))
    flattened = np.moveaxis(x, 0, -1).ravel()
    np.testing.assert_allclose(ours.reshape(7, -1) @ x.ravel(), flattened @ kernel.reshape(-1, 7))


@pytest.mark.parametrize(
    ("which", "x", "shape"),
    [
        (layer("conv", kernel=(3,), filters=7), MAP, (7, 4, 3, 3)),
        (layer("conv", kernel=(3,), filters=7), MAP, (3, 3, 4, 8)),
        (layer("conv", kernel=(3,), filters=7), MAP, (252,)),
        (layer("conv", kernel=(3,), filters=7), MAP, (1 << 60, 1 << 60)),
        (layer("fc", units=7), MAP, (7, 120)),
        (layer("fc", units=7), Shape(120), (840,)),
        (layer("conv", kernel=(3,), filters=7), MAP, (84, 3)),
        (layer("bn"), MAP, (2, 2)),
    ],
)
def test_what_cannot_be_meant_is_refused(which: Layer, x: Shape, shape: tuple[int, ...]) -> None:
    parameter = weight(which, x)
    assert not fits(shape, "Keras", which, (x,), parameter)
    if np.prod(shape, dtype=float) < 1e6:
        with pytest.raises(LayoutError):
            to_ours(np.zeros(shape), "Keras", which, (x,), parameter)


def test_other_formats_have_our_layouts() -> None:
    which, kernel = layer("fc", units=7), random.standard_normal((7, 4, 5, 6))
    ours = to_ours(kernel, "PyTorch", which, (MAP,), weight(which, MAP))
    np.testing.assert_array_equal(ours, kernel.reshape(7, 120))
    assert not fits((120, 7), "PyTorch", which, (MAP,), weight(which, MAP))


def test_vectors_that_were_or_become_maps_are_in_keras_order() -> None:
    network = parse(
        "cnndsl 1\nnet Orders\ninput image 2@3x4\n"
        "flat: flatten\nnorm: bn -> dropout\nwide: fc 30 relu\nmap: reshape 5@2x3\n"
        "side: fc 4 from image\n"
        "both: concat flat\n"
        "logits: fc 3 from both\noutput map logits\n"
    )
    orders = keras_orders(network)
    flat, shaped = (
        np.moveaxis(np.arange(np.prod(s)).reshape(s), -1, 0).ravel() for s in ((3, 4, 2), (2, 3, 5))
    )
    assert set(orders) >= {"flat", "norm", "wide", "both"}
    assert {"side", "logits", "map"}.isdisjoint(orders)
    for name, order in (("flat", flat), ("norm", flat), ("wide", shaped)):
        np.testing.assert_array_equal(orders[name], order)
    np.testing.assert_array_equal(orders["both"], [0, 1, 2, 3, *(4 + flat)])
    step = network.by_name["wide"]
    kernel, bias = random.standard_normal((24, 30)), random.standard_normal(30)
    kernels, biases = step.layer.parameters(Shape(24))
    arguments = (step.layer, (Shape(24),))
    ours = to_ours(kernel, "Keras", *arguments, kernels, orders["norm"], orders["wide"])
    np.testing.assert_array_equal(ours, kernel[flat][:, shaped].T)
    np.testing.assert_array_equal(
        to_ours(bias, "Keras", *arguments, biases, orders["norm"], orders["wide"]), bias[shaped]
    )
    gamma, norm = random.standard_normal(24), network.by_name["norm"].layer
    (factor, *_) = norm.parameters(Shape(24))
    ours = to_ours(gamma, "Keras", norm, (Shape(24),), factor, orders["flat"], orders["norm"])
    np.testing.assert_array_equal(ours, gamma[flat])


def test_what_the_other_net_has_otherwise_goes_into_the_batch_norm() -> None:
    x, bias, mean, weights = random.standard_normal((4, 8))
    variance = random.uniform(0.5, 2, 8)
    theirs = (x + bias - mean) / np.sqrt(variance + 1e-3) * weights
    new_mean, new_variance = (
        mean_without_bias(mean, bias),
        variance_for_epsilon(variance, 1e-3, 1e-5),
    )
    ours = (x - new_mean) / np.sqrt(new_variance + 1e-5) * weights
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    factor, offset, *_ = layer("bn").parameters(Shape(8))
    np.testing.assert_array_equal([left_out(factor), left_out(offset)], [[1] * 8, [0] * 8])
