"""`minmax` and `atan2` against NumPy and torch, their gradients too, and the edges of a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import cnndsl
from cnndsl.cli import main
from cnndsl.layers import LAYERS
from cnndsl.layers.base import EVERYTHING, ShapeError
from cnndsl.shape import Shape, Symbolic
from cnndsl.training.graphs import build_training
from tests.support.against_torch import agrees_with_torch, random_array
from tests.support.gradients import feeds_for, objective, run_graph, torch_gradients, worst
from tests.support.run_layer import run_layer
from tests.support.symbolic import run_symbolic

MAP = Shape(3, (4, 5))
EDGES = Path(__file__).resolve().parents[2] / "examples" / "edges.cnn"


@pytest.mark.torch
@pytest.mark.parametrize(("over", "shape"), [(False, MAP), (True, MAP), (True, Shape(7))])
def test_minmax_equals_torch(over: bool, shape: Shape) -> None:
    def function(x: Any) -> Any:
        axes = tuple(range(1 if over else 2, x.ndim))
        low, high = x.amin(axes, keepdim=True), x.amax(axes, keepdim=True)
        return (x - low) / (high - low)

    agrees_with_torch(LAYERS["minmax"](all=over), function, shape)


def test_minmax_of_what_is_the_same_everywhere_is_0() -> None:
    x = np.full((2, 1, 3, 3), 5, np.float32)
    x[1, 0, 0, 0] = 7
    y = run_layer(LAYERS["minmax"](), x)
    assert y[0].tolist() == [[[0, 0, 0]] * 3]
    assert y[1].tolist() == [[[1, 0, 0], [0, 0, 0], [0, 0, 0]]]


def test_minmax_for_any_size_and_for_vectors() -> None:
    layer, x = LAYERS["minmax"](), random_array(Shape(2, (6, 7)))
    assert layer.shape(Shape(2, (Symbolic("H"), 7))) == Shape(2, (Symbolic("H"), 7))
    np.testing.assert_array_equal(run_symbolic(layer, x), run_layer(layer, x))
    assert layer.receptive_field((MAP,), MAP) == EVERYTHING
    assert layer.cost((MAP,), MAP).flops == 240
    with pytest.raises(ShapeError) as caught:
        layer.shape(Shape(8))
    assert caught.value.code == "needs-space"


def test_atan2_in_every_direction() -> None:
    """All eighths of a turn, next to them, and where there is none."""
    turns = np.concatenate([np.arange(-8, 9) * np.pi / 8, [-3.1415, 3.1415, 1e-4, -1e-4]])
    y, x = (f(turns).astype(np.float32).reshape(1, 1, 1, -1) for f in (np.sin, np.cos))
    y[0, 0, 0, :2] = 0  # at −π that is 0 and −1: NumPy's zero has a sign, which counts as none here
    x[0, 0, 0, 1] = 0
    found = run_layer(LAYERS["atan2"](), y, x)
    np.testing.assert_allclose(found, np.arctan2(y, x), rtol=1e-6, atol=1e-6)
    assert found[0, 0, 0, 1] == 0


def test_atan2_is_of_two_values_alone() -> None:
    assert LAYERS["atan2"].references == (1, 1)
    assert LAYERS["atan2"]().shape(Shape(8, (4, 4)), Shape(1, (4, 4))) == Shape(8, (4, 4))


@pytest.mark.torch
@pytest.mark.parametrize("word", ["minmax", "minmax all", "atan2 x"])
def test_gradients_are_torchs(word: str) -> None:
    """Through a net with convolutions before and after."""
    text = f"""\
cnndsl 1
net Tried(classes=4)
input image 2@6x6
x: conv 3x3 3 p1
conv 3x3 3 p1 from image
{word}
conv 3x3 2 -> relu
logits: fc classes
output logits
"""
    network = cnndsl.parse(text)
    graphs = build_training(network, 3)
    feeds = feeds_for(graphs)
    exact = torch_gradients(network, graphs, feeds, objective(network))
    errors = worst(run_graph(graphs, feeds), exact)
    assert max(errors.values()) < 1e-4, errors


@pytest.mark.torch
def test_gradients_of_atan2_on_the_axes() -> None:
    """Along x and y, and diagonally; at 0, where torch has none, one that does no harm."""
    text = """\
cnndsl 1
net Tried
input ones @8
y: scale nobias
x: scale nobias from ones
logits: atan2 x from y
output logits
"""
    network = cnndsl.parse(text)
    graphs = build_training(network, 1)
    numbers = [(1, 0), (0, 1), (0, -1), (-1, 1e-3), (1, 1), (-1, -1), (2, -1), (-3, 2)]
    feeds = feeds_for(graphs)
    feeds["ones"] = np.ones((1, 8), np.float32)
    feeds["x.weight"], feeds["y.weight"] = np.array(numbers, np.float32).T.copy()
    exact = torch_gradients(network, graphs, feeds, objective(network))
    assert max(worst(run_graph(graphs, feeds), exact).values()) < 1e-5
    feeds["x.weight"], feeds["y.weight"] = np.zeros((2, 8), np.float32)
    found = run_graph(graphs, feeds)
    assert all(np.abs(found[f"grad/{name}.weight"]).max() <= 2 for name in "xy")


def test_edges_of_a_step() -> None:
    """A dark left half and a bright right one: an edge in the middle, straight up."""
    photo = np.zeros((1, 1, 8, 12), np.float32)
    photo[..., 6:] = 1
    strength = cnndsl.run(EDGES, photo)["edges"][0, 0]
    assert strength.min() == 0
    assert strength.max() == 1
    inner = strength[2:-2]
    assert (inner[:, 5:7] > 0.9).all()
    assert (inner[:, 2:4] == 0).all()
    assert (strength[0] == strength[4]).all()  # the border is no edge


@pytest.mark.parametrize("direction", [0, 1])
def test_a_net_without_weights_has_no_random_ones(direction: int, tmp_path: Path) -> None:
    picture, target = EDGES.parent / "harbour.png", tmp_path / "edges.png"
    arguments = ["run", EDGES, picture, "-o", target, "--set", f"direction={direction}"]
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    assert result.exit_code == 0, result.output
    assert "random weights" not in result.output
    assert target.stat().st_size > 1000
