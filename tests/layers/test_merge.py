from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
import pytest

from cnndsl.layers import LAYERS, Layer
from cnndsl.layers.arithmetic import Add, Mul
from cnndsl.layers.base import ShapeError
from cnndsl.layers.merge import Concat, same_space
from cnndsl.shape import Condition, Shape, Symbolic
from tests.support.run_layer import run_layer
from tests.support.symbolic import run_symbolic

HEIGHT = Symbolic("H")
Array = np.ndarray[Any, Any]
OPERATIONS: dict[str, Callable[[Array, Array], Array]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "max": np.maximum,
    "min": np.minimum,
}


def images(count: int, *shape: int) -> list[Array]:
    return [np.random.default_rng(i).standard_normal(shape, np.float32) for i in range(count)]


@pytest.mark.parametrize("count", [2, 3, 4])
@pytest.mark.parametrize("space", [(), (7,), (4, 5), (2, 3, 4)])
def test_values_of_equal_shape(space: tuple[int, ...], count: int) -> None:
    arrays = images(count, 2, 3, *space)
    for run in (run_layer, run_symbolic) if space else (run_layer,):
        np.testing.assert_array_equal(run(Concat(), *arrays), np.concatenate(arrays, 1))
        for word, operation in OPERATIONS.items():
            found = run(LAYERS[word](), *arrays)
            np.testing.assert_allclose(found, reduce(operation, arrays), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("word", OPERATIONS)
@pytest.mark.parametrize(
    "sizes",
    [
        [(3, 4, 5), (3, 1, 1)],
        [(3, 1, 1), (3, 4, 5)],
        [(1, 4, 5), (3, 4, 5)],
        [(3, 1, 1), (1, 4, 5)],
        [(3, 4, 1), (3, 1, 5), (1, 4, 5)],
        [(4,), (1,)],
    ],
)
def test_a_size_of_one_stretches(word: str, sizes: list[tuple[int, ...]]) -> None:
    arrays = [images(1, 2, *size)[0] for size in sizes]
    expected = reduce(OPERATIONS[word], arrays)
    np.testing.assert_allclose(run_layer(LAYERS[word](), *arrays), expected, rtol=1e-5, atol=1e-6)
    shape = LAYERS[word]().shape(*(Shape(c, tuple(space)) for c, *space in sizes))
    assert tuple(shape) == expected.shape[1:]


@pytest.mark.parametrize("word", OPERATIONS)
def test_a_size_of_one_stretches_over_an_open_one(word: str) -> None:
    layer, symbolic = LAYERS[word](), Shape(3, (HEIGHT, HEIGHT))
    assert layer.shape(Shape(3, (1, 1)), symbolic) == symbolic
    assert layer.conditions(Shape(3, (1, 1)), symbolic) == ()
    assert layer.shape(Shape(1, (HEIGHT, 1)), Shape(3, (1, HEIGHT))) == symbolic
    assert layer.shape(Shape(3, (1, 1)), Shape(3, (1, 1))) == Shape(3, (1, 1))
    even = Shape(3, ((HEIGHT // 2) * 2, 1))
    assert layer.shape(even, Shape(3, (HEIGHT, 4))) == Shape(3, (HEIGHT, 4))
    assert layer.conditions(even, Shape(3, (HEIGHT, 4))) == (Condition("H", 2, frozenset({0})),)


def test_sizes_that_are_equal_under_a_condition() -> None:
    even = Shape(3, ((HEIGHT // 2) * 2, 4))
    condition = Condition("H", 2, frozenset({0}))
    assert same_space(even, Shape(5, (HEIGHT, 4))) == (condition,)
    assert same_space(even, Shape(5, (HEIGHT - 1, 4))) == (Condition("H", 2, frozenset({1})),)
    assert same_space(even, even) == ()
    assert same_space(even, Shape(5, (HEIGHT, 5))) is None
    assert Concat().shape(even, Shape(5, (HEIGHT, 4))) == Shape(8, (HEIGHT, 4))
    assert Concat().conditions(even, Shape(5, (HEIGHT, 4))) == (condition,)


@pytest.mark.parametrize("layer", [Concat(), *(LAYERS[word]() for word in OPERATIONS)])
@pytest.mark.parametrize(
    ("a", "b"),
    [
        (Shape(4, (8, 8)), Shape(4, (8, 7))),
        (Shape(4, (HEIGHT, 8)), Shape(4, (HEIGHT * 2, 8))),
        (Shape(4), Shape(4, (1, 1))),
    ],
)
def test_errors(layer: Layer, a: Shape, b: Shape) -> None:
    with pytest.raises(ShapeError) as caught:
        layer.shape(a, b)
    assert caught.value.code == "merge-shape-mismatch"
    assert str(a) in caught.value.message
    assert str(b) in caught.value.message


def test_channels_must_agree_in_a_sum() -> None:
    for layer in (LAYERS[word]() for word in OPERATIONS):
        with pytest.raises(ShapeError) as caught:
            layer.shape(Shape(4, (8, 8)), Shape(5, (8, 8)))
        assert "channels" in caught.value.help


def test_costs_and_explanation() -> None:
    x, y = Shape(4, (8, 8)), Shape(8, (8, 8))
    assert Concat().cost((x, x), y).flops == 0
    assert Add().cost((x, x, x), x).flops == 2 * 256
    assert Concat().explain((x, x), y) == ["channels: 4 + 4 = 8"]
    assert Mul().remedy((Shape(4), x)) == "`reshape 4@1x1` makes a number a channel of a vector"
