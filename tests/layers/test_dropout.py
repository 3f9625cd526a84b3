"""What does nothing at inference: `dropout`, `droppath`, `sample`."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from cnndsl.layers import LAYERS, Layer
from cnndsl.layers.base import ShapeError
from cnndsl.lower import lower
from cnndsl.shape import Condition, Shape, Symbolic
from tests.support.against_torch import random_array
from tests.support.run_layer import one_layer, run_layer

MAP = Shape(3, (4, 5))
H = Symbolic("H")


@pytest.mark.parametrize(
    "layer", [LAYERS["dropout"](), LAYERS["droppath"](probability=0.1), LAYERS["sample"]()]
)
def test_makes_no_node(layer: Layer) -> None:
    inputs = (MAP,) * (2 if layer.word == "sample" else 1)
    arrays = [random_array(shape, seed=i) for i, shape in enumerate(inputs)]
    assert layer.is_identity
    assert layer.shape(*inputs) == MAP
    assert layer.cost(inputs, MAP).flops == 0
    assert layer.parameters(*inputs) == ()
    np.testing.assert_array_equal(run_layer(layer, *arrays), arrays[0])
    graph = lower(one_layer(layer, *inputs)).graph
    assert [node.op_type for node in graph] in ([], ["Identity"])  # the output needs a name


@pytest.mark.parametrize("probability", [-0.1, 1.0, float("nan")])
@pytest.mark.parametrize("word", ["dropout", "droppath"])
def test_probabilities_have_bounds(word: str, probability: float) -> None:
    with pytest.raises(ValidationError):
        LAYERS[word](probability=probability)


def test_sample_wants_equal_shapes() -> None:
    with pytest.raises(ShapeError) as caught:
        LAYERS["sample"]().shape(Shape(20), Shape(10))
    assert caught.value.code == "sample-shape-mismatch"
    assert "@20" in caught.value.message and "@10" in caught.value.message
    with pytest.raises(ShapeError):
        LAYERS["sample"]().shape(MAP, Shape(3, (4, 6)))


def test_sample_states_what_sizes_must_satisfy() -> None:
    mean, variance = Shape(8, (H,)), Shape(8, (H // 2 * 2,))
    assert LAYERS["sample"]().shape(mean, variance) == mean
    assert LAYERS["sample"]().conditions(mean, variance) == (Condition("H", 2, frozenset({0})),)
