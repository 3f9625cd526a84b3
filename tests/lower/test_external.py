"""Models that are to be trained, but damaged."""

from pathlib import Path

import onnx
import pytest

from cnndsl.diagnostics import UsageError
from cnndsl.lower.external import read_external
from tests.support.graphs import Graph, numbers


def test_nodes_in_another_order_than_they_run(tmp_path: Path) -> None:
    g = Graph(1, 8)
    y = g.op("Relu", g.op("MatMul", "x", numbers(8, 3)))
    g.nodes.reverse()
    with pytest.raises(UsageError, match="its Relu `t1` takes `t0`, which nothing before it makes"):
        read_external(g.save(tmp_path, y))


def test_an_operator_of_old(tmp_path: Path) -> None:
    g = Graph(1, 3, 8, 8, opset=7)
    path = g.save(tmp_path, g.op("Conv", g.op("ImageScaler", "x", scale=0.1), numbers(4, 3, 3, 3)))
    with pytest.raises(UsageError, match="to opset 18: ONNX has no operator ImageScaler today"):
        read_external(path)


@pytest.mark.parametrize("size", [0, -1])
def test_sizes_that_are_none_are_open(size: int, tmp_path: Path) -> None:
    g = Graph(1, 8)
    path = g.save(tmp_path, g.op("MatMul", "x", numbers(8, 3)))
    model = onnx.load(path)
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = size
    onnx.save(model, path)
    with pytest.raises(UsageError, match="the input `x` has open sizes"):
        read_external(path)
