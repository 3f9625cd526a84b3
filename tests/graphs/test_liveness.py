"""What a graph holds at once, counted by hand."""

import onnx_ir as ir
import pytest

from cnndsl.graphs.liveness import peak_bytes


def _graph(text: str) -> ir.Graph:
    return ir.from_onnx_text(f'<ir_version: 8, opset_import: ["" : 17]>\n{text}').graph


@pytest.mark.parametrize(
    ("nodes", "values"),
    [
        pytest.param("y = Relu(x)", 1, id="one value"),
        pytest.param("a = Relu(x)\n b = Relu(a)\n y = Relu(b)", 1, id="in the place of the last"),
        pytest.param("a = Relu(x)\n b = Relu(a)\n y = Add(a, b)", 2, id="kept for a later one"),
        pytest.param("a = Relu(x)\n b = Add(a, a)\n y = Add(b, b)", 1, id="read twice at once"),
        pytest.param("y = Relu(x)\n a = Relu(x)\n b = Exp(a)", 2, id="an output stays"),
    ],
)
def test_values_alive_at_once(nodes: str, values: int) -> None:
    shape = "float[2, 3]"
    inner = ", ".join(f"{shape} {name}" for name in "ab" if f"{name} =" in nodes)
    graph = _graph(f"g ({shape} x) => ({shape} y) <{inner}> {{ {nodes} }}")
    assert peak_bytes(graph) == values * 24


def test_unknown_shapes_count_as_nothing() -> None:
    assert peak_bytes(_graph("g (float[n] x) => (float[n] y) { y = Relu(x) }")) == 0
