"""Values in any order of their axes, and what is done along any of them."""

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from cnndsl.diagnostics import UsageError
from cnndsl.importing.swaps import swaps
from cnndsl.importing.views import Atom
from tests.support.graphs import Graph, integers, numbers


def convolved(g: Graph) -> str:
    return g.op("Conv", "x", numbers(6, 3, 1, 1))


@pytest.mark.parametrize("count", range(1, 6))
def test_swaps_lead_to_every_order(count: int) -> None:
    have = tuple(Atom(n + 2) for n in range(count))
    for want in permutations(have):
        order = have
        for first, second, rest in swaps(have, want) or ():
            assert (*first, *second, *rest) == order
            order = (*second, *first, *rest)
        assert order == want


@pytest.mark.parametrize("perm", list(permutations(range(1, 5))))
def test_every_order_of_four_dimensions(perm: tuple[int, ...], tmp_path: Path) -> None:
    g = Graph("N", 3, 4, 5)
    y = g.op("Reshape", convolved(g), integers(0, 2, 3, 4, 5))
    y = g.op("Transpose", y, perm=[0, *perm])
    g.imported(tmp_path, g.op("Conv", g.op("Reshape", y, integers(0, 15, 8)), numbers(4, 15, 3)))


@pytest.mark.parametrize("axis", [1, 2, 3])
@pytest.mark.parametrize("kind", ["Softmax", "LogSoftmax", "Concat", "Split", "Gather", "Slice"])
def test_operators_along_any_axis(kind: str, axis: int, tmp_path: Path) -> None:
    g = Graph("N", 3, 4, 6)
    y = g.op("Transpose", convolved(g), perm=[0, 2, 1, 3])
    match kind:
        case "Concat":
            y = g.op("Concat", y, g.op("Relu", y), y, axis=axis)
        case "Split":
            y = g.op("Split", y, outputs=2, axis=axis)
        case "Gather":
            y = g.op("Gather", y, integers(3, 0, 1), axis=axis)
        case "Slice":
            y = g.op("Slice", y, integers(-1), integers(-4), integers(axis), integers(-2))
        case _:
            y = g.op(kind, y, axis=axis)
    g.imported(tmp_path, g.op("Flatten", y))


@pytest.mark.parametrize("to", [1, 2, 3, 4])
@pytest.mark.parametrize("along", [1, 2, 3, 4])
@pytest.mark.parametrize("count", [2, 4])
def test_parts_that_are_joined_elsewhere_change_places(
    count: int, along: int, to: int, tmp_path: Path
) -> None:
    g = Graph(1, 3, 8, 8)
    y = g.op("Conv", "x", numbers(16, 3, 1, 1))
    y = g.op("Split", g.op("Reshape", y, integers(0, 4, 4, 8, 8)), outputs=count, axis=along)
    y = g.op("Concat", y, *(f"{y}_{n}" for n in range(1, count)), axis=to)
    words = g.words(tmp_path, g.op("Flatten", y))
    assert not {"take", "crop", "concat"} & set(words)


@pytest.mark.parametrize("order", [(1, 0), (0, 0), (0,)])
def test_parts_in_another_order_are_joined(order: tuple[int, ...], tmp_path: Path) -> None:
    g = Graph("N", 3, 4, 6)
    y = g.op("Split", convolved(g), outputs=2, axis=1)
    parts = [(y, f"{y}_1")[number] for number in order]
    g.imported(tmp_path, g.op("Flatten", g.op("Concat", *parts, axis=3)))


@pytest.mark.parametrize("axes", [[1], [2], [3], [1, 3], [2, 3]])
def test_norms_over_any_axes(axes: list[int], tmp_path: Path) -> None:
    g = Graph("N", 3, 4, 5)
    y = g.op("Transpose", convolved(g), perm=[0, 3, 1, 2])
    g.imported(tmp_path, g.op("Flatten", g.op("MeanVarianceNormalization", y, axes=axes)))
    if axes[-1] == 3 and axes != [1, 3]:
        sizes = [(5, 6, 4)[axis - 1] for axis in axes]
        weights = numbers(*sizes), numbers(*sizes)
        y = g.op("LayerNormalization", y, *weights, axis=axes[0])
        g.imported(tmp_path, g.op("Flatten", y))


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_weights_along_any_axis(axis: int, tmp_path: Path) -> None:
    """As MLP-Mixer multiplies along the positions; weights may come first."""
    g = Graph("N", 3, 4, 5)
    last = [0, *(a for a in (1, 2, 3) if a != axis), axis]
    y = g.op("Transpose", convolved(g), perm=last)
    length = (6, 4, 5)[axis - 1]
    g.imported(tmp_path, g.op("Flatten", g.op("MatMul", y, numbers(length, 7))))
    rows = (6, 4, 5)[last[2] - 1]
    g.imported(tmp_path, g.op("Flatten", g.op("MatMul", numbers(7, rows), y)))


@pytest.mark.parametrize("shape", [(4, 6, 5), (2, 12, 5), (1, 24, 5), (24, 5)])
@pytest.mark.parametrize("scaled", [False, True])
def test_two_values_are_multiplied_as_matrices(
    shape: tuple[int, ...], scaled: bool, tmp_path: Path
) -> None:
    """Attention, with heads or without: softmax(q·kᵀ)·v."""
    g = Graph("N", 3, 4, 5)
    q, k, v = (g.op("Reshape", convolved(g), integers(0, *shape)) for _ in range(3))
    last = len(shape)
    k = g.op("Transpose", k, perm=[*range(last - 1), last, last - 1])
    y = g.op("MatMul", q, k)
    y = g.op("Softmax", g.op("Mul", y, np.float32(0.3)) if scaled else y, axis=-1)
    g.imported(tmp_path, g.op("Flatten", g.op("MatMul", y, v)))
    own = g.op("Transpose", q, perm=[*range(last - 1), last, last - 1])
    g.imported(tmp_path, g.op("Flatten", g.op("MatMul", q, own)))


def test_one_matrix_for_all_heads(tmp_path: Path) -> None:
    g = Graph("N", 3, 4, 5)
    q = g.op("Reshape", convolved(g), integers(0, 4, 6, 5))
    k = g.op("Reshape", g.op("Conv", "x", numbers(3, 3, 1, 1)), integers(0, 1, 5, 12))
    g.imported(tmp_path, g.op("Flatten", g.op("MatMul", q, k)))


def test_examples_are_not_multiplied_with_one_another(tmp_path: Path) -> None:
    g = Graph("N", 12)
    with pytest.raises(UsageError, match="multiplies examples of the batch with one another"):
        g.imported(tmp_path, g.op("MatMul", "x", g.op("Transpose", "x", perm=[1, 0])))


def test_a_product_of_too_many_values_is_refused(tmp_path: Path) -> None:
    g = Graph(1, 16, 4096)
    y = g.op("MatMul", g.op("Transpose", "x", perm=[0, 2, 1]), "x")
    with pytest.raises(UsageError, match="which are 268,435,456 products"):
        g.imported(tmp_path, y)


@pytest.mark.parametrize("axis", [1, 2, 3])
@pytest.mark.parametrize("mode", ["constant", "edge", "reflect"])
def test_borders_along_any_axis(axis: int, mode: str, tmp_path: Path) -> None:
    g = Graph("N", 3, 4, 5)
    y = g.op("Reshape", convolved(g), integers(0, 4, 6, 5))
    y = g.op("Transpose", y, perm=[0, 3, 1, 2])
    pads = [0] * 8
    pads[axis], pads[4 + axis] = 1, 2
    g.imported(tmp_path, g.op("Flatten", g.op("Pad", y, integers(*pads), mode=mode)))
    pads[axis], pads[4 + axis] = -1, 2
    g.imported(tmp_path, g.op("Flatten", g.op("Pad", y, integers(*pads), mode=mode)))


@pytest.mark.parametrize("axis", [1, 2, -1])
@pytest.mark.parametrize("order", ["cx", "xc", "cxcx", "xcc"])
def test_constants_among_values(axis: int, order: str, tmp_path: Path) -> None:
    """As transformers put the token of a class before the positions."""
    g = Graph("N", 3, 4, 5)
    y = g.op("Transpose", g.op("Reshape", convolved(g), integers(0, 6, 20)), perm=[0, 2, 1])
    sizes = [1, 20, 6]
    sizes[axis] = 2
    whole = [g.op("Relu", y) if c == "x" else numbers(*sizes) for c in order]
    g.imported(tmp_path, g.op("Flatten", g.op("Concat", *whole, axis=axis)))
    zeros = [y if c == "x" else np.zeros(sizes, np.float32) for c in order]
    assert "scale" not in g.words(tmp_path, g.op("Flatten", g.op("Concat", *zeros, axis=axis)))


def test_a_row_of_constants_for_every_example(tmp_path: Path) -> None:
    g = Graph("N", 3, 20)
    sizes = g.op("Concat", g.op("Shape", "x", end=1), integers(3, 1), axis=0)
    token = g.op("Expand", numbers(1, 3, 1), sizes)
    g.imported(tmp_path, g.op("Concat", token, g.op("Relu", "x"), axis=2))


@pytest.mark.parametrize("kind", ["Mul", "Add", "Max"])
def test_values_that_stretch_in_any_arrangement(kind: str, tmp_path: Path) -> None:
    """As relative positions are added to attention: rows, then columns, of five dimensions."""
    g = Graph("N", 3, 4, 5)
    y = g.op(
        "Transpose", g.op("Reshape", convolved(g), integers(-1, 2, 3, 4, 5)), perm=[0, 2, 1, 4, 3]
    )
    rows = g.op("Expand", g.op("ReduceMean", y, axes=[3]), integers(1, 1, 1, 5, 1))
    columns = g.op("ReduceMean", y, axes=[4])
    y = g.op(kind, g.op(kind, rows, columns), y)
    heads = g.op("Reshape", y, integers(-1, 2, 5, 4))  # among the examples
    wide = g.op("Expand", g.op("Unsqueeze", heads, integers(2)), integers(1, 1, 7, 1, 1))
    y = g.op(kind, g.op("Tanh", wide), wide)
    g.imported(tmp_path, g.op("Reshape", y, integers(-1, 3 * 2 * 7 * 5 * 4)))


@pytest.mark.parametrize("kind", ["Mul", "Add"])
def test_constants_stretch_values(kind: str, tmp_path: Path) -> None:
    g = Graph("N", 3, 4, 5)
    y = g.op("ReduceMean", convolved(g), axes=[2, 3])
    g.imported(tmp_path, g.op("Flatten", g.op(kind, y, numbers(1, 6, 3, 4))))
    y = g.op("ReduceMean", convolved(g), axes=[1], keepdims=0)
    g.imported(
        tmp_path, g.op("Flatten", g.op(kind, g.op("Unsqueeze", y, integers(1)), numbers(2, 1, 1)))
    )
