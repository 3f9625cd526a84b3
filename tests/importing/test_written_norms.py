"""Norms that are written as arithmetic become the language's."""

from pathlib import Path

import pytest

from cnndsl.diagnostics import UsageError
from cnndsl.importing import import_model
from tests.support.graphs import Graph, f32, integers, numbers


def deviation(g: Graph, x: str, axes: list[int], eps: float) -> tuple[str, str, str]:
    """mean, x − mean and √(variance + eps), as PyTorch writes them."""
    mean = g.op("ReduceMean", x, axes=axes, keepdims=1)
    difference = g.op("Sub", x, mean)
    variance = g.op("ReduceMean", g.op("Pow", difference, f32(2)), axes=axes, keepdims=1)
    return mean, difference, g.op("Sqrt", g.op("Add", f32(eps), variance))


@pytest.mark.parametrize(
    ("axes", "shape", "line"),
    [([2, 3], (8, 1, 1), "inorm eps=0.001"), ([-3], (8, 1, 1), "ln eps=0.001")],
)
@pytest.mark.parametrize("product", [False, True])
def test_norms_that_are_written_as_arithmetic(
    axes: list[int], shape: tuple[int, ...], line: str, product: bool, tmp_path: Path
) -> None:
    g = Graph()
    x = g.op("Relu", "x")
    _, difference, root = deviation(g, x, axes, 1e-3)
    if product:
        y = g.op("Mul", g.op("Reciprocal", g.op("Cast", root, to=1)), difference)
    else:
        y = g.op("Div", g.op("Sub", x, g.op("ReduceMean", x, axes=axes)), root)
    y = g.op("Add", g.op("Mul", y, numbers(*shape)), numbers(*shape))
    assert line in g.imported(tmp_path, y).text


def test_a_layer_norm_of_channels_last(tmp_path: Path) -> None:
    g = Graph()
    y = g.op("Transpose", g.op("Conv", "x", numbers(8, 8, 1, 1)), perm=[0, 2, 3, 1])
    _, difference, root = deviation(g, y, [-1], 1e-6)
    y = g.op("Add", g.op("Mul", g.op("Div", difference, root), numbers(8)), numbers(8))
    assert g.words(tmp_path, g.op("Transpose", y, perm=[0, 3, 1, 2])) == ["conv", "ln"]


def test_an_instance_norm_as_tensorflow_writes_it(tmp_path: Path) -> None:
    g = Graph()
    mean, _, root = deviation(g, "x", [2, 3], 1e-3)
    scale = g.op("Mul", g.op("Reciprocal", root), numbers(8, 1, 1))
    offset = g.op("Sub", numbers(8, 1, 1), g.op("Mul", mean, scale))
    assert g.words(tmp_path, g.op("Add", g.op("Mul", "x", scale), offset)) == ["inorm"]


def test_a_group_norm_without_an_instance_norm(tmp_path: Path) -> None:
    g = Graph()
    _, difference, root = deviation(g, g.op("Reshape", "x", integers(0, 4, -1)), [2], 1e-5)
    y = g.op("Reshape", g.op("Div", difference, root), g.op("Shape", "x"))
    y = g.op("Add", g.op("Mul", y, numbers(8, 1, 1)), numbers(8, 1, 1))
    assert g.words(tmp_path, y) == ["gn"]


@pytest.mark.parametrize("of", ["mean", "axes", "batch"])
def test_what_only_looks_like_a_norm(of: str, tmp_path: Path) -> None:
    g = Graph()
    other = g.op("Relu", "x")
    _, difference, _ = deviation(g, other if of == "mean" else "x", [2, 3], 1e-5)
    _, batch, root = deviation(g, "x", {"axes": [1], "batch": [0]}.get(of, [2, 3]), 1e-5)
    y = g.op("Div", batch if of == "batch" else difference, root)
    with pytest.raises(UsageError):
        import_model(g.save(tmp_path, y))
