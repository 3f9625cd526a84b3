import numpy as np
import pytest
from pydantic import ValidationError

from cnndsl.layers.base import EVERYTHING, POINT, ShapeError
from cnndsl.layers.reshape import Flatten, Reshape
from cnndsl.shape import Shape, Symbolic
from tests.support.run_layer import run_layer


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (Shape(3136), Shape(64, (7, 7))),
        (Shape(8, (4, 4)), Shape(128)),
        (Shape(8, (4, 4)), Shape(2, (4, 4, 4))),
        (Shape(8, (4, 4)), Shape(8, (4, 4))),
        (Shape(8), Shape(8)),
    ],
)
def test_values_keep_their_order(source, target):
    x = np.arange(2 * source.elements, dtype=np.float32).reshape(2, *source)
    np.testing.assert_array_equal(run_layer(Reshape(target=target), x), x.reshape(2, *target))
    np.testing.assert_array_equal(run_layer(Flatten(), x), x.reshape(2, -1))


@pytest.mark.parametrize(
    ("layer", "shape", "code"),
    [
        (Reshape(target=Shape(64, (7, 7))), Shape(3000), "reshape-mismatch"),
        (Reshape(target=Shape(64, (Symbolic("H"), 7))), Shape(3136), "reshape-mismatch"),
        (Reshape(target=Shape(64)), Shape(1, (Symbolic("H"), 7)), "needs-fixed-size"),
        (Flatten(), Shape(1, (Symbolic("H"), 7)), "needs-fixed-size"),
    ],
)
def test_errors(layer, shape, code):
    with pytest.raises(ShapeError) as caught:
        layer.shape(shape)
    assert caught.value.code == code


def test_a_target_is_a_shape_or_numbers_within_bounds():
    assert Reshape(target=(64, 7, 7)).target == Shape(64, (7, 7))
    for target in ((), (4, -2, -2), (0,), (1 << 25,), (1, 2, 2, 2, 2), 7):
        with pytest.raises(ValidationError):
            Reshape(target=target)


def test_answers():
    x, vector = Shape(4, (2, 3)), Shape(24)
    assert Flatten().cost((x,), vector).flops == 0
    assert Flatten().explain((x,), vector) == ["values: 4·2·3 = 24"]
    assert Flatten().explain((vector,), vector) == []
    assert Flatten().receptive_field((x,), vector) == EVERYTHING
    assert Flatten().receptive_field((vector,), vector) == POINT
