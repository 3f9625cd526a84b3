"""What a graph holds at once, counted by hand."""

import json
from pathlib import Path

import numpy as np
import onnx_ir as ir
import onnxruntime
import pytest

from cnndsl.graphs.liveness import peak_bytes, run_order


def _graph(text: str) -> ir.Graph:
    return ir.from_onnx_text(f'<ir_version: 8, opset_import: ["" : 17]>\n{text}').graph


@pytest.mark.parametrize(
    ("nodes", "values"),
    [
        pytest.param("y = Relu(x)", 1, id="one value"),
        pytest.param("a = Relu(x)\n b = Relu(a)\n y = Relu(b)", 1, id="in the place of the last"),
        pytest.param("a = Relu(x)\n b = Relu(a)\n y = Add(a, b)", 2, id="kept for a later one"),
        pytest.param("a = Relu(x)\n b = Add(a, a)\n y = Add(b, b)", 1, id="read twice at once"),
        pytest.param("a = Relu(x)\n b = Exp(a)\n y = Relu(x)", 2, id="an output stays"),
    ],
)
def test_values_alive_at_once(nodes: str, values: int) -> None:
    shape = "float[2, 3]"
    inner = ", ".join(f"{shape} {name}" for name in "ab" if f"{name} =" in nodes)
    graph = _graph(f"g ({shape} x) => ({shape} y) <{inner}> {{ {nodes} }}")
    assert peak_bytes(graph) == values * 24


def test_unknown_shapes_count_as_nothing() -> None:
    assert peak_bytes(_graph("g (float[n] x) => (float[n] y) { y = Relu(x) }")) == 0


def test_the_order_is_onnx_runtimes(tmp_path: Path) -> None:
    """As its profile tells it, of a graph with several ends and nodes of two inputs."""
    graph = _graph(
        "g (float[2, 3] x) => (float[2, 3] y, float[2, 3] z) {"
        " a = Exp(x) b = Sin(a) c = Cos(x) y = Add(c, b) d = Tan(b) z = Mul(d, c) }"
    )
    for i, node in enumerate(graph):
        node.name = f"n{i}"
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.enable_profiling, options.profile_file_prefix = True, str(tmp_path / "profile")
    model = ir.to_proto(ir.Model(graph, ir_version=8)).SerializeToString()
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    session.run(None, {"x": np.ones((2, 3), np.float32)})
    events = json.loads(Path(session.end_profiling()).read_text())
    ran = [e["name"].removesuffix("_kernel_time") for e in sorted(events, key=lambda e: e["ts"])]
    assert [n for n in ran if n.startswith("n")] == [node.name for node in run_order(graph)]
