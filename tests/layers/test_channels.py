import numpy as np
import pytest

from cnndsl.layers.base import ShapeError
from cnndsl.layers.channels import Shuffle, Take, Widen
from cnndsl.shape import Shape
from tests.support.peers import torch
from tests.support.run_layer import run_layer
from tests.support.symbolic import run_symbolic

SPACES = [(), (7,), (4, 5), (2, 3, 4)]


def runs(space):
    return (run_layer, run_symbolic) if space else (run_layer,)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize(
    ("layer", "chosen"),
    [
        (Take(channels=(0, 1, 2)), [0, 1, 2]),
        (Take(channels=(3,)), [3]),
        (Take(channels=(5, 0, 0)), [5, 0, 0]),
        (Take(first=2), [0, 1]),
        (Take(last=4), [2, 3, 4, 5]),
        (Take(last=6), [0, 1, 2, 3, 4, 5]),
        (Take(first=2, start=3), [3, 4]),
        (Take(start=4), [4, 5]),
        (Take(step=2), [0, 2, 4]),
        (Take(first=2, start=1, step=3), [1, 4]),
        (Take(channels=(1, 3, 5)), [1, 3, 5]),
    ],
)
def test_take(layer, chosen, space):
    x = np.random.default_rng(0).standard_normal((2, 6, *space), np.float32)
    for run in runs(space):
        np.testing.assert_array_equal(run(layer, x), x[:, chosen])


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize(("channels", "before"), [(6, 0), (7, 0), (8, 1), (11, 2)])
def test_widen(channels, before, space):
    x = np.random.default_rng(0).standard_normal((2, 6, *space), np.float32)
    expected = np.zeros((2, channels, *space), np.float32)
    expected[:, before : before + 6] = x
    for run in runs(space):
        np.testing.assert_array_equal(run(Widen(channels=channels), x), expected)


@pytest.mark.torch
@pytest.mark.parametrize("groups", [1, 2, 3, 6])
def test_shuffle_equals_torch(groups):
    x = np.random.default_rng(0).standard_normal((2, 6, 4, 5), np.float32)
    t = torch()
    expected = t.nn.ChannelShuffle(groups)(t.from_numpy(x)).numpy()
    for run in (run_layer, run_symbolic):
        np.testing.assert_array_equal(run(Shuffle(groups=groups), x), expected)


@pytest.mark.parametrize(
    ("layer", "code"),
    [
        (Take(), "take-how"),
        (Take(last=2, start=1), "take-how"),
        (Take(channels=(1,), step=2), "take-how"),
        (Take(first=3, start=4), "channel-out-of-range"),
        (Take(start=6), "channel-out-of-range"),
        (Take(channels=(1,), first=2), "take-how"),
        (Take(channels=(1, 6)), "channel-out-of-range"),
        (Take(first=7), "channel-out-of-range"),
        (Take(last=7), "channel-out-of-range"),
        (Widen(channels=5), "widen-narrower"),
        (Shuffle(groups=4), "groups-mismatch"),
    ],
)
def test_errors(layer, code):
    with pytest.raises(ShapeError) as caught:
        layer.shape(Shape(6, (4, 4)))
    assert caught.value.code == code


def test_answers():
    x = Shape(6, (4, 4))
    assert Take(last=2).explain((x,), Shape(2, (4, 4))) == ["channels: 4, 5 of 6"]
    assert Take(first=20).explain((Shape(24),), Shape(20))[0].endswith("15 … of 24")
    assert Widen(channels=9).explain((x,), Shape(9, (4, 4))) == ["channels: 1 + 6 + 2 = 9"]
    assert Take(last=2).cost((x,), Shape(2, (4, 4))).flops == 0
