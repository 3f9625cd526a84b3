"""Reductions, repetitions and arithmetic of values become layers that compute the same."""

from pathlib import Path

import numpy as np
import pytest

from cnndsl.diagnostics import UsageError
from cnndsl.layers.rbf import RadialBasis
from tests.support.graphs import Graph, f32, integers, numbers

KINDS = ("ReduceMean", "ReduceMax", "ReduceMin", "ReduceSum", "ReduceL1", "ReduceL2")


def reduced(g: Graph, kind: str, x: str, axes: list[int], keepdims: int) -> str:
    """A reduction; the axes are an input in newer versions."""
    newer = g.opset >= (13 if kind == "ReduceSum" else 18)
    if newer:
        return g.op(kind, x, integers(*axes), keepdims=keepdims)
    return g.op(kind, x, axes=axes, keepdims=keepdims)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("opset", [12, 18])
@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize("axes", [[1], [-3], [2, 3], [-1], [1, 2], [3, 1], [1, 2, 3]])
def test_reductions(kind: str, opset: int, keepdims: int, axes: list[int], tmp_path: Path) -> None:
    g = Graph("N", 4, 3, 5, opset=opset)
    x = g.op("Conv", "x", numbers(6, 4, 1, 1))
    y = reduced(g, kind, x, axes, keepdims)
    g.imported(tmp_path, g.op("Flatten", y, axis=1))
    if not keepdims:
        places = sorted(axis % 4 for axis in axes)
        newer = opset > 12
        y = g.op("Unsqueeze", y, integers(*places)) if newer else g.op("Unsqueeze", y, axes=places)
    g.imported(tmp_path, g.op("Mul", x, y))


@pytest.mark.parametrize("kind", [*KINDS, "ReduceSumSquare", "ReduceLogSum"])
def test_reductions_of_vectors_and_signals(kind: str, tmp_path: Path) -> None:
    for sizes, axes in (
        (("N", 7), [1]),
        (("N", 4, 6), [1]),
        (("N", 4, 6), [2]),
        (("N", 4, 6), [1, 2]),
    ):
        g = Graph(*sizes, opset=13)
        x = g.op("Exp", "x") if kind == "ReduceLogSum" else "x"
        g.imported(tmp_path, g.op("Sub", "x", reduced(g, kind, x, axes, 1)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("axis", [1, 2])
def test_a_part_of_the_channels(kind: str, axis: int, tmp_path: Path) -> None:
    """Split attention adds its branches so, maxout compares groups."""
    g = Graph("N", 12, 5, 5)
    for parts in ((3, 4), (2, 6)):
        wide = g.op("Reshape", "x", integers(0, *parts, 5, 5))
        g.imported(tmp_path, g.op("Relu", reduced(g, kind, wide, [axis], 0)))
        deeper = g.op("Reshape", "x", integers(0, *parts[:1], 2, parts[1] // 2, 5, 5))
        g.imported(tmp_path, reduced(g, kind, deeper, [1, axis + 1, 4], 0))


def test_the_batch_is_not_reduced(tmp_path: Path) -> None:
    g = Graph("N", 4, 3, 5)
    with pytest.raises(UsageError, match=r"ReduceMean `.*` takes the examples of the batch"):
        g.imported(tmp_path, g.op("ReduceMean", "x", axes=[0, 1]))


@pytest.mark.parametrize("kind", ["Add", "Sub", "Mul", "Div", "Max", "Min"])
def test_values_stretch(kind: str, tmp_path: Path) -> None:
    g = Graph(1, 4, 6, 5)

    def gate(x: str) -> str:  # away from 0: quotients by small numbers compare badly
        return g.op("Add", g.op("Sigmoid", x), f32(0.5))

    channels = gate(g.op("GlobalAveragePool", "x"))
    space = gate(g.op("Conv", "x", numbers(1, 4, 1, 1)))
    rows = gate(g.op("ReduceMean", "x", axes=[3]))
    columns = gate(g.op("ReduceMean", "x", axes=[2]))
    for a, b in (
        ("x", channels),
        (space, "x"),
        (channels, space),
        (rows, columns),
        (g.op(kind, "x", rows), columns),
    ):
        g.imported(tmp_path, g.op(kind, a, b))


def test_a_gate_that_was_flattened(tmp_path: Path) -> None:
    g = Graph(1, 4, 6, 5)
    gate = g.op("Flatten", g.op("GlobalAveragePool", "x"))
    gate = g.op("Sigmoid", g.op("Gemm", gate, numbers(4, 4), numbers(4)))
    wide = g.op("Unsqueeze", gate, integers(2, 3))
    assert g.words(tmp_path, g.op("Mul", "x", wide))[-1] == "mul"
    expanded = g.op("Expand", wide, g.op("Shape", "x"))
    assert g.words(tmp_path, g.op("Mul", "x", expanded))[-1] == "mul"


@pytest.mark.parametrize("kind", ["Expand", "Tile"])
@pytest.mark.parametrize("first", [True, False])
def test_a_gate_that_is_repeated(kind: str, first: bool, tmp_path: Path) -> None:
    g = Graph(1, 4, 6, 5)
    gate = g.op("Sigmoid", g.op("GlobalAveragePool", "x"))
    wide = g.op(kind, gate, integers(1, 4, 6, 5) if kind == "Expand" else integers(1, 1, 6, 5))
    y = g.op("Mul", wide, "x") if first else g.op("Mul", "x", wide)
    assert g.words(tmp_path, y) == ["gap", "sigmoid", "mul"]


def test_a_repetition_that_nothing_stretches(tmp_path: Path) -> None:
    g = Graph(1, 4, 6, 5)
    mean = g.op("ReduceMean", "x", axes=[1, 2, 3])
    wide = g.op("Expand", mean, integers(1, 3, 6, 1))
    assert g.words(tmp_path, g.op("Relu", wide)) == ["gap", "gap", "take", "upsample", "relu"]
    g.imported(tmp_path, g.op("Concat", g.op("Expand", mean, integers(1, 2, 6, 5)), "x", axis=1))
    twice = g.op("Mul", wide, g.op("Expand", mean, integers(1, 3, 1, 5)))
    g.imported(tmp_path, twice)


def test_spatial_attention(tmp_path: Path) -> None:
    g = Graph(1, 4, 8, 8, opset=18)
    both = [g.op(kind, "x", integers(1)) for kind in ("ReduceMean", "ReduceMax")]
    gate = g.op("Conv", g.op("Concat", *both, axis=1), numbers(1, 2, 3, 3), pads=[1, 1, 1, 1])
    imported = g.imported(tmp_path, g.op("Mul", "x", g.op("Sigmoid", gate)))
    assert "    -> conv 3x3 1 p1 nobias sigmoid\n" in imported.text
    assert "| gmp channels\n" in imported.text


def test_a_bound_and_two_values(tmp_path: Path) -> None:
    g = Graph()
    y = g.op("Max", g.op("Neg", "x"), f32(0), "x")
    assert g.words(tmp_path, y)[-2:] == ["max", "relu"]
    z = g.op("Max", np.zeros(1, np.float32), g.op("Conv", "x", numbers(8, 8, 1, 1)), "x")
    g.imported(tmp_path, z)


@pytest.mark.parametrize(
    ("kind", "attributes", "line"),
    [
        ("Celu", {"alpha": 0.5}, "celu 0.5"),
        ("Softsign", {}, "softsign"),
        ("Shrink", {"lambd": 0.25}, "shrink 0.25"),
        ("Shrink", {"lambd": 0.25, "bias": 0.125}, "shrink 0.25 0.125"),
        ("ThresholdedRelu", {"alpha": 0.25}, "threshold 0.25"),
        ("Abs", {}, "abs"),
    ],
)
def test_activations(kind: str, attributes: dict[str, float], line: str, tmp_path: Path) -> None:
    g = Graph()
    text = g.imported(tmp_path, g.op(kind, "x", **attributes)).text
    assert text.splitlines()[3] == f"result: {line}"


@pytest.mark.parametrize(
    ("kind", "line"),
    [("Exp", "exp"), ("Log", "log"), ("Sqrt", "power 0.5"), ("Reciprocal", "power -1")],
)
def test_functions(kind: str, line: str, tmp_path: Path) -> None:
    g = Graph()
    y = g.op("Add", g.op("Sigmoid", "x"), f32(0.5))
    text = g.imported(tmp_path, g.op(kind, y)).text
    assert text.splitlines()[3].removesuffix(line).strip("-> ").endswith("scale offset=0.5")


@pytest.mark.parametrize("bounds", [(-0.5, 0.5), (None, 0.5), (0.25, None), (-3.0, 0.0)])
@pytest.mark.parametrize("opset", [6, 11, 18])
def test_bounds(bounds: tuple[float | None, float | None], opset: int, tmp_path: Path) -> None:
    g = Graph(opset=opset)
    if opset < 11:
        pairs = zip(("min", "max"), bounds, strict=True)
        y = g.op("Clip", "x", **{name: n for name, n in pairs if n is not None})
    else:
        y = g.op("Clip", "x", *("" if n is None else f32(n) for n in bounds))
    assert g.words(tmp_path, y) == ["clamp"]


@pytest.mark.parametrize(
    ("kind", "bound", "words"),
    [
        ("Max", 0.25, ["clamp", "relu"]),
        ("Min", 0.25, ["clamp", "relu"]),
        ("Max", 0.0, ["relu", "relu"]),
        ("Max", -np.inf, ["relu"]),
        ("Max", np.finfo(np.float32).min, ["relu"]),
        ("Min", np.inf, ["relu"]),
    ],
)
def test_bounds_by_extremes(kind: str, bound: float, words: list[str], tmp_path: Path) -> None:
    g = Graph()
    bounded = g.op("Add", "x", g.op("Relu", g.op(kind, "x", f32(bound))))
    assert [w for w in g.words(tmp_path, bounded) if w in ("clamp", "relu")] == words


def test_single_numbers_are_fixed_and_tensors_of_one_value_trained(tmp_path: Path) -> None:
    g = Graph()
    body = g.op("Conv", "x", numbers(8, 8, 1, 1))
    fixed = g.imported(tmp_path, g.op("Add", "x", g.op("Mul", body, f32(0.17))))
    assert "scale 0.17\n" in fixed.text
    assert [name for name in fixed.values if "scale" in name] == []
    learned = g.imported(tmp_path, g.op("Add", "x", g.op("Mul", body, numbers(1))))
    assert "-> scale nobias shared\n" in learned.text
    assert [v.shape for n, v in learned.values.items() if "scale" in n] == [(1,)]
    both = g.op("Sub", g.op("Div", "x", f32(127.5)), f32(1))
    assert "scale 0.007843138 -1\n" in g.imported(tmp_path, both).text


@pytest.mark.parametrize("bound", ["Clip", "Max", "none"])
@pytest.mark.parametrize("sizes", [("N", 6), ("N", 6, 4, 5)])
def test_unit_lengths(bound: str, sizes: tuple[int | str, ...], tmp_path: Path) -> None:
    g = Graph(*sizes)
    length = g.op("ReduceL2", "x", axes=[1], keepdims=1)
    if bound != "none":
        length = g.op(bound, length, f32(1e-12))
    wide = g.op("Expand", length, g.op("Shape", "x"))
    assert g.words(tmp_path, g.op("Div", "x", wide)) == ["l2norm"]


def test_unit_lengths_by_roots_and_by_an_operator(tmp_path: Path) -> None:
    g = Graph("N", 6, 4, 5)
    squares = g.op("ReduceSum", g.op("Mul", "x", "x"), integers(1), keepdims=1)
    root = g.op("Sqrt", g.op("Max", squares, f32(1e-6)))
    y = g.op("Mul", "x", g.op("Reciprocal", root))
    assert "l2norm eps=0.001" in g.imported(tmp_path, y).text
    assert g.words(tmp_path, g.op("LpNormalization", "x", axis=1)) == ["l2norm"]
    g.imported(tmp_path, g.op("LpNormalization", "x", axis=1, p=1))


@pytest.mark.parametrize("last", [False, True])
def test_global_response(last: bool, tmp_path: Path) -> None:
    g = Graph(1, 8, 5, 6)
    x = g.op("Relu", "x")
    space, channels, weights = [2, 3], [1], numbers(2, 1, 8, 1, 1)
    if last:
        x = g.op("Transpose", x, perm=[0, 2, 3, 1])
        space, channels, weights = [1, 2], [-1], numbers(2, 8)
    length = g.op("ReduceL2", x, axes=space)
    mean = g.op("Add", g.op("ReduceMean", length, axes=channels), f32(1e-6))
    raised = g.op("Mul", weights[0], g.op("Mul", x, g.op("Div", length, mean)))
    y = g.op("Add", x, g.op("Add", weights[1], raised))
    y = g.op("Transpose", y, perm=[0, 3, 1, 2]) if last else y
    assert g.words(tmp_path, y) == ["relu", "grn"]


def test_global_response_without_weights(tmp_path: Path) -> None:
    g = Graph(1, 4, 8, 8, opset=17)
    length = g.op("ReduceL2", "x", axes=[2, 3])
    share = g.op("Div", length, g.op("ReduceMean", length, axes=[1]))
    words = g.words(tmp_path, g.op("Add", "x", g.op("Mul", "x", share)))
    assert words == ["power", "gap", "scale", "power", "gap", "div", "mul", "add"]


def test_what_only_looks_like_a_global_response(tmp_path: Path) -> None:
    g = Graph(1, 4, 8, 8)
    square = g.op("Mul", "x", "x")
    raised = g.op("Mul", square, numbers(4, 1, 1))
    y = g.op("Add", "x", g.op("Add", raised, numbers(4, 1, 1)))
    assert "grn" not in g.words(tmp_path, y)


@pytest.mark.parametrize(("factor", "offset"), [(None, None), (2, None), (None, 3)])
def test_distances_from_codes(factor: float | None, offset: float | None, tmp_path: Path) -> None:
    """2·x·c − |c|² − |x|², and what only looks like it."""
    codes = np.asarray(RadialBasis(classes=4).codes(8), np.float32)
    g = Graph("N", 8)
    products = g.op("Gemm", "x", codes, -np.full(4, 8, np.float32), alpha=2.0, transB=1)
    squares = g.op("ReduceSumSquare", "x", axes=[1], keepdims=1)
    squares = squares if factor is None else g.op("Mul", squares, f32(factor))
    squares = squares if offset is None else g.op("Add", squares, f32(offset))
    words = g.words(tmp_path, g.op("Sub", products, squares))
    assert (words == ["rbf"]) == (factor is offset)


@pytest.mark.parametrize(("factor", "offset"), [(4, None), (8, 3)])
def test_distances_by_a_mean_that_is_none(
    factor: float, offset: float | None, tmp_path: Path
) -> None:
    """The mean of squares times another number than there are."""
    codes = np.asarray(RadialBasis(classes=4).codes(8), np.float32)
    g = Graph("N", 8)
    products = g.op("Gemm", "x", codes, -np.full(4, 8, np.float32), alpha=2.0, transB=1)
    mean = g.op("ReduceMean", g.op("Pow", "x", f32(2)), axes=[1], keepdims=1)
    squares = g.op("Mul", mean, f32(factor))
    squares = squares if offset is None else g.op("Add", squares, f32(offset))
    assert "rbf" not in g.words(tmp_path, g.op("Sub", products, squares))


@pytest.mark.parametrize("groups", [1, 2])
def test_split_attention(groups: int, tmp_path: Path) -> None:
    """ResNeSt's: a softmax among the branches of every channel, whose sum goes on."""
    g = Graph("N", 8, 6, 5)
    branches = g.op("Reshape", "x", integers(0, 2, 4, 6, 5))
    gate = g.op("Reshape", g.op("GlobalAveragePool", "x"), integers(0, groups, 2, 4 // groups))
    gate = g.op("Softmax", g.op("Transpose", gate, perm=[0, 2, 1, 3]), axis=1)
    gate = g.op("Reshape", g.op("Reshape", gate, integers(0, -1)), integers(0, 2, 4, 1, 1))
    y = g.op("ReduceSum", g.op("Mul", branches, gate), integers(1), keepdims=0)
    g.imported(tmp_path, g.op("Conv", y, numbers(3, 4, 1, 1)))
