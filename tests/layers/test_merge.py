from functools import reduce

import numpy as np
import pytest

from cnndsl.layers.base import ShapeError
from cnndsl.layers.merge import Add, Concat, Mul, same_space
from cnndsl.shape import Condition, Shape, Symbolic
from tests.support.run_layer import run_layer
from tests.support.symbolic import run_symbolic

HEIGHT = Symbolic("H")


def images(count, *shape):
    return [np.random.default_rng(i).standard_normal(shape, np.float32) for i in range(count)]


@pytest.mark.parametrize("count", [2, 3, 4])
@pytest.mark.parametrize("space", [(), (7,), (4, 5), (2, 3, 4)])
def test_values_of_equal_shape(space, count):
    arrays = images(count, 2, 3, *space)
    for run in (run_layer, run_symbolic) if space else (run_layer,):
        np.testing.assert_array_equal(run(Concat(), *arrays), np.concatenate(arrays, 1))
        np.testing.assert_allclose(run(Add(), *arrays), sum(arrays), rtol=1e-5, atol=1e-6)
        product = reduce(np.multiply, arrays)
        np.testing.assert_allclose(run(Mul(), *arrays), product, rtol=1e-6)


def test_one_pixel_stretches_in_a_product():
    (whole,), (pixel,) = images(1, 2, 3, 4, 5), images(1, 2, 3, 1, 1)
    for arrays in ((whole, pixel), (pixel, whole), (pixel, whole, whole)):
        np.testing.assert_allclose(
            run_layer(Mul(), *arrays), reduce(np.multiply, arrays), rtol=1e-6
        )
    symbolic = Shape(3, (HEIGHT, HEIGHT))
    assert Mul().shape(Shape(3, (1, 1)), symbolic) == symbolic
    assert Mul().conditions(Shape(3, (1, 1)), symbolic) == ()
    assert Mul().shape(Shape(3, (1, 1)), Shape(3, (1, 1))) == Shape(3, (1, 1))


def test_sizes_that_are_equal_under_a_condition():
    even = Shape(3, ((HEIGHT // 2) * 2, 4))
    condition = Condition("H", 2, frozenset({0}))
    assert same_space(even, Shape(5, (HEIGHT, 4))) == (condition,)
    assert same_space(even, Shape(5, (HEIGHT - 1, 4))) == (Condition("H", 2, frozenset({1})),)
    assert same_space(even, even) == ()
    assert same_space(even, Shape(5, (HEIGHT, 5))) is None
    assert Concat().shape(even, Shape(5, (HEIGHT, 4))) == Shape(8, (HEIGHT, 4))
    assert Concat().conditions(even, Shape(5, (HEIGHT, 4))) == (condition,)


@pytest.mark.parametrize("layer", [Concat(), Add(), Mul()])
@pytest.mark.parametrize(
    ("a", "b"),
    [
        (Shape(4, (8, 8)), Shape(4, (8, 7))),
        (Shape(4, (HEIGHT, 8)), Shape(4, (HEIGHT * 2, 8))),
        (Shape(4), Shape(4, (1, 1))),
    ],
)
def test_errors(layer, a, b):
    with pytest.raises(ShapeError) as caught:
        layer.shape(a, b)
    assert caught.value.code == "merge-shape-mismatch"
    assert str(a) in caught.value.message
    assert str(b) in caught.value.message


def test_channels_must_agree_in_a_sum():
    for layer in (Add(), Mul()):
        with pytest.raises(ShapeError) as caught:
            layer.shape(Shape(4, (8, 8)), Shape(5, (8, 8)))
        assert "channels" in caught.value.help


def test_costs_and_explanation():
    x, y = Shape(4, (8, 8)), Shape(8, (8, 8))
    assert Concat().cost((x, x), y).flops == 0
    assert Add().cost((x, x, x), x).flops == 2 * 256
    assert Concat().explain((x, x), y) == ["channels: 4 + 4 = 8"]
    assert Mul().remedy((Shape(4), x)) == "`reshape 4@1x1` makes a factor a channel of a vector"
