import numpy as np
import pytest

from cnndsl.layers.base import ShapeError
from cnndsl.layers.pool import Pool
from cnndsl.layers.unpool import Unpool
from cnndsl.network import Input, Network, Step
from cnndsl.shape import Condition, Shape, Symbolic
from tests.support.peers import torch
from tests.support.run_layer import HERE, run_network


def unpooled(pool, original, values, space=None):
    """Pool `original`, then put `values` to where its maxima were."""
    shape = Shape(original.shape[1], space or original.shape[2:])
    pooled = pool.shape(shape)
    steps = (
        Step(name="P", layer=pool, inputs=("x",), output=pooled, origin=HERE),
        Step(
            name="layer",
            layer=Unpool(),
            inputs=("v", "P", "x"),
            output=Unpool().shape(pooled, pooled, shape),
            origin=HERE,
        ),
    )
    network = Network(
        name="Test",
        settings={},
        inputs=tuple(
            Input(name=name, shape=s, origin=HERE) for name, s in (("x", shape), ("v", pooled))
        ),
        steps=steps,
        outputs=("layer",),
    )
    return run_network(network, {"x": original, "v": values}, {})[0]


@pytest.mark.torch
@pytest.mark.parametrize("symbolic", [False, True])
@pytest.mark.parametrize(
    ("space", "options"),
    [
        ((8, 6), {"kernel": 2}),
        ((9, 7), {"kernel": 2}),
        ((9, 7), {"kernel": 3, "stride": 3, "padding": 1}),
        ((9, 8), {"kernel": (3, 2), "ceil": True}),
        ((10,), {"kernel": 2}),
        ((4, 6, 5), {"kernel": 2}),
        ((7, 8), {"kernel": 2, "dilation": 3, "stride": 5, "padding": 2}),
    ],
)
def test_equals_torch(space, options, symbolic):
    t = torch()
    pool = Pool(**options)
    random = np.random.default_rng(0)
    original = random.standard_normal((2, 3, *space)).astype(np.float32)
    names = tuple(map(Symbolic, "DHW"[-len(space) :]))
    rank = len(space)
    down = (t.nn.MaxPool1d, t.nn.MaxPool2d, t.nn.MaxPool3d)[rank - 1](
        pool.kernel if len(pool.kernel) > 1 else pool.kernel[0],
        options.get("stride"),
        dilation=options.get("dilation", 1),
        return_indices=True,
        ceil_mode=pool.ceil,
    )
    border = (options.get("padding", 0),) * 2 * rank  # torch takes half a kernel at most
    bordered = t.nn.functional.pad(t.from_numpy(original), border, value=-np.inf)
    made, indices = down(bordered)
    values = random.standard_normal(made.shape).astype(np.float32)
    flat = t.zeros_like(bordered).flatten(2)
    flat.scatter_(2, indices.flatten(2), t.from_numpy(values).flatten(2))
    inside = [slice(border[0], n - border[0]) for n in bordered.shape[2:]]
    expected = flat.reshape(bordered.shape).numpy()[:, :, *inside]
    result = unpooled(pool, original, values, names if symbolic else None)
    np.testing.assert_array_equal(result, expected)


def test_other_shapes_are_refused():
    with pytest.raises(ShapeError) as caught:
        Unpool().shape(Shape(8, (4, 4)), Shape(4, (4, 4)), Shape(4, (8, 8)))
    assert caught.value.code == "unpool-shape-mismatch"


def test_symbolic_sizes_may_have_to_agree():
    height = Symbolic("H")
    shapes = (Shape(4, ((height // 2) * 2,)), Shape(4, (height,)), Shape(4, (height * 2,)))
    assert Unpool().shape(*shapes) == shapes[2]
    assert Unpool().conditions(*shapes) == (Condition("H", 2, frozenset({0})),)


def test_reach_follows_the_sizes():
    height = Symbolic("H")
    x, output = Shape(4, (height // 2, 7)), Shape(4, (height, 14))
    for reach in Unpool().receptive_field((x, x, output), output):
        assert (reach.views, reach.advance) == (((0, 0), (0, 0)), 1)
