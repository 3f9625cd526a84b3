"""Right answers are counted alike in a graph and in NumPy; ties count as a draw by lot would."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
import pytest

from cnndsl.graphs.writer import Writer
from cnndsl.runtime.session import open_session
from cnndsl.training.top_k import count_top_k, in_top_k

NAN, INF = np.nan, np.inf


def counted(values: npt.NDArray[Any], targets: npt.NDArray[np.int64]) -> tuple[float, float]:
    """What the graph says: `correct` and `correct5`."""
    write = Writer()
    shape = ir.Shape(["N", *values.shape[1:]])
    logits = ir.Value(name="logits", shape=shape, type=ir.TensorType(ir.DataType.FLOAT))
    shape = ir.Shape(["N", *targets.shape[1:]])
    target = ir.Value(name="target", shape=shape, type=ir.TensorType(ir.DataType.INT64))
    counts = count_top_k(write, logits, target)
    for name, value in counts.items():
        value.name = name
    graph = ir.Graph(
        [logits, target],
        list(counts.values()),
        nodes=write.nodes,
        initializers=list(write.constants.values()),
        opset_imports={"": 18},
        name="hits",
    )
    model = ir.to_proto(ir.Model(graph, ir_version=9)).SerializeToString()
    found = open_session(model).run(None, {"logits": values.astype(np.float32), "target": targets})
    first, five = (float(np.asarray(number)) for number in found)
    return first, five


def drawn(values: list[float], target: int, ranks: int) -> float:
    """The mean over all orders in which equals could be ranked."""
    if any(np.isnan(values)):
        return 0.0
    among: list[bool] = []
    for order in permutations(range(len(values))):
        ranked = sorted(order, key=lambda n: -values[n])  # stable: equals in this order
        among.append(target in ranked[:ranks])
    return sum(among) / len(among)


ROWS = [
    [3.0, 2.0, 1.0, 0.0, -1.0, -2.0],
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    [1.0, 2.0, 2.0, 0.0, 2.0, 0.0],
    [5.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    [-INF, -INF, 0.0, 1.0, -INF, 2.0],
    [INF, INF, 0.0, 1.0, 2.0, 3.0],
    [NAN, NAN, NAN, NAN, NAN, NAN],
]


@pytest.mark.parametrize("row", ROWS)
def test_a_tie_counts_as_much_as_a_draw_by_lot(row: list[float]) -> None:
    values = np.array([row])
    for target in range(len(row)):
        targets = np.array([target])
        expected = drawn(row, target, 1), drawn(row, target, 5)
        assert counted(values, targets) == pytest.approx(expected, rel=1e-6)
        assert [float(in_top_k(values, targets, k)[0]) for k in (1, 5)] == pytest.approx(expected)


def test_nan_is_ahead_of_numbers_and_never_right() -> None:
    row = np.array([[3.0, NAN, 1.0, 0.0, -1.0, -2.0]])
    for target, expected in enumerate([(0, 1), (0, 0), (0, 1), (0, 1), (0, 1), (0, 0)]):
        assert counted(row, np.array([target])) == expected
        assert tuple(in_top_k(row, np.array([target]), k)[0] for k in (1, 5)) == expected


@pytest.mark.parametrize("classes", [2, 3, 5, 6, 10])
@pytest.mark.parametrize("target", [0, 1])
def test_a_constant_model_is_never_all_right(classes: int, target: int) -> None:
    values, targets = np.full((8, classes), 0.25), np.full(8, target)
    expected = 8 / classes, 8 * min(5, classes) / classes
    assert counted(values, targets) == pytest.approx(expected)
    assert [in_top_k(values, targets, min(k, classes)).sum() for k in (1, 5)] == pytest.approx(
        expected
    )


@pytest.mark.parametrize("shape", [(40, 7), (6, 7, 3), (4, 3, 5, 2)])
def test_maps_are_counted_at_every_place(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(0, 4, shape).astype(np.float32)  # many ties
    targets = rng.integers(0, shape[1], (shape[0], *shape[2:]))
    rows = np.moveaxis(values, 1, -1).reshape(-1, shape[1])
    ranks = min(5, shape[1])
    expected = tuple(float(in_top_k(rows, targets.reshape(-1), k).sum()) for k in (1, ranks))
    assert counted(values, targets) == pytest.approx(expected, rel=1e-6)
