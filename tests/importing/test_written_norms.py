"""Norms that are written as arithmetic become the language's."""

from pathlib import Path

import pytest

from cnndsl.diagnostics import UsageError
from cnndsl.importing import import_model
from tests.support.graphs import Graph, f32, integers, numbers
from tests.support.peers import torch


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
    if of == "batch":
        with pytest.raises(UsageError):
            import_model(g.save(tmp_path, y))
    else:
        assert "inorm" not in g.words(tmp_path, y)


def neighbours(g: Graph, n: int, flat: bool) -> str:
    """The mean of x² over n channels, as PyTorch writes it."""
    square = g.op("Mul", "x", "x")
    if flat:
        y = g.op("Reshape", square, integers(1, 1, 8, 10, -1))
    else:
        y = g.op("Unsqueeze", square, integers(1))
    y = g.op("Pad", y, integers(0, 0, n // 2, 0, 0, 0, 0, (n - 1) // 2, 0, 0), f32(0))
    y = g.op("AveragePool", y, kernel_shape=[n, 1, 1], count_include_pad=1)
    return g.op("Reshape", y, integers(1, 8, 10, 10)) if flat else g.op("Squeeze", y, integers(1))


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("n", [3, 5])
def test_a_local_response_norm(n: int, flat: bool, tmp_path: Path) -> None:
    g = Graph()
    scaled = g.op("Add", g.op("Mul", neighbours(g, n, flat), f32(0.5)), f32(2))
    y = g.op("Div", "x", g.op("Pow", scaled, f32(0.75)))
    assert f"lrn {n} alpha={'0.16666667' if n == 3 else '0.1'}" in g.imported(tmp_path, y).text


@pytest.mark.parametrize("n", [2, 4])
def test_a_norm_over_an_even_number_of_neighbours_is_arithmetic(n: int, tmp_path: Path) -> None:
    """`lrn` has as many on either side."""
    g = Graph()
    scaled = g.op("Add", g.op("Mul", neighbours(g, n, True), f32(0.5)), f32(2))
    y = g.op("Div", "x", g.op("Pow", scaled, f32(0.75)))
    assert "lrn" not in g.words(tmp_path, y)


def test_what_only_looks_like_a_local_response_norm(tmp_path: Path) -> None:
    """Of another value than the one that is divided."""
    g = Graph()
    scaled = g.op("Add", g.op("Mul", neighbours(g, 3, True), f32(0.5)), f32(2))
    y = g.op("Div", g.op("Tanh", "x"), g.op("Pow", scaled, f32(0.75)))
    assert "lrn" not in g.words(tmp_path, y)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.torch
@pytest.mark.parametrize("dynamo", [False, True])
@pytest.mark.parametrize("shape", [(2, 6, 9, 7), (2, 6, 11)])
def test_a_local_response_norm_of_torch(
    dynamo: bool, shape: tuple[int, ...], tmp_path: Path
) -> None:
    t = torch()
    layer = t.nn.LocalResponseNorm(5, alpha=0.5, beta=0.6, k=1.5).eval()
    path = tmp_path / "lrn.onnx"
    t.onnx.export(layer, (t.randn(shape),), path, dynamo=dynamo, verbose=False)
    assert "lrn 5 k=1.5 alpha=0.1 beta=0.6" in import_model(path).text
